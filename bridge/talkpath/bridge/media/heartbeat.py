"""The asyncio edge of the media plane: a beat every 5 ms, at absolute deadlines."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from talkpath.bridge.media.lane import TICK_SECONDS

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from talkpath.bridge.media.lane import Beat
    from talkpath.bridge.media.plane import MediaPlane

__all__ = ["Heartbeat", "freeze_garbage"]


class Heartbeat:
    """Runs a plane on an event loop until it is stopped.

    An error of the plane or of `deliver` goes to the loop's exception handler and the next beat comes
    all the same: one bad call must not end the others.

    Args:
        plane: The plane; its `start` must be of the loop's clock.
        deliver: Takes every beat that brought audio or events.
        loop: The running loop.
    """

    def __init__(
        self, plane: MediaPlane, deliver: Callable[[Beat], None], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._plane = plane
        self._deliver = deliver
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._running = False
        self.errors = 0

    def start(self) -> None:
        """Begin to beat, whenever a lane is open."""
        self._running = True
        self._plane.on_first_lane = self._go_on
        self._go_on()

    def stop(self) -> None:
        """Stop beating."""
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _go_on(self) -> None:
        if self._running and self._timer is None:
            self._timer = self._loop.call_at(self._plane.next_deadline, self._beat)

    def _beat(self) -> None:
        # Armed first, so that nothing that happens in a beat can be the last.
        deadline = self._plane.next_deadline
        self._timer = self._loop.call_at(deadline + TICK_SECONDS, self._beat)
        try:
            beat = self._plane.beat(self._loop.time())
            if beat.uplink or beat.events:
                self._deliver(beat)
        except Exception as error:  # noqa: BLE001 - a task root: reported to the loop, counted, and survived
            self.errors += 1
            self._loop.call_exception_handler({"message": "A media beat failed", "exception": error})
        late = self._plane.next_deadline
        if self._timer is not None and not len(self._plane):
            # Nobody to serve: the next lane wakes us. An idle worker costs nothing.
            self._timer.cancel()
            self._timer = None
        elif self._timer is not None and late != deadline + TICK_SECONDS:
            self._timer.cancel()
            self._timer = self._loop.call_at(late, self._beat)


def freeze_garbage() -> None:
    """Take all that lives now out of the garbage collector's sight.

    Called once after start-up: a full collection over every imported module costs tens of milliseconds,
    which is a gap in every call.
    """
    gc.collect()
    gc.freeze()
