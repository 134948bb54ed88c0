"""What the handlers of the API ask: live calls, orders, events. The daemon tells it what happens."""

from __future__ import annotations

import itertools
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from talkpath.bridge.http.health import report, why_not_ready
from talkpath.sip import messages as m

from . import placing
from .board import Board
from .events import RegistrationChanged, Snapshot, encode
from .hub import Hub
from .listening import Listening
from .models import Health, Registration
from .orders import Orders
from .problems import ApiError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from talkpath.bridge.config.model import Config
    from talkpath.bridge.http.health import DaemonSnapshot
    from talkpath.bridge.observe.metrics import Metrics

    from .events import Event
    from .hub import Listener
    from .listening import Ear
    from .models import LiveCall, PlaceCall, Reload


class Daemon(Protocol):
    """What is steered."""

    @property
    def config(self) -> Config:
        """The configuration in force."""

    stopping: asyncio.Event
    """Set once the daemon ends."""

    def tell(self, process: str, message: m.Message) -> bool:
        """Send a message to a process by its name; False: it is not there."""

    def tell_workers(self, message: m.Message) -> None:
        """Send a message to every worker."""

    def originate(self, order: m.Originate) -> bool:
        """Place a call; False: no worker is free, or no new calls are taken."""

    def debug_call(self, call: str, *, on: bool = True) -> bool:
        """Log everything about a live call, or no longer; False: there is none."""

    def stop(self) -> None:
        """First time: take no new calls and wait for the others. Second time: hang up."""


class Control:
    """The live side of the API.

    Args:
        daemon: The supervisor.
        snapshot: Tells the daemon's state of this moment.
        metrics: The supervisor's.
        clock: Unix seconds.
        reload: Reads the configuration again.
        on_event: Told each event, whether anybody listens or not; with the call, when it ends.
    """

    def __init__(
        self,
        daemon: Daemon,
        snapshot: Callable[[], DaemonSnapshot],
        metrics: Metrics,
        clock: Callable[[], float],
        *,
        reload: Callable[[], Awaitable[Reload]],
        on_event: Callable[[Event, LiveCall | None], None] | None = None,
    ) -> None:
        self.board = Board()
        self._daemon = daemon
        self._snapshot = snapshot
        self._metrics = metrics
        self._clock = clock
        self._on_event = on_event
        self.reload = reload
        self._orders = Orders(daemon.tell)
        self.listening = Listening(lambda: daemon.config.api, self._orders, daemon.tell, metrics)
        self._numbers = itertools.count(1)
        self._hub = Hub(self._watched, metrics.api_listeners_dropped.inc)

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self._daemon.config

    # From the daemon ------------------------------------------------------------------------------

    def message(self, process: str, message: m.Message) -> None:
        """See what comes from a process; most of it is none of our business."""
        match message:
            case m.OrderAnswered():
                self._orders.answered(message)
            case m.PeerLost(who="worker"):
                self._orders.lose(process)
                before = {call.id: call for call in self.board.live_calls()}
                for ended in self.board.lose(process, self._clock()):
                    self.listening.call_over(ended.call)
                    self._publish(ended, before.get(ended.call))
            case m.CallSound():
                self.listening.sound(message)
            case m.RegistrationState():
                for registration in self.registrations():
                    if registration.trunk == message.trunk:
                        self._publish(RegistrationChanged(registration=registration))
            case m.Ready() if process != "sip" and len(self._hub):
                self._daemon.tell(process, m.Watch(on=True))
            case _:
                call = self.board.live_call(message.call) if isinstance(message, m.CallOver) else None
                event = self.board.take(process, message)
                if isinstance(message, m.CallOver):
                    self.listening.call_over(message.call)
                if event is not None:
                    self._publish(event, call)

    def close(self) -> None:
        """The daemon ends: end the streams."""
        self._hub.close()
        self.listening.close()

    def _publish(self, event: Event, call: LiveCall | None = None) -> None:
        if self._on_event is not None:
            self._on_event(event, call)
        if len(self._hub):
            self._hub.publish(encode(event, next(self._numbers)))
            self._metrics.api_listeners.set(len(self._hub))

    def _watched(self, on: bool) -> None:
        self._daemon.tell_workers(m.Watch(on=on))

    # What handlers ask ----------------------------------------------------------------------------

    def live_call(self, call: str) -> LiveCall:
        """A live call with what was said.

        Raises:
            ApiError: there is none.
        """
        found = self.board.live_call(call)
        if found is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f'There is no live call "{call}". See the records.')
        return found

    def listen(self) -> tuple[Listener, bytes]:
        """Begin to listen; the second is what is told first.

        Raises:
            ApiError: too many listen.
        """
        listener = self._hub.join()
        if listener is None:
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "Too many listen, or the daemon ends. Try later.")
        self._metrics.api_listeners.set(len(self._hub))
        snapshot = Snapshot(calls=self.board.live_calls(), registrations=self.registrations())
        return listener, encode(snapshot, next(self._numbers))

    def leave(self, listener: Listener) -> None:
        """Listen no more."""
        self._hub.leave(listener)
        self._metrics.api_listeners.set(len(self._hub))

    def place(self, request: PlaceCall) -> str:
        """Order a call; returns its id.

        Raises:
            ApiError: it cannot be.
        """
        call = f"c-{secrets.token_hex(8)}"
        if not self._daemon.originate(placing.originate(self.config, request, call)):
            raise ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE, "Every line is busy, or the daemon ends. Try again later."
            )
        return call

    def _process_of(self, call: str) -> str:
        """The worker that has a live call.

        Raises:
            ApiError: there is none.
        """
        process = self.board.process_of(call)
        if process is None:
            raise _not_live(call)
        return process

    async def order(self, call: str, make: Callable[[int], m.CallOrder]) -> None:
        """Give an order about a live call.

        Raises:
            ApiError: it was refused.
        """
        await self._orders.give(self._process_of(call), make)

    async def listen_to(self, call: str, who: str) -> Ear:
        """Begin to listen to a live call.

        Args:
            call: Our id of it.
            who: Name of the token.

        Raises:
            ApiError: there is none, or too many listen.
        """
        return await self.listening.join(call, self._process_of(call), who)

    def debug(self, call: str, *, on: bool) -> None:
        """Log everything about a live call, or no longer.

        Raises:
            ApiError: there is none.
        """
        self._process_of(call)
        if not self._daemon.debug_call(call, on=on):  # it ended, or its worker did, in this moment
            raise _not_live(call)
        changed = self.board.debug(call, on=on)
        if changed is not None:
            self._publish(changed)

    def drain(self, *, now: bool) -> None:
        """End the daemon: at once, or when the calls that live are over."""
        if now or not self._daemon.stopping.is_set():
            self._daemon.stop()
        if now:
            self._daemon.stop()

    def health(self) -> Health:
        """The state of the daemon."""
        now = self._snapshot()
        told = report(now, why_not_ready(now))
        del told["registrations"]
        return Health.model_validate(told)

    def registrations(self) -> tuple[Registration, ...]:
        """The registrations that the configuration asks for."""
        return tuple(
            Registration(trunk=name, registered=one.registered, status=one.status, reason=one.reason)
            for name, one in self._snapshot().registrations.items()
        )


def _not_live(call: str) -> ApiError:
    return ApiError(HTTPStatus.NOT_FOUND, f'There is no live call "{call}".')
