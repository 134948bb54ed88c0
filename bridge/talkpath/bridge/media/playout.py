"""Playout of the model's audio: what goes to the caller next, and exactly how much of it has gone.

Each lane has a short ring of whole frames in one array, so that the transmit half of a beat takes the
next frame of all lanes with one gather; what does not fit waits in the lane's `PlayoutQueue`. The model
sends many times faster than real time, so the queue is long and bounded.

Bytes written into the ring less bytes left in it is what was handed over for sending since the start of
the call: the only clock that says what the caller was played.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.counters import Cause
from talkpath.bridge.media.lane import FRAME_MS, PlayoutOverflow
from talkpath.bridge.media.playout_queue import PlayoutQueue
from talkpath.bridge.media.playout_room import MAX_QUEUE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from talkpath.bridge.media.counters import Counters
    from talkpath.bridge.media.lane import MediaEvent, Played
    from talkpath.bridge.media.playout_room import PlayoutRoom

__all__ = ["Playout"]

OVERFLOW_EVERY: Final = 10.0
"""Seconds between two reports of what was dropped: a full queue drops a part of each delta."""

_RING_FRAMES: Final = 64  # 1.28 s; a power of two
_LAST_FRAME: Final = _RING_FRAMES - 1
_NEVER: Final = -1


class Playout:
    """Playout of all lanes whose frames have one size.

    Args:
        lanes: Number of lanes.
        counters: Where starved frames and overflow are counted.
        frame_bytes: Bytes of 20 ms.
        sample_bytes: Bytes of one sample; a new item starts at a whole one.
        room: What all lanes share.

    Attributes:
        pad: The byte of silence of each lane (lanes,), uint8.
        frame_bytes: Bytes of 20 ms.
        linear: Whether frames hold 16-bit samples; otherwise codes of G.711.
        starving: Lanes whose audio ran out in the middle of an item, and whether its end has been faded.
    """

    def __init__(
        self, lanes: int, counters: Counters, *, frame_bytes: int, sample_bytes: int, room: PlayoutRoom
    ) -> None:
        self.pad = np.zeros(lanes, np.uint8)
        self.linear = sample_bytes > 1
        self.starving: dict[int, bool] = {}
        self._counters = counters
        self.frame_bytes = frame_bytes
        self._sample_bytes = sample_bytes
        self._bytes_per_ms = frame_bytes // FRAME_MS
        self._ring_bytes = _RING_FRAMES * frame_bytes
        self._ring = np.zeros((lanes, _RING_FRAMES, frame_bytes), np.uint8)
        self._flat = [lane.reshape(-1).data for lane in self._ring]
        self._head = np.zeros(lanes, np.intp)  # the ring's next frame
        self._left = np.zeros(lanes, np.int64)  # bytes in the ring
        self._watch = np.full(lanes, _NEVER, np.int64)  # the slow path looks when no more are left
        self._written = [0] * lanes  # bytes that are or were in the ring
        self._queues = [PlayoutQueue(self._bytes_per_ms, room) for _ in range(lanes)]
        self._room = room
        self._overflow: dict[int, int] = {}
        self._report_at = 0.0

    def reset(self, lane: int) -> None:
        """Make the lane ready for another call."""
        self._queues[lane].clear(0)
        self._head[lane] = self._left[lane] = self._written[lane] = 0
        self._overflow.pop(lane, None)
        self.starving.pop(lane, None)
        self._update(lane)

    def play(self, lane: int, item_id: str, audio: bytes, now: float) -> None:
        """Queue audio of an item behind everything that is queued.

        Args:
            lane: The lane.
            item_id: The item; a new one follows the one before in the same frame.
            audio: Model audio; any length.
            now: Monotonic seconds.
        """
        queue = self._queues[lane]
        if not queue.continues(item_id):
            self._append(lane, bytes(-self._tail(lane) % self._sample_bytes))
            if not queue.add(item_id, self._tail(lane), now):
                self._overflowed(lane, len(audio))
                return
        kept = queue.accept(audio, self._room_of(lane), self._sample_bytes)
        self._overflowed(lane, len(audio) - len(kept))
        self._append(lane, kept)
        if queue.waiting or not queue.steady():
            self._update(lane)

    def finish(self, lane: int, item_id: str) -> None:
        """No more audio of this item will come."""
        self._queues[lane].finish(item_id)
        self._update(lane)

    def flush(self, lane: int, fade: Callable[[int, NDArray[np.uint8]], None] | None) -> list[Played]:
        """Drop what is queued and say how much of each item was played, oldest first.

        Args:
            lane: The lane.
            fade: Fades what would have come next in place; this tail does not count as played. `None`
                drops without it (on hold).
        """
        queue = self._queues[lane]
        sent = self._sent(lane)
        left = min(self._left.item(lane), self.frame_bytes)
        fades = left > 0 and queue.sounding(sent)
        played = queue.clear(sent)
        self._written[lane], self._left[lane] = sent, 0
        self._overflow.pop(lane, None)
        self.starving.pop(lane, None)
        if fade is not None and fades:
            frame = self._ring[lane, self._head[lane]]
            frame[left:] = self.pad[lane]
            fade(lane, frame)
            self._written[lane] += self.frame_bytes
            self._left[lane] = self.frame_bytes
        self._update(lane)
        return played

    def position(self, lane: int) -> Played | None:
        """The item being played, or next to be played, and how much of it went out."""
        return self._queues[lane].front(self._sent(lane))

    def queued_ms(self, lane: int) -> int:
        """Milliseconds of audio still to be sent."""
        return (self._left.item(lane) + self._queues[lane].waiting) // self._bytes_per_ms

    def end(self, lane: int) -> int:
        """The position behind everything that is queued, for `passed`."""
        return self._tail(lane)

    def passed(self, lane: int, position: int) -> bool:
        """Whether everything before a position went out."""
        return self._sent(lane) >= position

    def last_frame(self, lane: int) -> NDArray[np.uint8]:
        """The frame of a lane that was handed over last (frame bytes,)."""
        frame: NDArray[np.uint8] = self._ring[lane, (self._head[lane] - 1) & _LAST_FRAME]
        return frame

    def idle(self, lane: int) -> bool:
        """Whether nothing is queued, playing or expected."""
        return self._queues[lane].empty() and not self._left[lane]

    def frames_played(self) -> NDArray[np.int64]:
        """Frames of model audio handed over by each lane since the start of its call (lanes,)."""
        return (np.array(self._written, np.int64) - self._left) // self.frame_bytes

    def take(
        self, rows: NDArray[np.intp], out: NDArray[np.uint8], now: float, events: list[MediaEvent]
    ) -> NDArray[np.bool_]:
        """Write the next frame of each lane that has one; the other rows are left as they are.

        Args:
            rows: The lanes (k,), each at most once.
            out: Where the frames go (k, frame bytes).
            now: Monotonic seconds.
            events: Items started or drained are appended.

        Returns:
            Which rows were written (k,).
        """
        left = self._left[rows]
        ready = left >= self.frame_bytes
        if ready.all():
            self._next_frames(rows, out, slice(None))
            left -= self.frame_bytes
            self._left[rows] = left
        elif ready.any():
            self._next_frames(rows[ready], out, ready)
            left[ready] -= self.frame_bytes
            self._left[rows] = left
        reached = left <= self._watch[rows]
        if reached.any():
            for index in np.flatnonzero(reached).tolist():
                self._attend(int(rows[index]), now, events, played=bool(ready[index]))
        return ready

    def _next_frames(
        self, rows: NDArray[np.intp], out: NDArray[np.uint8], where: slice | NDArray[np.bool_]
    ) -> None:
        head = self._head[rows]
        out[where] = self._ring[rows, head]
        self._head[rows] = (head + 1) & _LAST_FRAME

    def report_overflow(self, now: float, events: list[MediaEvent]) -> None:
        """Append what was dropped since the last report, unless that was a moment ago."""
        if self._overflow and now >= self._report_at:
            self._report_at = now + OVERFLOW_EVERY
            events.extend(
                PlayoutOverflow(lane, max(size // self._bytes_per_ms, 1))
                for lane, size in self._overflow.items()
            )
            self._overflow.clear()

    def _attend(self, lane: int, now: float, events: list[MediaEvent], *, played: bool) -> None:
        """The slow path after a slot: events, refill, the end of an item or the lack of audio."""
        queue = self._queues[lane]
        if queue.open and not played:
            self._counters.add(lane, Cause.FRAMES_STARVED)
            if queue.sounding(self._sent(lane)):
                self.starving.setdefault(lane, False)
        queue.advance(lane, self._sent(lane), now, events)
        self._refill(lane)
        if not queue.open and 0 < self._left.item(lane) < self.frame_bytes:
            self._pad(lane)
        self._update(lane)

    def _refill(self, lane: int) -> None:
        queue = self._queues[lane]
        while queue.waiting and (space := self._space(lane)):
            self._write(lane, queue.pop(space))

    def _append(self, lane: int, audio: bytes) -> None:
        queue = self._queues[lane]
        space = 0 if queue.waiting else self._space(lane)
        self._write(lane, audio[:space])
        if len(audio) > space:
            queue.push(audio[space:])

    def _write(self, lane: int, audio: bytes) -> None:
        if not audio:
            return
        ring, size = self._flat[lane], len(audio)
        start = self._written[lane] % self._ring_bytes
        first = min(size, self._ring_bytes - start)
        ring[start : start + first] = audio[:first]
        if size > first:
            ring[: size - first] = audio[first:]
        self._written[lane] += size
        self._left[lane] += size

    def _pad(self, lane: int) -> None:
        """Complete the last frame of a finished queue; audio of an open item waits for its rest."""
        missing = -self._written[lane] % self.frame_bytes
        self._write(lane, bytes([self.pad[lane]]) * missing)

    def _overflowed(self, lane: int, size: int) -> None:
        if size:
            self._counters.add(lane, Cause.OVERFLOW_BYTES, size)
            self._overflow[lane] = self._overflow.get(lane, 0) + size

    def _sent(self, lane: int) -> int:
        """Bytes handed over since the start of the call; always whole frames."""
        return self._written[lane] - self._left.item(lane)

    def _tail(self, lane: int) -> int:
        return self._written[lane] + self._queues[lane].waiting

    def _room_of(self, lane: int) -> int:
        """Bytes that a lane may still queue; what fits into its ring is always taken."""
        waiting = self._queues[lane].waiting
        longest = MAX_QUEUE_SECONDS * 1_000 * self._bytes_per_ms - waiting - self._left.item(lane)
        return max(min(longest, self._room.of(waiting) + (0 if waiting else self._space(lane))), 0)

    def _space(self, lane: int) -> int:
        return self._ring_bytes - self._left.item(lane)

    def _update(self, lane: int) -> None:
        """Recompute when the slow path must look at the lane again."""
        queue = self._queues[lane]
        if queue.empty():
            self._watch[lane] = _NEVER
            return
        # Less than a frame: the last one is to be padded, or the model is too slow.
        watch = max(self.frame_bytes - 1, self._written[lane] - queue.next_change())
        self._watch[lane] = max(watch, self._ring_bytes // 2) if queue.waiting else watch
