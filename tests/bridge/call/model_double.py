"""Stands for the socket of a Realtime session, in virtual time; the simulator can be at its other end."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from talkpath.bridge.simulator import timeline
from talkpath.bridge.simulator.faults import NO_FAULTS, Faults
from talkpath.bridge.simulator.script import ScriptPersona, parse_script
from talkpath.bridge.simulator.session import RealtimeSession, SessionOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from talkpath.bridge.realtime.settings import SessionSettings

HELLO = {"reply": [{"say": "Hello there, how can I help you?"}]}


class ModelSocket:
    """What `open_connection` returns, without a network. ``sent`` has every frame but the audio, decoded."""

    def __init__(
        self,
        settings: SessionSettings,
        on_frame: Callable[[bytes], None],
        on_close: Callable[[int, str], None],
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.settings = settings
        self.sent: list[dict[str, Any]] = []
        self.heard = b""
        self.open = True
        self._on_frame = on_frame
        self._on_close = on_close
        self._loop = asyncio.get_running_loop()

    @property
    def backlog(self) -> int:
        return 0

    def send_soon(self, data: bytes) -> bool:
        if self.open:
            self.sent.append(json.loads(data))
            self.take(data)
        return self.open

    def send_audio_soon(self, data: bytes) -> bool:
        if self.open:
            self.heard += _audio_in(data)
            self.take(data)
        return self.open

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await asyncio.sleep(0.01)
        self.drop(code, reason)

    def drop(self, code: int = 1006, reason: str = "The connection was cut.") -> None:
        """The socket goes."""
        if self.open:
            self.open = False
            self.ended()
            self._on_close(code, reason)

    def frame(self, kind: str, **fields: Any) -> None:
        """The server says something."""
        if self.open:
            self._on_frame(json.dumps({"type": kind, "event_id": "event_x", **fields}).encode())

    def asked(self, kind: str) -> list[dict[str, Any]]:
        """The frames of one type that were sent to the server."""
        return [event for event in self.sent if event["type"] == kind]

    def take(self, data: bytes) -> None:
        """A frame for the server."""

    def ended(self) -> None:
        """The socket is closed."""


def _audio_in(data: bytes) -> bytes:
    audio: str = json.loads(data)["audio"]
    return base64.b64decode(audio)


class SimulatedModel(ModelSocket):
    """The simulator at the other end."""

    def __init__(
        self,
        settings: SessionSettings,
        on_frame: Callable[[bytes], None],
        on_close: Callable[[int, str], None],
        *,
        script: Sequence[dict[str, Any]] = (HELLO,),
        faults: Faults = NO_FAULTS,
    ) -> None:
        super().__init__(settings, on_frame, on_close)
        self.session = RealtimeSession(SessionOptions(faults=faults), wall_time=1_700_000_000)
        self.persona = ScriptPersona(parse_script({"turn": list(script)}))
        self._timer: asyncio.TimerHandle | None = None
        self.session.start(self._loop.time())
        self._arm()

    def take(self, data: bytes) -> None:
        self.session.receive(data.decode(), self._loop.time())
        self._arm()

    def ended(self) -> None:
        self.session.end()
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        due = self.session.next_due()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due is not None and self.open:
            self._timer = self._loop.call_at(max(due, self._loop.time()), self._poll)

    def _poll(self) -> None:
        self._timer = None
        for output in self.session.poll(self._loop.time()):
            self._perform(output)
        if self.open:
            self._arm()

    def _perform(self, output: timeline.Output) -> None:
        now = self._loop.time()
        match output:
            case timeline.Send(frame) if self.open:
                self._on_frame(json.dumps(frame).encode())
            case timeline.Think(turn):
                self.session.thought(turn, self.persona.reply(turn), now)
            case timeline.Listen(heard):
                self.session.transcribed(heard, self.persona.transcribe(heard), now)
            case timeline.Close(code, reason):
                self.drop(code, reason)
            case timeline.Reset():
                self.drop()
