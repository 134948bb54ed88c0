"""Our session against the simulator's, both sans-I/O, coupled in virtual time with a telephone that plays.

The simulator validates strictly what we send, truncates as the service does and knows what the model
remembers; so what was heard can be compared with what is remembered.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from talkpath.bridge.realtime import effects as e
from talkpath.bridge.realtime.lifecycle import State
from talkpath.bridge.realtime.session import RealtimeSession
from talkpath.bridge.realtime.settings import SessionSettings, ToolDefinition
from talkpath.bridge.realtime.wire import append_event
from talkpath.bridge.simulator import session as server
from talkpath.bridge.simulator import timeline
from talkpath.bridge.simulator.audio import FORMATS, tone
from talkpath.bridge.simulator.faults import NO_FAULTS, Faults
from talkpath.bridge.simulator.script import ScriptPersona, parse_script

if TYPE_CHECKING:
    from collections.abc import Callable

SILENCE = b"\xff" * 160
TICK = 0.02


def turn(*parts: dict[str, Any], **rules: Any) -> dict[str, Any]:
    """One turn of a script."""
    return {"reply": list(parts), **rules}


@dataclass
class Telephone:
    """A lane: plays items in order at 20 ms a frame, and can be flushed."""

    waiting: list[list[Any]] = field(default_factory=list)  # [item_id, bytes left, finished]
    played: dict[str, int] = field(default_factory=dict)

    def add(self, item_id: str, size: int) -> None:
        if not any(entry[0] == item_id for entry in self.waiting):
            self.waiting.append([item_id, 0, False])
        next(entry for entry in self.waiting if entry[0] == item_id)[1] += size

    def finish(self, item_id: str) -> None:
        for entry in self.waiting:
            entry[2] = entry[2] or entry[0] == item_id

    def beat(self) -> list[str]:
        """Play one frame; returns the items that are drained."""
        drained = []
        while self.waiting:
            entry = self.waiting[0]
            size = min(160, entry[1])
            entry[1] -= size
            self.played[entry[0]] = self.played.get(entry[0], 0) + size
            if entry[1] == 0 and entry[2]:
                drained.append(entry[0])
                self.waiting.pop(0)
                if size == 0:
                    continue
            break
        return drained

    def flush(self) -> list[e.Played]:
        answer = [e.Played(entry[0], self.played.get(entry[0], 0) // 8) for entry in self.waiting]
        self.waiting.clear()
        return answer


class Call:
    """Caller, telephone, our session, and the simulated server."""

    def __init__(self, script: Any = (), faults: Faults = NO_FAULTS, **settings: Any) -> None:
        self.settings = SessionSettings(model="gpt-realtime-2.1", **settings)
        self.ours = RealtimeSession(self.settings, jitter=lambda: 0.0)
        self.theirs = server.RealtimeSession(server.SessionOptions(faults=faults), wall_time=1_700_000_000)
        self.persona = ScriptPersona(parse_script({"turn": list(script) or [turn({"say": "Aha."})]}))
        self.phone = Telephone()
        self.now = 50.0
        self.log: list[e.Effect] = []
        self.errors: list[Any] = []
        self.tools: dict[str, Callable[[dict[str, Any]], str]] = {}
        self.theirs.start(self.now)
        self.ours.connected(self.now)
        self.pass_time(0.5)

    def pass_time(self, seconds: float, hertz: float = 0.0) -> None:
        """Let the call go on; the caller whistles at ``hertz``, or is silent."""
        ticks = round(seconds / TICK)
        samples = tone(hertz, ticks * 20.0) if hertz else np.zeros(ticks * 480, np.int16)
        audio = FORMATS["audio/pcmu"].encode(samples)
        for tick in range(ticks):
            if self.ours.state is State.READY:
                self.theirs.receive(append_event(audio[tick * 160 : tick * 160 + 160]).decode(), self.now)
            for item_id in self.phone.beat():
                self.ours.playout_drained(item_id, self.now)
            self._exchange()
            self.now += TICK

    def _exchange(self) -> None:
        busy = True
        while busy:
            busy = False
            for output in self.theirs.poll(self.now):
                busy = True
                self._server_wants(output)
            due = self.ours.deadline()
            if due is not None and due <= self.now:
                self.ours.wake(self.now)
            for effect in self.ours.effects():
                busy = True
                self.log.append(effect)
                self._session_wants(effect)

    def _server_wants(self, output: timeline.Output) -> None:
        match output:
            case timeline.Send(frame):
                if frame["type"] == "error":
                    self.errors.append(frame["error"])
                self.ours.received(json.dumps(frame), self.now)
            case timeline.Think(turn):
                self.theirs.thought(turn, self.persona.reply(turn), self.now)
            case timeline.Listen(heard):
                self.theirs.transcribed(heard, self.persona.transcribe(heard), self.now)
            case timeline.Close(code, reason):
                self.ours.disconnected(code, reason, self.now)

    def _session_wants(self, effect: e.Effect) -> None:
        match effect:
            case e.Send(data):
                self.theirs.receive(data.decode(), self.now)
            case e.PlayAudio(item_id, audio):
                self.phone.add(item_id, len(audio))
            case e.FinishItem(item_id):
                self.phone.finish(item_id)
            case e.FlushPlayout():
                self.ours.flushed(self.phone.flush(), self.now)
            case e.RunTool(call_id, name, arguments):
                self.ours.tool_finished(call_id, self.tools[name](arguments), self.now)

    def effects(self, kind: type[Any]) -> list[Any]:
        return [effect for effect in self.log if isinstance(effect, kind)]

    def outcomes(self) -> list[tuple[str, str]]:
        return [(done.purpose, done.outcome) for done in self.effects(e.ResponseFinished)]

    def spoken_memory(self) -> list[float]:
        """Milliseconds of each spoken item of the agent that the model remembers."""
        return [m.audio_ms for m in self.theirs.conversation.remembered() if m.audio_ms]


def test_the_greeting_is_heard_to_its_end_and_the_caller_answered() -> None:
    call = Call(
        [turn({"say": "Hello there."}), turn({"say": "You whistled."}, tone=700)], greeting="Hello there."
    )
    call.ours.greet(call.now)
    call.pass_time(3.0)
    call.pass_time(0.6, hertz=700)
    call.pass_time(5.0)
    assert call.outcomes() == [("greeting", "spoken"), ("turn", "spoken")]
    assert call.errors == []
    assert call.ours.idle()
    assert [round(ms) for ms in call.spoken_memory()] == [round(n / 8) for n in call.phone.played.values()]
    assert [line.role for line in call.ours.history()] == ["assistant", "user", "assistant"]


@pytest.mark.parametrize("after", [0.6, 1.5, 4.0], ids=["generating", "generated", "late"])
def test_after_a_barge_in_the_model_remembers_what_was_heard(after: float) -> None:
    call = Call([turn({"say": "x" * 150}), turn({"say": "Yes?"})], greeting="Hello")
    call.ours.greet(call.now)
    call.pass_time(after)
    call.pass_time(0.6, hertz=700)
    call.pass_time(6.0)
    assert call.errors == []
    assert call.effects(e.FlushPlayout)
    first, second = call.phone.played.values()
    remembered = call.spoken_memory()
    assert 0 <= first / 8 - remembered[0] < 1.0
    assert remembered[1] == pytest.approx(second / 8, abs=1.0)
    assert call.outcomes()[-1] == ("turn", "spoken")


@pytest.mark.parametrize("frame", range(0, 60, 2))
def test_whenever_the_caller_interrupts_nothing_unheard_is_remembered(frame: int) -> None:
    call = Call([turn({"say": "x" * 60}), turn({"say": "Yes?"}, repeat=True)], greeting="Hello")
    call.ours.greet(call.now)
    call.pass_time(frame * TICK)
    call.pass_time(0.4, hertz=700)
    call.pass_time(6.0)
    assert call.errors == []
    for memory in call.theirs.conversation.remembered():
        if memory.role == "assistant":
            heard_ms = call.phone.played.get(memory.item_id, 0) / 8
            assert heard_ms > 0, f"of {memory} nothing was heard"
            assert heard_ms == pytest.approx(memory.audio_ms, abs=1.0)


def test_a_tool_is_called_and_its_result_spoken() -> None:
    call = Call(
        [
            turn({"commentary": "One moment."}, {"call": "lookup", "arguments": {"city": "Ulm"}}),
            turn({"say": "It rains."}, output_of="lookup"),
        ],
        tools=(ToolDefinition(name="lookup"),),
    )
    call.tools["lookup"] = lambda arguments: json.dumps({"weather": "rain", **arguments})
    call.pass_time(0.6, hertz=700)
    call.pass_time(6.0)
    assert call.errors == []
    assert call.outcomes() == [("turn", "spoken"), ("tool", "spoken")]
    assert len(call.phone.played) == 2


def test_a_failed_response_is_repeated_until_it_speaks() -> None:
    call = Call([turn({"fail": "server_error"}), turn({"fail": "server_error"}), turn({"say": "Here I am."})])
    call.pass_time(0.6, hertz=700)
    call.pass_time(8.0)
    assert call.outcomes() == [("turn", "failed"), ("turn", "failed"), ("turn", "spoken")]
    assert call.effects(e.AgentSilent) == []


def test_digits_stop_the_agent_and_are_answered() -> None:
    call = Call([turn({"say": "x" * 150}), turn({"say": "Four."}, heard="pressed 4")], greeting="Hello")
    call.ours.greet(call.now)
    call.pass_time(1.5)
    call.ours.digits("4", call.now)
    call.pass_time(5.0)
    assert call.errors == []
    assert call.outcomes()[-1] == ("inject", "spoken")
    assert call.ours.idle()


def test_a_sentence_while_the_server_answers_the_caller_comes_after_it() -> None:
    call = Call()
    call.pass_time(0.6, hertz=700)
    call.pass_time(0.9)
    call.ours.say("One more thing.", call.now)
    call.pass_time(6.0)
    assert call.errors == []
    assert call.outcomes() == [("turn", "spoken"), ("say", "spoken")]


def test_history_is_accepted_by_a_fresh_session() -> None:
    first = Call([turn({"say": "Hello there."})], greeting="Hello there.")
    first.ours.greet(first.now)
    first.pass_time(4.0)
    second = Call()
    second.ours.reseed(first.ours.history(), second.now)
    second.ours.say("I am back.", second.now)
    second.pass_time(4.0)
    assert second.errors == []
    texts = [memory.text for memory in second.theirs.conversation.remembered()]
    assert texts[0] == "Hello there."
