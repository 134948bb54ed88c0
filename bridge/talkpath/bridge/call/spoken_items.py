"""What one session says on its lane, item by item; the lane may still hold items of the session before."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.media.lane import Played
    from talkpath.bridge.media.plane import MediaPlane


class SpokenItems:
    """The items of one session.

    Args:
        plane: The media plane.
        lane: The lane that the model talks to.
        clock: Monotonic seconds.
    """

    def __init__(self, plane: MediaPlane, lane: int, clock: Callable[[], float]) -> None:
        self._plane = plane
        self._lane = lane
        self._clock = clock
        self._own: set[str] = set()
        self._unfinished: set[str] = set()

    def play(self, item_id: str, audio: bytes) -> None:
        """Queue some audio of an item."""
        self._unfinished.add(item_id)
        self._own.add(item_id)
        self._plane.play(self._lane, item_id, audio, self._clock())

    def finish(self, item_id: str) -> None:
        """No more audio of this item will come."""
        self._unfinished.discard(item_id)
        self._plane.finish_item(self._lane, item_id)

    def finish_all(self) -> None:
        """Audio that was received is still heard, and its end is not mistaken for starvation."""
        for item_id in self._unfinished:
            self._plane.finish_item(self._lane, item_id)
        self._unfinished.clear()

    def flush(self) -> list[Played]:
        """Stop whatever the lane plays; what of it was heard."""
        played = self._plane.flush(self._lane, self._clock())
        self._unfinished.clear()
        return played

    def are_behind_others(self) -> bool:
        """Whether the lane plays something that a session before this one had to say."""
        front = self._plane.position(self._lane)
        return front is not None and front.item_id not in self._own
