"""A model leg with all that surrounds it: its owner, a simulated model, a media plane in virtual time."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any, Self

from talkpath.bridge.call import model_leg
from talkpath.bridge.call.abilities.hang_up import HangUp
from talkpath.bridge.call.model_leg import ModelLeg
from talkpath.bridge.media.lane import LaneMedia
from talkpath.bridge.media.plane import MediaPlane
from talkpath.bridge.realtime.settings import SessionSettings
from tests.bridge.call.model_double import ModelSocket
from tests.bridge.media.phone import udp

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from types import TracebackType

    import pytest

    from talkpath.bridge.realtime import effects as e

SETTINGS = SessionSettings(greeting="Hello.", instructions="Be kind.")


class Owner:
    """Notes what it is told; does what a test put into ``on``."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.counts: list[Mapping[str, int]] = []
        self.on: dict[str, Any] = {}

    def note(self, name: str, *facts: Any) -> None:
        self.told.append((name, *facts))
        if name in self.on:
            self.on[name]()

    def model_ready(self) -> None:
        self.note("ready")

    def model_lost(self, *, retryable: bool, sentence: str, wait: float) -> None:
        self.note("lost", retryable, sentence, *([wait] if wait else []))

    def caller_spoke(self, stopped_after: float) -> None:
        self.note("spoke", stopped_after)

    def agent_silent(self, sentence: str) -> None:
        self.note("silent", sentence)

    def session_effect(self, effect: e.Effect) -> None:
        self.note(type(effect).__name__)

    def session_counted(self, counts: Mapping[str, int]) -> None:
        self.counts.append(counts)

    def speech_may_be_over(self) -> None:
        self.note("over?")

    def broke(self, error: Exception) -> None:
        self.note("broke", type(error).__name__)

    def names(self) -> list[str]:
        return [entry[0] for entry in self.told]


class Stand:
    """A leg on a lane of a real plane, with a socket that the test plays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, failure: Exception | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.owner = Owner()
        self.sockets: list[ModelSocket] = []
        self.failure = failure
        self.plane = MediaPlane(1, start=self.loop.time())
        self.port = udp()
        self.lane = self.plane.open_lane(self.port, "pcmu", self.loop.time())
        media = LaneMedia("PCMU", 0, "127.0.0.1", self.port.getsockname()[1])
        self.plane.configure_lane(self.lane, media, self.loop.time())
        self.background: list[asyncio.Task[None]] = []
        self.tool_started = asyncio.Event()
        monkeypatch.setattr(model_leg, "open_connection", self.open_connection)
        self.leg = self.new_leg()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leg.close()
        await asyncio.gather(*self.background)
        self.plane.close_lane(self.lane)
        self.plane.close()
        self.port.close()

    def new_leg(self, settings: SessionSettings = SETTINGS) -> ModelLeg:
        return ModelLeg(
            settings,
            self.plane,
            self.lane,
            self.run_tool,
            self.owner,
            abilities={"hang_up": HangUp(lambda: self.owner.note("goodbye"))},
            tls=None,
            background=self.in_background,
            open_timeout=5.0,
        )

    def in_background(self, work: Coroutine[None, None, None]) -> None:
        self.background.append(asyncio.create_task(work))

    async def run_tool(self, name: str, arguments: dict[str, Any]) -> str:
        self.tool_started.set()
        await asyncio.sleep(1.0)
        return f"{name} {arguments}"

    async def open_connection(self, settings: Any, on_frame: Any, on_close: Any, **_: Any) -> ModelSocket:
        await asyncio.sleep(0.1)
        if self.failure:
            raise self.failure
        self.sockets.append(ModelSocket(settings, on_frame, on_close))
        return self.sockets[-1]

    @property
    def socket(self) -> ModelSocket:
        return self.sockets[-1]

    async def ready(self) -> Stand:
        """Connect and configure."""
        self.leg.open()
        await asyncio.sleep(0.2)
        self.configured()
        return self

    def configured(self, **facts: Any) -> None:
        self.socket.frame("session.created", session={"id": "sess_1"})
        update = self.socket.sent[-1]["session"]
        self.socket.frame("session.updated", session={"id": "sess_1", **update, **facts})

    def begin(self, response: str = "r1") -> None:
        body = {"id": response, "status": "in_progress", "output": []}
        self.socket.frame("response.created", response=body)

    def speak(self, item: str = "i1", response: str = "r1", frames: int = 50) -> None:
        place = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        audio = base64.b64encode(bytes(160 * frames)).decode()
        self.socket.frame("response.output_audio.delta", **place, delta=audio)

    def done(self, response: str = "r1", status: str = "completed", output: Any = ()) -> None:
        body = {"id": response, "status": status, "output": list(output)}
        self.socket.frame("response.done", response=body)

    def hang_up(self, response: str = "r1") -> dict[str, Any]:
        item = {"id": "fc1", "type": "function_call", "status": "completed", "name": "hang_up"}
        item |= {"call_id": "call_1", "arguments": "{}"}
        self.socket.frame("response.output_item.done", response_id=response, output_index=0, item=item)
        return item

    def types(self) -> list[str]:
        return [event["type"] for event in self.socket.sent]
