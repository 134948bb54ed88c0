"""A client in virtual time: drives a session without sockets, checks every frame against the SDK's types."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from talkpath.bridge.simulator.audio import FORMATS, tone, tone_ladder
from talkpath.bridge.simulator.faults import RECORDED, Faults, Timing
from talkpath.bridge.simulator.personas import TonePersona
from talkpath.bridge.simulator.reply import Speech
from talkpath.bridge.simulator.session import RealtimeSession, SessionOptions
from talkpath.bridge.simulator.timeline import Close, Listen, Output, Reset, Send, StopReading, Think

if TYPE_CHECKING:
    from talkpath.bridge.simulator.reply import Heard, Persona, Reply, Samples, Turn

Json = dict[str, Any]
SERVER_EVENT: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
READ_ONLY = {"id", "object", "expires_at"}
"""Fields of a session on the wire that the SDK's types do not know."""


def check_frame(frame: Json) -> None:
    """Validate a server frame; nothing in it may be unknown to the SDK except what is known to be."""
    event = SERVER_EVENT.validate_python(frame)
    assert event.type == frame["type"], f"{frame['type']} was taken for {event.type}"
    unknown = set(event.model_extra or {}) - {"obfuscation"}
    assert not unknown, f"{frame['type']} has unknown fields {unknown}"
    SERVER_EVENT.validate_json(json.dumps(frame), strict=True)


class Saying:
    """A persona with prepared replies, one after the other, the last one for ever."""

    name = "saying"
    blocking = False

    def __init__(self, *replies: Reply) -> None:
        self._replies = replies
        self.turns: list[Turn] = []

    def transcribe(self, heard: Heard) -> str:
        return f"{heard.duration_ms} ms"

    def reply(self, turn: Turn) -> Reply:
        self.turns.append(turn)
        return self._replies[min(len(self.turns), len(self._replies)) - 1]


def speech(milliseconds: float, text: str = "one two three four five six", **more: Any) -> Speech:
    """Words that last so long."""
    return Speech(tone_ladder(milliseconds), text, **more)


class Driver:
    """A client and the clock. Frames received are in ``frames``, endings in ``ends``."""

    def __init__(
        self,
        persona: Persona | None = None,
        timing: Timing = RECORDED,
        faults: Faults | None = None,
        model: str = "gpt-realtime-2.1",
        *,
        check: bool = True,
    ) -> None:
        options = SessionOptions(model=model, timing=timing, faults=faults or Faults())
        self.session = RealtimeSession(options, wall_time=1_700_000_000)
        self.persona = persona or TonePersona(1000)
        self.now = 100.0
        self.frames: list[Json] = []
        self.times: list[float] = []
        self.ends: list[Close | Reset | StopReading] = []
        self._check = check
        self._format = FORMATS["audio/pcm"]
        self.session.start(self.now)
        self.run()

    # ---- the clock ---------------------------------------------------------------------------------

    def run(self, seconds: float = 30.0) -> None:
        """Let time pass until nothing is due any more, at most so long."""
        end = self.now + seconds
        while (due := self.session.next_due()) is not None and due <= end:
            self.now = max(self.now, due)
            self._poll()

    def wait(self, seconds: float) -> None:
        """Let exactly this time pass."""
        end = self.now + seconds
        self.run(seconds)
        self.now = end
        self._poll()

    def _poll(self) -> None:
        for output in self.session.poll(self.now):
            self._take(output)

    def _take(self, output: Output) -> None:
        match output:
            case Send(frame):
                copy = json.loads(json.dumps(frame))
                if self._check:
                    check_frame(copy)
                self.frames.append(copy)
                self.times.append(self.now)
            case Listen(heard):
                self.session.transcribed(heard, self.persona.transcribe(heard), self.now)
            case Think(turn):
                self.session.thought(turn, self.persona.reply(turn), self.now)
            case _:
                self.ends.append(output)

    # ---- the client --------------------------------------------------------------------------------

    def send(self, event_type: str, **fields: Any) -> None:
        """Send an event."""
        self.session.receive(json.dumps({"type": event_type, **fields}), self.now)
        self._poll()

    def update(self, **session: Any) -> None:
        """Send ``session.update`` and wait for the answer."""
        self.send("session.update", session={"type": "realtime", **session})
        output = self.session.session["audio"]["input"]["format"]["type"]
        self._format = FORMATS[output]
        self.run()

    def append(self, samples: Samples, pace: float = 1.0) -> None:
        """Append a clip (int16 at the rate of the session) in 20 ms pieces, ``pace`` times real time."""
        size = self._format.rate // 50
        for start in range(0, len(samples), size):
            data = self._format.encode(samples[start : start + size], self._format.rate)
            self.send("input_audio_buffer.append", audio=base64.b64encode(data).decode())
            self.wait(0.02 / pace)

    def speak(self, milliseconds: float, hertz: float = 440.0, pace: float = 1.0) -> None:
        """Play a tone as the caller."""
        self.append(tone(hertz, milliseconds, rate=self._format.rate), pace)

    def hush(self, milliseconds: float, pace: float = 1.0) -> None:
        """Send silence."""
        self.append(np.zeros(int(self._format.rate * milliseconds / 1000), dtype=np.int16), pace)

    # ---- what came ---------------------------------------------------------------------------------

    def types(self, since: int = 0) -> list[str]:
        """Return the types of the frames, runs of equal ones as one."""
        types = [frame["type"] for frame in self.frames[since:]]
        return [t for i, t in enumerate(types) if not i or types[i - 1] != t]

    def of(self, event_type: str) -> list[Json]:
        """Return the frames of one type."""
        return [frame for frame in self.frames if frame["type"] == event_type]

    def last(self, event_type: str) -> Json:
        """Return the newest frame of one type."""
        return self.of(event_type)[-1]

    def error(self) -> Json:
        """Return the newest error."""
        error: Json = self.last("error")["error"]
        return error

    def audio(self, item_id: str | None = None) -> bytes:
        """Return the octets of the model's speech."""
        deltas = [d for d in self.of("response.output_audio.delta") if item_id in (None, d["item_id"])]
        return b"".join(base64.b64decode(d["delta"]) for d in deltas)
