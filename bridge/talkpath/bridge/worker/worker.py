"""The calls of one worker: gives each message and each beat of the media plane to its call."""

from __future__ import annotations

import asyncio
import functools
import random
import re
import uuid
from typing import TYPE_CHECKING, Final

import structlog

from talkpath.bridge.call.machine import State
from talkpath.bridge.call.runner import CallRunner
from talkpath.bridge.call.services import Services
from talkpath.bridge.config.model import endpoint
from talkpath.bridge.media.lane import NoFreeLane
from talkpath.bridge.media.plane import MediaPlane
from talkpath.bridge.media.ports import NoFreePort, RtpPorts
from talkpath.bridge.observe.call_record import CallRecord
from talkpath.bridge.observe.feed import CounterFeed, HistogramFeed, media_feed
from talkpath.bridge.realtime.connection import tls_context
from talkpath.bridge.realtime.tool_runner import ToolRunner
from talkpath.bridge.realtime.tools import CallContext, ToolRegistry
from talkpath.bridge.routes import Rejection, RouteRequest, route
from talkpath.sip import messages as m

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine

    from prometheus_client import Counter

    from talkpath.bridge.config.model import Config
    from talkpath.bridge.media.lane import Beat
    from talkpath.bridge.observe.metrics import Metrics
    from talkpath.bridge.realtime.effects import Effect

log = structlog.get_logger(__name__)

RETRY_AFTER: Final = 5


