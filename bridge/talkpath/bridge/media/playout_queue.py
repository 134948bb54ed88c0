"""What waits to be played on one lane: items, and the audio that does not fit in the ring yet.

Positions are counted in bytes of model audio from the start of the call, so that "played" is a subtraction.
The part of the queue that is next to leave is in the array ring of `playout`; this is the slow path,
touched once per delta and a few times per item.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from talkpath.bridge.media.lane import Played, PlayoutDrained, PlayoutStarted

if TYPE_CHECKING:
    from talkpath.bridge.media.lane import MediaEvent
    from talkpath.bridge.media.playout_room import PlayoutRoom

__all__ = ["NOTHING_TO_WATCH", "PlayoutQueue"]

MAX_ITEMS: Final = 1_024
"""A model that opens more items than this without their being played is broken."""
NOTHING_TO_WATCH: Final = 1 << 62


@dataclass(slots=True)
class _Item:
    item_id: str
    start: int
    first_delta: float
    length: int = 0
    received: int = 0
    finished: bool = False
    started: bool = False

    def played(self, sent: int, bytes_per_ms: int) -> Played:
        """Whole milliseconds sent and received."""
        sent_bytes = min(max(sent - self.start, 0), self.length)
        return Played(self.item_id, sent_bytes // bytes_per_ms, self.received // bytes_per_ms)


class PlayoutQueue:
    """Items of one lane, oldest first, and the overflow behind the ring.

    Args:
        bytes_per_ms: Bytes of a millisecond of audio.
        room: Counts what waits on all lanes.

    Attributes:
        waiting: Bytes in the overflow.
        open: Whether more audio of the newest item is expected.
    """

    __slots__ = ("_bytes_per_ms", "_chunks", "_items", "_room", "open", "waiting")

    def __init__(self, bytes_per_ms: int, room: PlayoutRoom) -> None:
        self._bytes_per_ms = bytes_per_ms
        self._room = room
        self._items: deque[_Item] = deque()
        self._chunks: deque[bytes] = deque()
        self.waiting = 0
        self.open = False

    def continues(self, item_id: str) -> bool:
        """Whether `item_id` is the newest item and still open."""
        return self.open and self._items[-1].item_id == item_id

    def add(self, item_id: str, start: int, now: float) -> bool:
        """Make `item_id` the newest item, starting at `start`; `False` if there are too many.

        A new item finishes the one before it.
        """
        if len(self._items) >= MAX_ITEMS:
            return False
        if self._items:
            self._items[-1].finished = True
        self._items.append(_Item(item_id, start, now))
        self.open = True
        return True

    def accept(self, audio: bytes, room: int, sample_bytes: int) -> bytes:
        """Count audio of the newest item and return what of it is to be queued.

        Where there is no room, whole samples are left out: what follows must not begin in the middle of one.
        """
        newest = self._items[-1]
        kept = audio[(newest.length - newest.received) % sample_bytes :]
        if len(kept) > room:
            kept = kept[: max(room - (newest.length + room) % sample_bytes, 0)]
        newest.length += len(kept)
        newest.received += len(audio)
        return kept

    def finish(self, item_id: str) -> None:
        """No more audio of `item_id` will come; unknown items are already played or flushed."""
        for item in reversed(self._items):
            if item.item_id == item_id:
                item.finished = True
                break
        self.open = bool(self._items) and not self._items[-1].finished

    def push(self, audio: bytes) -> None:
        """Put audio behind the ring."""
        self._chunks.append(audio)
        self._count(len(audio))

    def pop(self, space: int) -> bytes:
        """Take up to `space` bytes of the next chunk for the ring."""
        chunk = self._chunks.popleft()
        if len(chunk) > space:
            self._chunks.appendleft(chunk[space:])
            chunk = chunk[:space]
        self._count(-len(chunk))
        return chunk

    def clear(self, sent: int) -> list[Played]:
        """Drop everything and say how much of each item was played."""
        played = [item.played(sent, self._bytes_per_ms) for item in self._items]
        self._items.clear()
        self._chunks.clear()
        self._count(-self.waiting)
        self.open = False
        return played

    def _count(self, change: int) -> None:
        self.waiting += change
        self._room.waiting += change

    def front(self, sent: int) -> Played | None:
        """The oldest item and how much of it was played."""
        return self._items[0].played(sent, self._bytes_per_ms) if self._items else None

    def empty(self) -> bool:
        """Whether no item is queued or playing."""
        return not self._items

    def steady(self) -> bool:
        """Whether one item is playing and open: more audio of it changes nothing about what comes next."""
        return self.open and len(self._items) == 1 and self._items[0].started

    def sounding(self, sent: int) -> bool:
        """Whether the oldest item is in the middle of being played."""
        return bool(self._items) and self._items[0].start < sent

    def next_change(self) -> int:
        """The position at which an item starts or ends; it is reached when that many bytes are sent."""
        if not self._items:
            return NOTHING_TO_WATCH
        front = self._items[0]
        if not front.started and front.length:
            return front.start + 1
        return front.start + front.length if front.finished else NOTHING_TO_WATCH

    def advance(self, lane: int, sent: int, now: float, events: list[MediaEvent]) -> None:
        """Report the items that started or were played to their end."""
        while self._items:
            front = self._items[0]
            if not front.started and sent > front.start and front.length:
                front.started = True
                events.append(PlayoutStarted(lane, front.item_id, now - front.first_delta))
            if not front.finished or sent < front.start + front.length:
                break
            self._items.popleft()
            events.append(PlayoutDrained(lane, front.item_id))
