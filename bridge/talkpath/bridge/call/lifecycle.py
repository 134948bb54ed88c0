"""What the life of every call is made of: steps of the table, guarded code, and one way to give all back.

`talkpath.bridge.call.runner` fills it with what happens and what is to be done.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
from typing import TYPE_CHECKING

import structlog

from talkpath.bridge.call.bookkeeping import Bookkeeping
from talkpath.bridge.call.machine import TIMEOUTS, Effect, Event, State, step
from talkpath.bridge.call.phone_leg import PhoneLeg
from talkpath.bridge.call.timers import CallTimers
from talkpath.bridge.call.verdict import CAUSES

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.call.services import Services
    from talkpath.bridge.observe.call_record import CallRecord, Cause

log = structlog.get_logger(__name__)


class CallLifecycle:
    """The machinery of one call.

    Args:
        call: Our id of the call.
        agent: Name of the agent that answers.
        state: Where it begins.
        services: What the worker lends.
        record: The record to fill.
    """

    def __init__(self, call: str, agent: str, state: State, services: Services, record: CallRecord) -> None:
        self.call = call
        self.agent = agent
        self.state = state
        self._services = services
        self._loop = asyncio.get_running_loop()
        self._log = log.bind(call=call, sip_call_id=record.sip_call_id, agent=agent)
        self._books = Bookkeeping(
            record,
            services.metrics,
            self._log,
            self._loop.time(),
            services.on_event,
            audience=services.audience,
        )
        self._timers = CallTimers(self._loop, self.guarded)
        own = services.config.agents[agent]
        self._own_timeouts = {State.LISTENING: own.outbound.wait_for_voice}
        self._phone = PhoneLeg(services.plane, services.ports, self._loop, own.sound)
        self._over = False
        self._events: collections.deque[Event] = collections.deque()
        self._stepping = False
        self._perform: dict[Effect, Callable[[], None]] = {}
        self._at_the_end: list[Callable[[], None]] = []
        """What else is to be given back; the last one first."""

    @property
    def record(self) -> CallRecord:
        """What is known of the call so far."""
        return self._books.record

    def happen(self, event: Event) -> None:
        """Take one step of the table and perform its effects.

        An effect may make something else happen; that waits until the step is complete.
        """
        self._events.append(event)
        if self._stepping:
            return
        self._stepping = True
        try:
            while self._events and self.state is not State.ENDED:
                self._step(self._events.popleft())
        finally:
            self._stepping = False
            self._events.clear()

    def limit_reached(self, cause: Cause) -> None:
        """Let the agent say goodbye, because of a limit."""
        self._books.because(cause)
        self.happen(Event.LIMIT_REACHED)

    def _step(self, event: Event) -> None:
        before = self.state
        self.state, effects = step(before, event)
        self._log.debug("call_step", event_name=event.value, before=before.value, after=self.state.value)
        cause = CAUSES.get((before, event))
        if cause is not None:
            self._books.because(cause)
        if self.state is not before:
            self._services.audience.state(self.call, self.state.value)
            self._arm_timeout()
        for effect in effects:
            self._perform[effect]()

    def guarded(self, action: Callable[[], None]) -> None:
        """Do something for this call; what it raises ends this call and no other."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - the root of all that a call does
            self.broke(error)

    def broke(self, error: Exception) -> None:
        """The call's own code failed: log and count it, and end the call."""
        self._services.metrics.internal_errors.labels("call").inc()
        self._log.error("call_broke", exc_info=error)
        try:
            self._abandon()
        except Exception as another:  # noqa: BLE001 - what could be given back has been
            self._services.metrics.internal_errors.labels("call_end").inc()
            self._log.error("call_broke_at_its_end", exc_info=another)

    def _arm_timeout(self) -> None:
        seconds = self._own_timeouts.get(self.state, TIMEOUTS.get(self.state))
        if seconds is None:
            self._timers.cancel("state")
        else:
            self._timers.set("state", seconds, lambda: self.happen(Event.TIMEOUT))

    def _abandon(self) -> None:
        """Tell SIP to end the call and give everything back at once."""
        if self.state is not State.ENDED:
            self.state = State.ENDED
            self._books.because("internal_error")
            self._tell_sip_to_end()
        self._finish()

    def _finish(self) -> None:
        """Give everything back, once; a part that fails does not keep the others."""
        if self._over:
            return
        self._over = True
        with contextlib.ExitStack() as last_first:
            last_first.callback(self._services.finished, self.call, self._books.record)
            for give_back in self._at_the_end:
                last_first.callback(give_back)
            last_first.callback(self._timers.cancel_all)

    def _close_books(self) -> None:
        try:
            figures = self._phone.close()
            if figures is not None:
                self._books.statistics(figures)
        finally:
            self._books.ended(self._loop.time())

    def _tell_sip_to_end(self) -> None:
        """Tell the SIP process that the call is over."""
