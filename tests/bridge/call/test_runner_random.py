"""Random but plausible inputs: no event may be illegal, and every call ends with nothing left of it."""

from __future__ import annotations

import asyncio
import base64
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from talkpath.bridge.call.transfer_order import TransferOrder
from talkpath.bridge.realtime.connect_errors import ConnectError
from talkpath.sip import messages as m
from tests.bridge.call.model_double import ModelSocket
from tests.bridge.call.world import CONSULT, World, configuration
from tests.harness.virtual_time import run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 10
STEPS = 60

ERRORS = ("server_error", "rate_limit_exceeded", "insufficient_quota", "session_expired", "no_such_thing")
CLOSES = (1000, 1001, 1006, 1008, 1011, 3000, 4000)
ARGUMENTS = {"lookup": '{"city": "Ulm"}', "transfer_call": '{"target": "sales", "reason": "a bicycle"}'}
STAGES = (("accepted", 202), ("trying", 100), ("done", 200), ("done", 486), ("refused", 603), ("lost", 0))
STATUSES = ("completed", "cancelled", "failed", "incomplete")


async def lookup(city: str) -> str:
    """Look something up.

    Args:
        city: where.
    """
    await asyncio.sleep(1.0)
    return city


class WildModel(ModelSocket):
    """A server that mostly keeps to the protocol's words and never to its order."""

    def __init__(self, settings: Any, on_frame: Any, on_close: Any, chance: Random) -> None:
        super().__init__(settings, on_frame, on_close)
        self.chance = chance
        self.number = 0
        self.response = ""
        self.timers: list[asyncio.TimerHandle] = []
        if chance.random() < 0.9:
            self.timers.append(self._loop.call_later(chance.random() * 0.3, self.frame, "session.created"))
            self.wants_to_confirm = chance.random() < 0.95
        else:
            self.wants_to_confirm = False

    def frame(self, kind: str, **fields: Any) -> None:
        if kind == "session.created":
            fields = {"session": {"id": "sess_1", "object": "realtime.session"}}
        super().frame(kind, **fields)

    def send_soon(self, data: bytes) -> bool:
        sent = super().send_soon(data)
        if sent and self.wants_to_confirm and self.sent[-1]["type"] == "session.update":
            session = {"id": "sess_1", **self.sent[-1]["session"]}
            wait = self.chance.random() * 0.2
            self.timers.append(self._loop.call_later(wait, self._confirm, session))
        return sent

    def ended(self) -> None:
        for timer in self.timers:
            timer.cancel()

    def _confirm(self, session: dict[str, Any]) -> None:
        self.frame("session.updated", session=session)

    def say_something(self) -> None:
        """One random frame."""
        if self.open:
            words = [self.turn, self.begin, self.speak, self.call, self.finish, self.fail, self.loose_end]
            self.chance.choices(words, [1, 2, 3, 2, 2, 1, 1])[0]()

    def turn(self) -> None:
        item = f"item_{self.number}"
        self.frame("input_audio_buffer.speech_started", audio_start_ms=0, item_id=item)
        if self.chance.random() < 0.7:
            self.frame("input_audio_buffer.speech_stopped", audio_end_ms=100, item_id=item)
            self.frame("input_audio_buffer.committed", item_id=item, previous_item_id=None)

    def begin(self) -> None:
        self.number += 1
        self.response = f"resp_{self.number}"
        asked = self.asked("response.create")
        metadata = asked[-1]["response"]["metadata"] if asked and self.chance.random() < 0.7 else None
        body: dict[str, Any] = {
            "id": self.response,
            "status": "in_progress",
            "output": [],
            "metadata": metadata,
        }
        self.frame("response.created", response=body)

    def speak(self) -> None:
        audio = base64.b64encode(bytes(160 * self.chance.randint(1, 60))).decode()
        place = {"response_id": self.response, "item_id": f"said_{self.number}", "output_index": 0}
        self.frame("response.output_audio.delta", **place, content_index=0, delta=audio)
        if self.chance.random() < 0.4:
            self.frame("response.output_audio.done", **place, content_index=0)

    def call(self) -> None:
        name = self.chance.choice(["hang_up", "hang_up", "lookup", "unknown", "transfer_call"])
        item = {
            "id": f"fc_{self.number}",
            "type": "function_call",
            "status": "completed",
            "name": name,
            "call_id": f"call_{self.number}_{self.chance.randint(0, 3)}",
            "arguments": ARGUMENTS.get(name, "{}"),
        }
        self.frame("response.output_item.done", response_id=self.response, output_index=0, item=item)

    def finish(self) -> None:
        status = self.chance.choice(STATUSES)
        details = {"type": status, "reason": "turn_detected"} if status == "cancelled" else None
        body: dict[str, Any] = {
            "id": self.response,
            "status": status,
            "status_details": details,
            "output": [],
        }
        self.frame("response.done", response=body)

    def fail(self) -> None:
        error = {"type": "server_error", "code": self.chance.choice(ERRORS), "message": "no"}
        if self.chance.random() < 0.3:
            self.frame("error", error=error)

    def loose_end(self) -> None:
        if self.chance.random() < 0.2:
            self.drop(self.chance.choice(CLOSES))


