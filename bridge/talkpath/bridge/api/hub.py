"""Gives each event to all who listen; who does not keep up is let go. Each listener's queue is bounded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_QUEUED: Final = 2000
"""Events that may wait for one listener: some 20 s of a hundred calls."""
MAX_LISTENERS: Final = 50


class Listener:
    """One who listens; `take` until it is `over`."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(MAX_QUEUED)

    def give(self, event: bytes) -> bool:
        """Queue an event; False: the queue is full, and the listener is over."""
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self.over.set()
            return False
        return True

    async def take(self) -> bytes:
        """All events that wait, at least one."""
        events = [await self._queue.get()]
        while not self._queue.empty():
            events.append(self._queue.get_nowait())
        return b"".join(events)


class Hub:
    """All listeners.

    Args:
        on_watched: Told when the first one comes (True) and when the last one is gone (False).
        on_dropped: Told when one is let go because it does not keep up.
    """

    def __init__(self, on_watched: Callable[[bool], None], on_dropped: Callable[[], None]) -> None:
        self._on_watched = on_watched
        self._on_dropped = on_dropped
        self._listeners: set[Listener] = set()
        self._closed = False

    def __len__(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def join(self) -> Listener | None:
        """Begin to listen; None: there are too many, or the daemon ends."""
        if self._closed or len(self._listeners) >= MAX_LISTENERS:
            return None
        listener = Listener()
        self._listeners.add(listener)
        if len(self._listeners) == 1:
            self._on_watched(True)
        return listener

    def leave(self, listener: Listener) -> None:
        """Listen no more. Again: nothing happens."""
        if listener in self._listeners:
            self._listeners.discard(listener)
            if not self._listeners:
                self._on_watched(False)

    def publish(self, event: bytes) -> None:
        """Give an event to all."""
        for listener in list(self._listeners):
            if not listener.give(event):
                self.leave(listener)
                self._on_dropped()

    def close(self) -> None:
        """The daemon ends: let everybody go."""
        self._closed = True
        for listener in list(self._listeners):
            listener.over.set()
            self.leave(listener)
