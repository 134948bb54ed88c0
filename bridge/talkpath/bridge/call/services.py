"""What a worker lends to each of its calls."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from talkpath.bridge.call.audience import Nobody

if TYPE_CHECKING:
    import random
    import ssl
    from collections.abc import Callable, Coroutine

    from talkpath.bridge.call.audience import Audience
    from talkpath.bridge.config.model import Config
    from talkpath.bridge.media.lane import MediaEvent
    from talkpath.bridge.media.plane import MediaPlane
    from talkpath.bridge.media.ports import RtpPorts
    from talkpath.bridge.observe.call_record import CallRecord
    from talkpath.bridge.observe.metrics import Metrics
    from talkpath.bridge.realtime.effects import Effect
    from talkpath.bridge.realtime.tool_runner import ToolRunner
    from talkpath.bridge.realtime.tools import ToolRegistry
    from talkpath.bridge.recording.writer import RecordingWriter
    from talkpath.sip.messages import AnyMessage, Message


class Participant(Protocol):
    """Who has a dialog and a lane: a call, or the second leg of one."""

    @property
    def lane(self) -> int:
        """The lane of the media plane; -1 when there is none."""

    def message(self, message: AnyMessage) -> None:
        """Take a message of the SIP process about the dialog."""

    def media_event(self, event: MediaEvent) -> None:
        """Take an event of the media plane about the lane."""

    def append(self, audio: bytes) -> None:
        """Take 20 ms of what the far end says."""

    def guarded(self, action: Callable[[], None]) -> None:
        """Do something for the call; what it raises ends that call and no other."""

    def broke(self, error: Exception) -> None:
        """The code of the call failed: end it."""


def _wall_clock() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(slots=True)
class Services:
    """The worker's side of a call.

    Attributes:
        config: The configuration in force when the call came.
        plane: The media plane that has the call's lane.
        ports: The worker's RTP ports.
        tools: Registered functions by agent.
        tool_runner: Runs them, for all calls of the worker.
        tls: TLS context towards each agent's model; None for ``ws://``.
        background: Runs what may outlive its call; the worker waits for it at its end.
        send: Send a message to the SIP process.
        finished: Called once, when the call has given everything back.
        attach: Gives messages about a second dialog, and what comes by its lane, to a participant.
        detach: Ends that.
        recordings: Writes what is recorded.
        metrics: Where the call counts.
        on_event: Told about each session effect of each call, for the ladder of its record.
        audience: Told what happens in the calls, for a live view.
        chance: Source of the jitter in back-offs.
        connect_timeout: Seconds for the way to a model: TCP, TLS and the handshake.
        wall_clock: The time of day, with a time zone: opening hours go by it.
    """

    config: Config
    plane: MediaPlane
    ports: RtpPorts
    tools: dict[str, ToolRegistry]
    tool_runner: ToolRunner
    tls: dict[str, ssl.SSLContext | None]
    background: Callable[[Coroutine[None, None, None]], None]
    send: Callable[[Message], None]
    finished: Callable[[str, CallRecord], None]
    attach: Callable[[str, Participant], None]
    detach: Callable[[str], None]
    recordings: RecordingWriter
    metrics: Metrics
    chance: random.Random
    connect_timeout: float = 5.0
    on_event: Callable[[str, Effect], None] | None = None
    audience: Audience = field(default_factory=Nobody)
    wall_clock: Callable[[], dt.datetime] = _wall_clock