class Worker:
    """Owns the media plane, the ports and the calls.

    Args:
        settings: What the supervisor told.
        config: The validated configuration.
        send: Sends a message to the supervisor.
        metrics: This process's metrics.
        on_event: Told about each session effect, for a live view.
    """

    def __init__(
        self,
        settings: m.WorkerSettings,
        config: Config,
        send: Callable[[m.Message], None],
        metrics: Metrics,
        on_event: Callable[[str, Effect], None] | None = None,
    ) -> None:
        self._config = config
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self.plane = MediaPlane(settings.lanes, start=self._loop.time())
        self.ports = RtpPorts(settings.first_rtp_port, settings.last_rtp_port)
        self.calls: dict[str, CallRunner] = {}
        self._by_lane: list[CallRunner | None] = [None] * settings.lanes
        self._lanes = settings.lanes
        self._tasks: set[asyncio.Task[None]] = set()
        self._media_feed = media_feed(metrics)
        self._plain_feed = CounterFeed(self._plain_counter)
        self._port_pairs = (settings.last_rtp_port - settings.first_rtp_port + 1) // 2
        self._lateness_feed = HistogramFeed(metrics.beat_lateness)
        self._services = Services(
            config=config,
            plane=self.plane,
            ports=self.ports,
            tools={name: ToolRegistry.load(agent.tools) for name, agent in config.agents.items()},
            tool_runner=ToolRunner(
                timeout=max((agent.tool_timeout for agent in config.agents.values()), default=10.0)
            ),
            tls={name: self._tls(name) for name in config.agents},
            background=self._background,
            send=send,
            finished=self._finished,
            metrics=metrics,
            chance=random.Random(),  # noqa: S311 - spreads back-offs, protects nothing
            connect_timeout=config.realtime.connect_timeout,
            on_event=on_event,
        )

    # From the supervisor --------------------------------------------------------------------------

    def message(self, message: m.AnyMessage) -> None:
        """Act on one message."""
        match message:
            case m.IncomingCall():
                self._incoming(message)
            case m.Originate():
                self._originate(message)
            case m.PeerLost():
                for call in message.calls:
                    if runner := self.calls.get(call):
                        self._guarded(runner, functools.partial(runner.message, message))
            case m.Stop():
                for runner in list(self.calls.values()):
                    self._guarded(runner, functools.partial(runner.hang_up, "draining"))
            case _:
                runner_of = self.calls.get(getattr(message, "call", ""))
                if runner_of is not None:
                    self._guarded(runner_of, functools.partial(runner_of.message, message))

    # From the heartbeat ---------------------------------------------------------------------------

    def beat(self, beat: Beat) -> None:
        """Hand what one heartbeat brought to the calls."""
        by_lane = self._by_lane
        runner = None
        try:
            for lane, audio in beat.uplink:
                runner = by_lane[lane]
                if runner is not None:
                    runner.append(audio)
        except Exception as error:  # noqa: BLE001 - one bad call must not end the others
            self._failed(runner, error)
        for event in beat.events:
            runner = by_lane[event.lane]
            if runner is not None:
                self._guarded(runner, functools.partial(runner.media_event, event))

    def feed_metrics(self) -> None:
        """Once a second: from the plane's counters to Prometheus."""
        self._media_feed.feed(self.plane.counters.totals())
        lateness = self.plane.lateness
        self._lateness_feed.feed(lateness.counts, lateness.total)
        self._metrics.lanes.labels("used").set(len(self.calls))
        self._metrics.lanes.labels("free").set(self._lanes - len(self.calls))
        self._metrics.rtp_ports.labels("used").set(len(self.ports))
        self._metrics.rtp_ports.labels("free").set(self._port_pairs - len(self.ports))
        self._plain_feed.feed(
            {
                "skipped": lateness.skipped,
                **{f"tool_{name}": count for name, count in self._services.tool_runner.counts.items()},
            }
        )

    def _plain_counter(self, name: str) -> Counter | None:
        if name == "skipped":
            return self._metrics.beats_skipped
        return self._metrics.tool_calls.labels(name.removeprefix("tool_"))

    async def settle(self) -> None:
        """Wait for what outlived its call: closing handshakes."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._services.tool_runner.close()

    def _background(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tls(self, agent: str) -> ssl.SSLContext | None:
        """One context per agent: loading the authorities costs milliseconds."""
        return tls_context(endpoint(self._config, agent).url, str(self._config.realtime.ca_file or ""))

    # Calls ----------------------------------------------------------------------------------------

    def _incoming(self, invite: m.IncomingCall) -> None:
        request = RouteRequest(
            to=user_part(invite.request_uri),
            caller=user_part(invite.from_uri),
            trunk=invite.trunk,
            headers=invite.headers,
        )
        destination = route(self._config, request)
        if isinstance(destination, Rejection):
            self._refuse(invite, destination.status, destination.reason)
            return
        record = CallRecord(
            call=invite.call,
            sip_call_id=invite.sip_call_id,
            trunk=invite.trunk,
            agent=destination,
            model=endpoint(self._config, destination).model,
            caller=request.caller,
            called=request.to,
        )
        context = CallContext(
            call_id=invite.call,
            sip_call_id=invite.sip_call_id,
            caller=request.caller,
            called=request.to,
            headers=dict(invite.headers),
        )
        self._start(CallRunner(invite.call, destination, self._services, record, context=context), invite)

    def _originate(self, order: m.Originate) -> None:
        record = CallRecord(
            call=order.call,
            direction="outbound",
            trunk=order.trunk,
            agent=order.agent,
            model=endpoint(self._config, order.agent).model,
            called=user_part(order.uri),
        )
        context = CallContext(call_id=order.call, called=record.called)
        self._start(
            CallRunner(order.call, order.agent, self._services, record, context=context, order=order), None
        )

    def _start(self, runner: CallRunner, invite: m.IncomingCall | None) -> None:
        try:
            runner.start()
        except (NoFreePort, NoFreeLane) as full:
            log.warning("call_refused", call=runner.call, status=503, reason=str(full))
            if invite is not None:
                self._refuse(invite, 503, "every line is busy", RETRY_AFTER)
            return
        if runner.state is not State.ENDED:
            self.calls[runner.call] = runner
            self._by_lane[runner.lane] = runner

    def _refuse(self, invite: m.IncomingCall, status: int, reason: str, retry_after: int = 0) -> None:
        log.info(
            "call_refused", call=invite.call, sip_call_id=invite.sip_call_id, status=status, reason=reason
        )
        self._services.send(m.Reject(call=invite.call, status=status, reason=reason, retry_after=retry_after))

    def _guarded(self, runner: CallRunner, action: Callable[[], None]) -> None:
        """Let a call act; what it raises ends this call and no other."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - one bad call must not end the others
            self._failed(runner, error)

    def _failed(self, runner: CallRunner | None, error: Exception) -> None:
        self._metrics.internal_errors.labels("call").inc()
        log.error("call_broke", call=runner.call if runner else "", exc_info=error)
        if runner is not None:
            runner.abandon()

    def _finished(self, call: str, _record: CallRecord) -> None:
        runner = self.calls.pop(call, None)
        if runner is not None:
            self._by_lane[runner.lane] = None


def user_part(uri: str) -> str:
    """The user part of a SIP or tel URI: the number or extension."""
    match = re.match(r"\s*<?(?:sips?:([^@;>]*)@|tel:([^;>]*))", uri, re.IGNORECASE)
    return (match[1] or match[2] or "") if match else ""


def new_call_id() -> str:
    """An id of our own for a call that we place."""
    return f"c-{uuid.uuid4().hex[:16]}"
