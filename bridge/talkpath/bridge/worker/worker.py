"""The calls of one worker: gives each message and each beat of the media plane to its call."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from talkpath.bridge.call.audience import Nobody
from talkpath.bridge.call.machine import State
from talkpath.bridge.call.runner import CallRunner
from talkpath.bridge.call.services import Services
from talkpath.bridge.config.endpoint import endpoint
from talkpath.bridge.config.model import is_watched
from talkpath.bridge.listening.ears import Ears
from talkpath.bridge.media.lane import NoFreeLane
from talkpath.bridge.media.plane import MediaPlane
from talkpath.bridge.media.ports import NoFreePort, RtpPorts
from talkpath.bridge.observe.call_record import CallRecord
from talkpath.bridge.observe.logs import DEBUGGED
from talkpath.bridge.realtime.tool_runner import ToolRunner
from talkpath.bridge.realtime.tools import CallContext
from talkpath.bridge.recording.writer import RecordingWriter
from talkpath.bridge.routes import Rejection, route
from talkpath.bridge.worker.invites import context_of, peer_of, record_of, route_request
from talkpath.bridge.worker.journals import CallJournals
from talkpath.bridge.worker.live import LiveView
from talkpath.bridge.worker.meters import Meters
from talkpath.bridge.worker.orders import OrderDesk
from talkpath.bridge.worker.overload import OVERLOADED, OverloadWatch
from talkpath.bridge.worker.participants import Participants
from talkpath.bridge.worker.readiness import make_ready
from talkpath.sip import messages as m
from talkpath.sip.addresses import is_ipv6, user_part
from talkpath.sip.trace import is_traced

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from talkpath.bridge.config.model import Config
    from talkpath.bridge.media.lane import Beat
    from talkpath.bridge.observe.call_record import Cause
    from talkpath.bridge.observe.metrics import Metrics
    from talkpath.bridge.worker.readiness import Readiness

log = structlog.get_logger(__name__)

RETRY_AFTER: Final = 5


class Worker:
    """Owns the media plane, the ports and the calls.

    Args:
        settings: What the supervisor told.
        config: The validated configuration.
        send: Sends a message to the supervisor.
        metrics: This process's metrics.
        backlog: How many messages to the supervisor wait.
    """

    def __init__(
        self,
        settings: m.WorkerSettings,
        config: Config,
        send: Callable[[m.Message], None],
        metrics: Metrics,
        *,
        backlog: Callable[[], int] = lambda: 0,
    ) -> None:
        ready = make_ready(config)
        self._metrics = metrics
        metrics.expect(config.agents, _trunk_names(config))
        self._loop = asyncio.get_running_loop()
        self.plane = MediaPlane(settings.lanes, start=self._loop.time())
        self.ports = RtpPorts(settings.first_rtp_port, settings.last_rtp_port)
        self.participants = Participants(settings.lanes)
        self.calls = self.participants.calls
        self._lanes = settings.lanes
        self._ears = Ears(self.plane.tap, send, backlog, metrics.listening_dropped.labels("backlog").inc)
        self._orders = OrderDesk(self.calls, send, self._ears)
        self._journals = CallJournals(
            config.records, send, self._loop.time, traced=bool(config.tracing.endpoint)
        )
        self._send_to_sip = send
        self._live = LiveView(send, time.time, self._loop, self.plane, self.participants.live_lanes)
        self._is_watched = is_watched(config)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._overload = OverloadWatch(self.plane.lateness)
        self._services = self._lend(config, ready)
        self._meters = Meters(
            settings,
            metrics,
            plane=self.plane,
            ports=self.ports,
            recordings=self._services.recordings,
            tool_runner=self._services.tool_runner,
        )

    def _lend(self, config: Config, ready: Readiness) -> Services:
        """What every call gets of this worker."""
        return Services(
            config=config,
            plane=self.plane,
            ports=self.ports,
            tools=ready.tools,
            tool_runner=ToolRunner(on_end=self._journals.tool_ended),
            tls=ready.tls,
            background=self._background,
            send=self._send,
            finished=self._finished,
            attach=self.participants.attach,
            detach=self.participants.detach,
            recordings=RecordingWriter(),
            metrics=self._metrics,
            chance=random.Random(),  # noqa: S311 - spreads back-offs, protects nothing
            connect_timeout=config.realtime.connect_timeout,
            on_event=self._journals.effect,
            audience=self._live if self._is_watched else Nobody(),
        )

    # From the supervisor --------------------------------------------------------------------------

    def message(self, message: m.AnyMessage) -> None:
        """Act on one message. What goes wrong is logged and counted, never raised."""
        try:
            self._act_on(message)
        except Exception:  # a task root: what one message brings must not end the calls of others
            self._metrics.internal_errors.labels("worker").inc()
            log.exception("message_failed", message=type(message).__name__)
            if isinstance(message, m.IncomingCall) and message.call not in self.calls:
                self._refuse(message, 500, "internal error", "internal_error")

    def _act_on(self, message: m.AnyMessage) -> None:
        match message:
            case m.IncomingCall():
                self._incoming(message)
            case m.Originate():
                self._originate(message)
            case m.DebugCall():
                self._debug(message.call, on=message.on)
            case m.PeerLost():
                for call in message.calls:
                    self._pass_on(call, message)
            case m.CallOrder():
                self._orders.take(message)
            case m.Watch():
                self._live.watch(on=message.on)
            case m.CallMoved():
                self._moved(message)
            case m.Stop():
                self._stopping = True
                for runner in list(self.calls.values()):
                    runner.guarded(functools.partial(runner.hang_up, "draining"))
            case _:
                self._pass_on(getattr(message, "call", ""), message)

    def _pass_on(self, call: str, message: m.AnyMessage) -> None:
        self._journals.heard(call, message)
        participant = self.participants.get(call)
        if participant is not None:
            participant.guarded(functools.partial(participant.message, message))

    def _moved(self, message: m.CallMoved) -> None:
        """The call is with somebody else, which its agent cannot hear."""
        self._journals.heard(message.call, message)
        log.info("call_moved", call=message.call, by=message.by, sip_call_id=message.sip_call_id)
        runner = self.calls.get(message.call)
        if runner is not None:
            runner.guarded(runner.operator.moved)

    def use(self, ready: Readiness) -> None:
        """Take another configuration for the calls that come from now on; live ones keep theirs."""
        config = ready.config
        self._metrics.expect(config.agents, _trunk_names(config))
        self._journals.use(config.records)
        self._is_watched = is_watched(config)
        self._services = replace(
            self._services,
            config=config,
            tools=ready.tools,
            tls=ready.tls,
            connect_timeout=config.realtime.connect_timeout,
            audience=self._live if self._is_watched else Nobody(),
        )

    # From the heartbeat ---------------------------------------------------------------------------

    def beat(self, beat: Beat) -> None:
        """Hand what one heartbeat brought to the calls."""
        self.participants.beat(beat)

    def feed_metrics(self) -> None:
        """Once a second: from the plane's counters to Prometheus; and a look at the ports that rest."""
        for noisy in self.ports.tend(self._loop.time()):
            log.info("rtp_after_call", port=noisy.port, source=noisy.source)
        self._meters.feed()
        self._look_at_load()

    def _look_at_load(self) -> None:
        """Tell the supervisor when beats begin too late to take more calls, and when no longer."""
        if not self._overload.look(self._loop.time()):
            return
        overloaded, calls = self._overload.overloaded, len(self.calls)
        self._send_to_sip(m.WorkerLoad(calls=calls, lanes=self._lanes, overloaded=overloaded))
        if overloaded:
            log.warning("overloaded", calls=calls, lanes=self._lanes, problem=OVERLOADED)
        else:
            log.info("overload_over", calls=calls)

    async def settle(self) -> None:
        """Wait for what outlived its call: closing handshakes, recordings. Then let go of everything."""
        self._live.watch(on=False)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._complete_recordings()
        self._services.tool_runner.close()
        self.plane.close()
        self.ports.close_all()

    async def _complete_recordings(self) -> None:
        """Write what is left, of calls that did not end in time, too."""
        self.plane.tap.stop_all()
        if not await asyncio.to_thread(self._services.recordings.close):
            log.error(
                "recordings_unfinished",
                problem="The disk is too slow to complete recordings; the next start will complete them.",
            )

    def _background(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Calls ----------------------------------------------------------------------------------------

    def _incoming(self, invite: m.IncomingCall) -> None:
        if self._stopping:
            self._refuse(invite, 503, "shutting down", "draining", RETRY_AFTER)
            return
        destination = route(self._services.config, route_request(invite), dt.datetime.now(dt.UTC))
        if isinstance(destination, Rejection):
            cause: Cause = "no_route" if destination.status == 404 else "rejected_by_route"
            self._refuse(invite, destination.status, destination.reason, cause, destination.retry_after)
            return
        record = record_of(invite)
        self._begin(record, invite)
        record.agent = destination
        record.model = endpoint(self._services.config, destination).model
        runner = CallRunner(
            invite.call,
            destination,
            self._services,
            record,
            context=context_of(self._services.config, invite, record),
            ipv6=is_ipv6(invite.local_address),
            peer=peer_of(self._services.config, invite),
        )
        if not self._start(runner):
            self._reject(invite.call, 503, "every line is busy", RETRY_AFTER)

    def _originate(self, order: m.Originate) -> None:
        record = CallRecord(
            call=order.call,
            direction="outbound",
            trunk=order.trunk,
            agent=order.agent,
            model=endpoint(self._services.config, order.agent).model,
            called=user_part(order.uri),
        )
        self._journals.begin(record)
        context = CallContext(call_id=order.call, called=record.called)
        self._start(CallRunner(order.call, order.agent, self._services, record, context=context, order=order))

    def _start(self, runner: CallRunner) -> bool:
        """Begin a call; False: there is no room for it, and it has ended."""
        if self._is_watched:
            self._live.began(runner.record)
        self.calls[runner.call] = runner
        try:
            runner.start()
        except (NoFreePort, NoFreeLane) as full:
            log.warning("no_room", call=runner.call, problem=str(full))
            return False
        except Exception as error:  # noqa: BLE001 - one bad call must not end the others
            runner.broke(error)
        if runner.state is not State.ENDED:
            self.participants.connect(runner)
        return True

    def _refuse(
        self, invite: m.IncomingCall, status: int, reason: str, cause: Cause, retry_after: int = 0
    ) -> None:
        """Say no to a call that never became one; it has its record all the same."""
        record = record_of(invite)
        self._begin(record, invite)
        record.outcome = "failed" if cause == "internal_error" else "refused"
        record.cause, record.reason = cause, reason
        record.ended_by, record.sip_status = "us", status
        log.info("call_ended", **record.line())
        self._metrics.call_ended(record)
        self._reject(invite.call, status, reason, retry_after)
        self._journals.finish(record)

    def _reject(self, call: str, status: int, reason: str, retry_after: int = 0) -> None:
        self._services.send(m.Reject(call=call, status=status, reason=reason, retry_after=retry_after))

    def _debug(self, call: str, *, on: bool) -> None:
        if on and call in self.calls:
            DEBUGGED.add(call)
        else:
            DEBUGGED.discard(call)

    def _begin(self, record: CallRecord, invite: m.IncomingCall) -> None:
        if is_traced(self._services.config.log.debug_callers, record.caller, record.called):
            DEBUGGED.add(record.call)
        self._journals.begin(record)
        self._journals.heard(invite.call, invite)

    def _send(self, message: m.Message) -> None:
        self._journals.told(message)
        self._send_to_sip(message)

    def _finished(self, call: str, record: CallRecord) -> None:
        self.participants.remove(call)
        self._ears.over(call)
        self._journals.finish(record)
        DEBUGGED.discard(call)
        if self._is_watched:
            self._live.over(record)


def _trunk_names(config: Config) -> list[str]:
    """Trunks that calls come by; the empty name is for those of none."""
    names = ["", *(trunk.name for trunk in config.trunks)]
    return [*names, m.CONSOLE] if config.phone.enabled else names
