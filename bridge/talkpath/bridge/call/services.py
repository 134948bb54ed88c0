"""What a worker lends to each of its calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    import ssl
    from collections.abc import Callable, Coroutine

    from talkpath.bridge.config.model import Config
    from talkpath.bridge.media.plane import MediaPlane
    from talkpath.bridge.media.ports import RtpPorts
    from talkpath.bridge.observe.call_record import CallRecord
    from talkpath.bridge.observe.metrics import Metrics
    from talkpath.bridge.realtime.effects import Effect
    from talkpath.bridge.realtime.tool_runner import ToolRunner
    from talkpath.bridge.realtime.tools import ToolRegistry
    from talkpath.sip.messages import Message


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
        metrics: Where the call counts.
        on_event: Told about each session effect of each call, for a live view.
        chance: Source of the jitter in back-offs.
        connect_timeout: Seconds for the way to a model: TCP, TLS and the handshake.
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
    metrics: Metrics
    chance: random.Random
    connect_timeout: float = 5.0
    on_event: Callable[[str, Effect], None] | None = None
