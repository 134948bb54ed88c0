"""Who listens to live calls: gives each piece of sound to all who listen to its call, and taps no other."""

from __future__ import annotations

import asyncio
import itertools
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import structlog

from talkpath.sip import messages as m

from .problems import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.config.api import ApiConfig
    from talkpath.bridge.observe.metrics import Metrics

    from .orders import Orders

log = structlog.get_logger(__name__)

RATE: Final = 8_000
MAX_LISTENERS: Final = 20
"""People and programs that may listen at one time."""
MAX_QUEUED: Final = 34
"""Pieces that may wait for one listener: two seconds."""


class Ear:
    """One who listens to one call; `take` until it is over.

    Attributes:
        over: Set when the listener has to go at once.
    """

    def __init__(self, number: int, who: str, call: str, process: str) -> None:
        self.number = number
        self.who = who
        self.call = call
        self.process = process
        self.began = time.monotonic()
        self.over = asyncio.Event()
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(MAX_QUEUED)

    def give(self, samples: bytes) -> bool:
        """Queue sound; False: the oldest that waited had to make room."""
        full = self._queue.full()
        if full:
            self._queue.get_nowait()
        self._queue.put_nowait(samples)
        return not full

    def end(self) -> None:
        """The call is over: what waits is still to be heard."""
        self.give(b"")

    async def take(self) -> bytes:
        """The next sound, 16-bit stereo; empty: the call is over."""
        return await self._queue.get()


class Listening:
    """All who listen.

    Args:
        config: Tells the ``[api]`` section in force.
        orders: Reaches the workers.
        tell: Sends a message to a process by its name.
        metrics: The supervisor's.
    """

    def __init__(
        self,
        config: Callable[[], ApiConfig],
        orders: Orders,
        tell: Callable[[str, m.Message], bool],
        metrics: Metrics,
    ) -> None:
        self._config = config
        self._orders = orders
        self._tell = tell
        self._metrics = metrics
        self._numbers = itertools.count(1)
        self._ears: dict[str, list[Ear]] = {}
        self._closed = False
        self._count()

    def __len__(self) -> int:
        """How many listen."""
        return sum(len(ears) for ears in self._ears.values())

    async def join(self, call: str, process: str, who: str) -> Ear:
        """Begin to listen to a call.

        Args:
            call: Our id of it.
            process: The worker that has it.
            who: Name of the token.

        Raises:
            ApiError: too many listen, or the call has no sound.
        """
        if self._closed or len(self) >= MAX_LISTENERS:
            reason = f"{MAX_LISTENERS} listen already, or the daemon ends. Try later."
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, reason)
        ear = Ear(next(self._numbers), who, call, process)
        self._ears.setdefault(call, []).append(ear)  # before the first sound can come
        try:
            await self._orders.give(
                process, lambda number: m.ListenCall(call=call, request=number, listener=ear.number, who=who)
            )
        except BaseException:  # whoever hung up meanwhile listens to nothing either
            self._remove(ear)
            raise
        self._count()
        log.info("operator", who=who, action="listen", call=call)
        return ear

    def leave(self, ear: Ear) -> None:
        """Listen no more. Again: nothing happens."""
        if self._remove(ear):
            seconds = round(time.monotonic() - ear.began, 1)
            log.info("operator", who=ear.who, action="listen_end", call=ear.call, seconds=seconds)

    def sound(self, message: m.CallSound) -> None:
        """A piece of sound has come; whose right was taken away gets none any more."""
        allowed = self._config().listen
        for ear in list(self._ears.get(message.call, ())):
            if ear.who not in allowed:
                ear.over.set()
                self.leave(ear)
            elif not ear.give(message.samples):
                self._metrics.listening_dropped.labels("listener").inc()

    def call_over(self, call: str) -> None:
        """A call has ended: so have those who listen to it, once they have heard the rest."""
        for ear in list(self._ears.get(call, ())):
            ear.end()
            self.leave(ear)

    def close(self) -> None:
        """The daemon ends: let everybody go."""
        self._closed = True
        for ear in [ear for ears in self._ears.values() for ear in ears]:
            ear.over.set()
            self.leave(ear)

    def _remove(self, ear: Ear) -> bool:
        ears = self._ears.get(ear.call, [])
        if ear not in ears:
            return False
        ears.remove(ear)
        if not ears:
            del self._ears[ear.call]
        # Nobody waits for the answer: the call may be over, and a worker that dies forgets it anyhow.
        off = m.ListenCall(call=ear.call, request=0, listener=ear.number, who=ear.who, on=False)
        self._tell(ear.process, off)
        self._count()
        return True

    def _count(self) -> None:
        self._metrics.listening.set(len(self))