class Chaos:
    """Chooses what happens next to one call."""

    def __init__(self, w: World, call: str, chance: Random) -> None:
        self.w, self.call, self.chance = w, call, chance
        w.auto = chance.random() < 0.6
        w._simulator = self._wild  # type: ignore[method-assign]  # the default way to a model
        down = ConnectError("unreachable", "down", retryable=True)
        wrong = ConnectError("http_401", "wrong key", retryable=False)
        w._connects = [self._way(down, wrong) for _ in range(chance.randint(0, 6))]

    def _way(self, down: Exception, wrong: Exception) -> Any:
        return self.chance.choices([down, self._wild, None, wrong], [4, 4, 1, 0.5])[0]

    def _wild(self, settings: Any, on_frame: Any, on_close: Any) -> ModelSocket:
        return WildModel(settings, on_frame, on_close, self.chance)

    async def step(self) -> None:
        """One thing happens, or time passes."""
        actions: list[tuple[float, Callable[[], None]]] = [
            (12, self.model),
            (2, self.confirm),
            (2, self.media),
            (2, self.digit),
            (1.5, self.whistle),
            (0.15, self.leave),
            (0.1, self.lose_sip),
            (0.1, lambda: self.w.worker.message(m.Stop())),
            (0.3, self.drop),
            (1.5, self.transfer),
            (3, self.human),
            (2, self.report),
        ]
        if self.chance.random() < 0.35:
            await asyncio.sleep(self.chance.choice([0.02, 0.02, 0.1, 0.5, 1.5, 4.0]))
            return
        weights, functions = zip(*actions, strict=True)
        self.chance.choices(functions, weights)[0]()

    def model(self) -> None:
        if self.w.models:
            self.w.model.say_something()

    def drop(self) -> None:
        if self.w.models:
            self.w.models[-1].drop(self.chance.choice(CLOSES))

    def confirm(self) -> None:
        """Possible once the dialog can be confirmed; more than once, too."""
        if self.w.of(m.Answer) or self.w.of(m.PlaceCall):
            self.w.worker.message(m.CallConfirmed(call=self.call))

    def media(self) -> None:
        if self.w.of(m.Answer) or self.w.of(m.PlaceCall):
            sends, receives = self.chance.random() < 0.8, self.chance.random() < 0.8
            self.w.worker.message(self.w.media(self.call, sends=sends, receives=receives))

    def human(self) -> None:
        """Something happens to the second leg of a transfer, which may be over."""
        legs = [order.call for order in self.w.of(m.PlaceCall) if CONSULT in order.call]
        if legs:
            call = legs[-1]
            status = self.chance.choice((200, 486, 482, 603))
            messages: list[m.AnyMessage] = [
                m.CallRinging(call=call, status=180),
                self.w.media(call),
                m.CallConfirmed(call=call),
                m.CallDigit(call=call, digit=self.chance.choice("12"), duration_ms=100),
                m.CallEnded(call=call, by="caller", status=status, reason=""),
            ]
            self.w.worker.message(self.chance.choice(messages))

    def transfer(self) -> None:
        """The operator transfers the call, if that can be."""
        runner = self.w.worker.calls.get(self.call)
        if runner is not None:
            runner.operator.transfer(TransferOrder(target="sales"))

    def report(self) -> None:
        """The peer says something about a REFER, if there was one."""
        if self.w.of(m.Refer):
            stage, status = self.chance.choice(STAGES)
            self.w.worker.message(
                m.ReferProgress(call=self.call, stage=stage, status=status, reason="")  # type: ignore[arg-type]  # one of them
            )

    def digit(self) -> None:
        self.w.worker.message(m.CallDigit(call=self.call, digit="5", duration_ms=100))

    def whistle(self) -> None:
        self.w.phone.hertz = self.chance.choice([0.0, 700.0])

    def leave(self) -> None:
        self.w.ended(self.call, by=self.chance.choice(["caller", "failure"]))

    def lose_sip(self) -> None:
        self.w.worker.message(m.PeerLost(who="sip", calls=(self.call,)))


async def one_call(monkeypatch: pytest.MonkeyPatch, seed: int, states: set[str]) -> None:
    chance = Random(seed)  # noqa: S311 - a fixed seed is the point
    agent = {
        "max_duration": chance.choice(["4s", "20s", "1h"]),
        "silence_timeout": chance.choice(["2s", "10s", None]),
        "greeting": chance.choice([None, "Hello."]),
    }
    modes = {"mode": chance.choice(["blind", "warm", "bridge"])}
    target = {"name": "sales", "description": "Orders.", "uri": ["700", "701"], **modes}
    config = configuration({**agent, "transfer": {"targets": ["sales"]}}, targets=[target])
    async with World(monkeypatch, config=config, callee="", tools=[lookup]) as w:
        outbound = chance.random() < 0.3
        call = "o1" if outbound else "c1"
        chaos = Chaos(w, call, chance)
        (w.originate if outbound else w.invite)(call)
        for _ in range(STEPS):
            await chaos.step()
            states.add(w.state(call))
            if not w.worker.calls:
                break
        w.ended(call)
        assert len(w.records) == 1
        assert w.record.call == call


@pytest.mark.parametrize("first", range(5))
def test_whatever_happens_nothing_is_illegal_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    states: set[str] = set()
    for seed in range(first * RUNS, (first + 1) * RUNS):
        try:
            run_virtual(lambda seed=seed: one_call(monkeypatch, seed, states))  # type: ignore[misc]  # bound at once
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error
    assert {"offered", "talking", "transferring", "ended"} <= states, "the inputs reach into the call"
