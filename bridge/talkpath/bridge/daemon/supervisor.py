"""The supervisor: one asyncio process that keeps the SIP process and the media workers alive.

It carries no audio and speaks no SIP. It starts the children, hands them their settings, forwards their
messages (`Switchboard`), serves HTTP, and turns signals into a drain.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from typing import TYPE_CHECKING, Final

import structlog

from talkpath.bridge.config.model import phone_agents
from talkpath.bridge.daemon.capacity import stack_warning
from talkpath.bridge.daemon.changing import Changing
from talkpath.bridge.daemon.household import Household
from talkpath.bridge.daemon.phone_desk import PhoneDesk
from talkpath.bridge.daemon.registrations import note_registration
from talkpath.bridge.daemon.switchboard import PHONE, SIP, Delivery, Switchboard
from talkpath.bridge.transfer.comebacks import Comebacks
from talkpath.sip import messages as m

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.config.model import Config
    from talkpath.bridge.daemon.children import Child

log = structlog.get_logger(__name__)

HANG_UP_PATIENCE: Final = 8.0
"""Seconds that calls get to end by BYE once the drain time is over."""
FOR_WATCHERS: Final = (m.CallReport, m.LiveMessage, m.Figures, m.CallSound, m.OrderAnswered)
"""What workers tell nobody but `on_event`."""
EXIT_PATIENCE: Final = 5.0
"""Seconds that a child gets to exit after Stop before it is killed."""


class Supervisor:
    """Runs the daemon until it is told to stop.

    Args:
        config: The validated configuration.
        environment: Extra environment of the children.
        on_event: Told about each message that is for the supervisor itself or worth watching
            (statistics, registrations, call ends), with the name of the process that sent it.
    """

    def __init__(
        self,
        config: Config,
        *,
        environment: dict[str, str] | None = None,
        on_event: Callable[[str, m.Message], None] | None = None,
    ) -> None:
        self.config = config
        self.switchboard = Switchboard()
        self.comebacks = Comebacks()
        self.registrations: dict[str, m.RegistrationState] = {}
        self.started_at = time.time()
        self.sip_detail = ""
        self.calls_lost: dict[str, int] = {}
        """Calls that ended because a process died, by its name."""
        self.failure = ""
        self.ready = asyncio.Event()
        """Set once the SIP process listens and every worker has reported."""
        self._on_event = on_event or (lambda _process, _message: None)
        self.stopping = asyncio.Event()
        self._stop_now = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._household = household = Household(
            lambda: self.config,
            environment or {},
            started=self._started,
            said=self._said,
            lost=self._lost,
        )
        self._changing = Changing(config, household.__getitem__)
        self.phone: PhoneDesk | None = None
        """Takes the calls of browsers; None: not enabled."""
        if (phone := household.phone) is not None:
            self.phone = PhoneDesk(phone.send, lambda: phone.ready, lambda: phone_agents(self.config))

    # What HTTP and the command line look at -------------------------------------------------------

    @property
    def children(self) -> list[Child]:
        """The SIP process, the workers, and the phone process if it is enabled."""
        return self._household.children

    @property
    def draining(self) -> bool:
        """Whether new calls are refused because the daemon ends."""
        return self.switchboard.draining

    @property
    def overloaded(self) -> dict[str, bool]:
        """By name of each worker, whether it fails to keep up with its calls and gets no new ones."""
        overloaded = self.switchboard.overloaded
        return {child.spec.name: index in overloaded for index, child in enumerate(self._household.workers)}

    # Life -----------------------------------------------------------------------------------------

    async def run(self) -> int:
        """Run until `stop` is called; returns the exit code."""
        tasks = [asyncio.create_task(child.run(), name=child.spec.name) for child in self.children]
        for task in tasks:
            task.add_done_callback(self._child_task_done)
        try:
            await self.stopping.wait()
            await self._drain()
        finally:
            await self._end_children()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self.failure:
            log.error("daemon_failed", problem=self.failure)
            return 1
        return 0

    def stop(self) -> None:
        """First call: drain. Second call: hang up what is left now."""
        if self.stopping.is_set():
            self._stop_now.set()
        self.stopping.set()

    def handle_signals(self) -> None:
        """SIGTERM and SIGINT drain; a second one ends at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)

    def debug_call(self, call: str, *, on: bool = True) -> bool:
        """Log everything about a live call from now on, SIP messages too, or stop; False: there is none."""
        deliveries = self.switchboard.debug(m.DebugCall(call=call, on=on))
        self._deliver(deliveries)
        return bool(deliveries)

    def originate(self, order: m.Originate) -> bool:
        """Place a call; False when no worker is free, or no new calls are taken."""
        deliveries = self.switchboard.originate(order)
        self._deliver(deliveries)
        return bool(deliveries)

    async def change(self, config: Config) -> list[str]:
        """Change to another configuration: calls that come from now on get it, live ones keep theirs.

        Every worker makes it ready first; when one cannot, all keep the present one.

        Args:
            config: The present one except for what may change (`config.differences.merge`).

        Returns:
            Why it was not changed, or not wholly; empty: all is well.
        """
        workers = [index for index, worker in enumerate(self._household.workers) if worker.ready]
        problems = await self._changing.change(config, workers)
        self.config = self._changing.config
        return problems

    def tell(self, process: str, message: m.Message) -> bool:
        """Send a message to a process by its name; False: there is none of that name, or it is not ready."""
        for child in self.children:
            if child.spec.name == process and child.ready:
                child.send(message)
                return True
        return False

    def tell_workers(self, message: m.Message) -> None:
        """Send a message to every worker that is there."""
        for worker in self._household.workers:
            worker.send(message)

    async def _drain(self) -> None:
        patience = 0.0 if self.failure else self.config.workers.drain_timeout
        log.info("draining", calls=self.switchboard.calls, seconds=patience)
        self._deliver(self.switchboard.drain())
        await self._until_idle(patience, self._stop_now)
        for worker in self._household.workers:
            worker.send(m.Stop(reason="shutting down"))
        await self._until_idle(HANG_UP_PATIENCE, None)

    async def _until_idle(self, seconds: float, interrupt: asyncio.Event | None) -> None:
        waits = [asyncio.create_task(self._idle.wait())]
        if interrupt is not None:
            waits.append(asyncio.create_task(interrupt.wait()))
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

    async def _end_children(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*(child.end(EXIT_PATIENCE) for child in self.children))

    def _child_task_done(self, task: asyncio.Task[None]) -> None:
        """A child that nobody looks after any more cannot be left like that: end in good order."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("child_task_broke", process=task.get_name(), exc_info=error)
            self.failure = f"The care of the process {task.get_name()} broke: {error!r}."
            self.stop()

    # Children -------------------------------------------------------------------------------------

    def _started(self, who: int) -> None:
        if who not in {SIP, PHONE}:
            self._changing.worker_started(who)

    def _lost(self, who: int) -> None:
        before = self.switchboard.calls
        name = self._household[who].spec.name
        self._changing.lost(who)
        if who == SIP:
            self.registrations.clear()
            self._deliver(self.switchboard.sip_lost())
        elif who == PHONE:
            self._deliver(self.switchboard.phone_lost())
            if self.phone is not None:
                self.phone.lost()
        else:
            deliveries = self.switchboard.worker_lost(who)
            self._deliver(deliveries)
            calls = [call for _, lost in deliveries if isinstance(lost, m.PeerLost) for call in lost.calls]
            self._on_event(name, m.PeerLost(who="worker", calls=tuple(calls)))
        self.calls_lost[name] = self.calls_lost.get(name, 0) + before - self.switchboard.calls
        self._note_idle()

    # Messages -------------------------------------------------------------------------------------

    def _said(self, who: int, message: m.AnyMessage) -> None:
        if who == SIP:
            self._from_sip(message)
        elif who == PHONE:
            self._from_phone(message)
        else:
            self._from_worker(who, message)

    def _from_sip(self, message: m.AnyMessage) -> None:
        if isinstance(message, m.Ready):
            self._household.sip.ready = True
            self.sip_detail = message.detail
            log.info("sip_ready", detail=message.detail)
            if problem := stack_warning(message.detail, self._household.capacity.calls):
                log.warning("sip_stack_limited", problem=problem)
            self._deliver(self.switchboard.sip_ready())
            self._note_ready()
        elif isinstance(message, m.ListenFailed):
            self._fail(message.problem)
        elif isinstance(message, m.RegistrationState):
            note_registration(self.registrations, message)
        elif isinstance(message, m.SettingsReady):
            self._changing.answered(SIP, message)
        elif isinstance(message, m.IncomingCall):
            self._incoming(message)
            return
        else:
            self._deliver(self.switchboard.from_sip(message))
            self._note_idle()
        self._on_event("sip", message)

    def _from_phone(self, message: m.AnyMessage) -> None:
        if isinstance(message, m.Ready):
            self._household[PHONE].ready = True
            self._note_ready()
        elif isinstance(message, m.IncomingCall):
            self._incoming(message, PHONE)
            return
        elif not isinstance(message, m.PhoneAnswer):  # that is for the browser alone
            self._deliver(self.switchboard.from_phone(message))
            self._note_idle()
        if self.phone is not None:
            self.phone.message(message)
        self._on_event("phone", message)

    def _incoming(self, invite: m.IncomingCall, who: int = SIP) -> None:
        """Give the call to a worker; a refusal of our own is worth watching, too."""
        board = self.switchboard
        if who == PHONE:
            deliveries = board.from_phone(invite)
        elif board.free_lanes:
            deliveries = board.from_sip(self.comebacks.recognise(invite, time.monotonic()))
        else:  # who is refused now may come again
            deliveries = board.from_sip(invite)
        self._deliver(deliveries)
        self._note_idle()
        self._on_event("sip" if who == SIP else "phone", invite)
        for _, message in deliveries:
            if isinstance(message, m.Reject):
                self._on_event("supervisor", message)

    def _from_worker(self, index: int, message: m.AnyMessage) -> None:
        if self.comebacks.take(message, time.monotonic()):
            return  # private, and for nobody else
        if isinstance(message, m.Ready):
            self._household[index].ready = True
            self._deliver(self.switchboard.worker_ready(index, self._household.worker_settings(index).lanes))
            self._note_ready()
            self._changing.worker_ready(index)
        elif isinstance(message, m.SettingsReady):
            self._changing.answered(index, message)
        elif isinstance(message, m.WorkerLoad):
            self._deliver(self.switchboard.worker_load(index, overloaded=message.overloaded))
        elif isinstance(message, m.SetUpFailed):
            if not self.ready.is_set():  # later, the other workers and their calls matter more
                self._fail(message.problem)
        elif not isinstance(message, FOR_WATCHERS):
            self._deliver(self.switchboard.from_worker(index, message))
            self._note_idle()
        self._on_event(f"worker-{index}", message)

    def _fail(self, problem: str) -> None:
        """Something that a restart does not cure: end with a message."""
        if not self.failure:
            self.failure = problem
            self.stop()

    def _deliver(self, deliveries: list[Delivery]) -> None:
        for destination, message in deliveries:
            self._household[destination].send(message)

    def _note_ready(self) -> None:
        if not self.ready.is_set() and all(child.ready for child in self.children):
            self.ready.set()
            log.info(
                "ready",
                workers=self._household.capacity.workers,
                calls=self._household.capacity.calls,
                limited_by=self._household.capacity.limited_by,
            )

    def _note_idle(self) -> None:
        if self.switchboard.calls:
            self._idle.clear()
        else:
            self._idle.set()
