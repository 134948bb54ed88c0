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
from talkpath.bridge.media.g711_law import ULAW
from talkpath.bridge.media.lane import FRAME_BYTES, SAMPLE_RATE, PlayoutOverflow
from talkpath.bridge.media.playout_queue import PlayoutQueue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.bridge.media.counters import Counters
    from talkpath.bridge.media.g711_law import Law
    from talkpath.bridge.media.lane import MediaEvent, Played

__all__ = ["MAX_QUEUE_SECONDS", "Playout"]

MAX_QUEUE_SECONDS: Final = 600
"""Model audio a lane may queue; what comes on top is dropped and reported."""

_RING_FRAMES: Final = 64  # 1.28 s
_RING_BYTES: Final = _RING_FRAMES * FRAME_BYTES
_REFILL_BELOW: Final = _RING_BYTES // 2
_MAX_QUEUE_BYTES: Final = MAX_QUEUE_SECONDS * SAMPLE_RATE
_NEVER: Final = -1
_FADE_SAMPLES: Final = 40  # 5 ms: short enough to be "now", long enough not to click
_FADE: Final = np.concatenate(
    (np.linspace(1.0, 0.0, _FADE_SAMPLES, endpoint=False), np.zeros(FRAME_BYTES - _FADE_SAMPLES))
)


class Playout:
    """Playout of all lanes.

    Args:
        lanes: Number of lanes.
        counters: Where frames and overflow are counted.

    Attributes:
        silence: The code of silence of each lane's law (lanes,), uint8.
    """

    def __init__(self, lanes: int, counters: Counters) -> None:
        self.silence = np.full(lanes, ULAW.silence, np.uint8)
        self._counters = counters
        self._ring = np.zeros((lanes, _RING_FRAMES, FRAME_BYTES), np.uint8)
        self._flat = [lane.reshape(-1).data for lane in self._ring]
        self._head = np.zeros(lanes, np.intp)  # the ring's next frame
        self._left = np.zeros(lanes, np.int64)  # bytes in the ring
        self._watch = np.full(lanes, _NEVER, np.int64)  # the slow path looks when no more are left
        self._written = [0] * lanes  # bytes that are or were in the ring
        self._queues = [PlayoutQueue() for _ in range(lanes)]
        self._overflow: dict[int, int] = {}
        counters.derive(self._count_played)

    def reset(self, lane: int) -> None:
        """Make the lane ready for another call."""
        self._queues[lane].clear(0)
        self._head[lane] = self._left[lane] = self._written[lane] = 0
        self._overflow.pop(lane, None)
        self._update(lane)

    def play(self, lane: int, item_id: str, audio: bytes, received_ms: float, now: float) -> None:
        """Queue audio of an item behind everything that is queued.

        Args:
            lane: The lane.
            item_id: The item; a new one follows the one before in the same frame.
            audio: G.711 codes in the lane's law; any length.
            received_ms: Milliseconds of model audio this was made of.
            now: Monotonic seconds.
        """
        queue = self._queues[lane]
        if not queue.add(item_id, self._tail(lane), now):
            self._overflowed(lane, len(audio))
            return
        room = _MAX_QUEUE_BYTES - queue.waiting - self._left.item(lane)
        if len(audio) > room:
            self._overflowed(lane, len(audio) - room)
            audio = audio[:room]
        queue.extend(len(audio), received_ms)
        space = 0 if queue.waiting else self._space(lane)
        self._write(lane, audio[:space])
        if len(audio) > space:
            queue.push(audio[space:])
        self._update(lane)

    def finish(self, lane: int, item_id: str) -> None:
        """No more audio of this item will come."""
        self._queues[lane].finish(item_id)
        self._update(lane)

    def flush(self, lane: int, law: Law | None) -> list[Played]:
        """Drop what is queued and say how much of each item was played, oldest first.

        Args:
            lane: The lane.
            law: The law of the lane, to fade out over 5 ms what would have come next; this tail does
                not count as played. `None` drops without it (on hold).
        """
        queue = self._queues[lane]
        sent = self._sent(lane)
        left = min(self._left.item(lane), FRAME_BYTES)
        fade = law is not None and left > 0 and queue.sounding(sent)
        played = queue.clear(sent)
        self._written[lane], self._left[lane] = sent, 0
        self._overflow.pop(lane, None)
        if fade and law is not None:
            self._fade(lane, left, law)
        self._update(lane)
        return played

    def position(self, lane: int) -> Played | None:
        """The item being played, or next to be played, and how much of it went out."""
        return self._queues[lane].front(self._sent(lane))

    def queued_ms(self, lane: int) -> int:
        """Milliseconds of audio still to be sent."""
        return (self._left.item(lane) + self._queues[lane].waiting) // 8

    def idle(self, lane: int) -> bool:
        """Whether nothing is queued, playing or expected."""
        return self._queues[lane].empty() and not self._left[lane]

    def recode(self, lane: int, table: NDArray[np.uint8], silence: int) -> None:
        """Translate what is queued to another law, at a change of codec."""
        self._ring[lane] = table[self._ring[lane]]
        self._queues[lane].recode(table.tobytes())
        self.silence[lane] = silence

    def take(
        self, rows: NDArray[np.intp], out: NDArray[np.uint8], now: float, events: list[MediaEvent]
    ) -> NDArray[np.bool_]:
        """Write the next frame of each of some lanes, silence where there is none.

        Args:
            rows: The lanes (k,), each at most once.
            out: Where the frames go (k, 160).
            now: Monotonic seconds.
            events: Items started or drained are appended.

        Returns:
            Which rows carry model audio (k,).
        """
        left = self._left[rows]
        ready = left >= FRAME_BYTES
        if ready.all():
            self._next_frames(rows, out, slice(None))
            left -= FRAME_BYTES
        else:
            out[:] = self.silence[rows][:, None]
            if ready.any():
                self._next_frames(rows[ready], out, ready)
                left[ready] -= FRAME_BYTES
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
        self._head[rows] = (head + 1) % _RING_FRAMES

    def report_overflow(self, events: list[MediaEvent]) -> None:
        """Append what was dropped since the last call."""
        if self._overflow:
            events.extend(PlayoutOverflow(lane, max(size // 8, 1)) for lane, size in self._overflow.items())
            self._overflow.clear()

    def _attend(self, lane: int, now: float, events: list[MediaEvent], *, played: bool) -> None:
        """The slow path after a slot: events, refill, the end of an item or the lack of audio."""
        queue = self._queues[lane]
        if queue.open and not played:
            self._counters.add(lane, Cause.FRAMES_STARVED)
        queue.advance(lane, self._sent(lane), now, events)
        self._refill(lane)
        if not queue.open and 0 < self._left.item(lane) < FRAME_BYTES:
            self._pad(lane)
        self._update(lane)

    def _refill(self, lane: int) -> None:
        queue = self._queues[lane]
        while queue.waiting and (space := self._space(lane)):
            self._write(lane, queue.pop(space))

    def _write(self, lane: int, audio: bytes) -> None:
        if not audio:
            return
        ring, size = self._flat[lane], len(audio)
        start = self._written[lane] % _RING_BYTES
        first = min(size, _RING_BYTES - start)
        ring[start : start + first] = audio[:first]
        if size > first:
            ring[: size - first] = audio[first:]
        self._written[lane] += size
        self._left[lane] += size

    def _pad(self, lane: int) -> None:
        """Complete the last frame of a finished queue; audio of an open item waits for its rest."""
        missing = -self._written[lane] % FRAME_BYTES
        self._write(lane, bytes([self.silence[lane]]) * missing)

    def _fade(self, lane: int, left: int, law: Law) -> None:
        """Replace what comes next by its first 5 ms, fading, and silence."""
        frame = self._ring[lane, self._head[lane]]
        frame[left:] = law.silence
        frame[:] = law.encode((law.decode(frame) * _FADE).astype(np.int16))
        frame[_FADE_SAMPLES:] = law.silence
        self._written[lane] += FRAME_BYTES
        self._left[lane] = FRAME_BYTES

    def _count_played(self) -> None:
        sent = np.array(self._written, np.int64) - self._left
        self._counters.table[:, Cause.FRAMES_PLAYED] = sent // FRAME_BYTES

    def _overflowed(self, lane: int, size: int) -> None:
        if size:
            self._counters.add(lane, Cause.OVERFLOW_BYTES, size)
            self._overflow[lane] = self._overflow.get(lane, 0) + size

    def _sent(self, lane: int) -> int:
        """Bytes handed over since the start of the call; always whole frames."""
        return self._written[lane] - self._left.item(lane)

    def _tail(self, lane: int) -> int:
        return self._written[lane] + self._queues[lane].waiting

    def _space(self, lane: int) -> int:
        return _RING_BYTES - self._left.item(lane)

    def _update(self, lane: int) -> None:
        """Recompute when the slow path must look at the lane again."""
        queue = self._queues[lane]
        if queue.empty():
            self._watch[lane] = _NEVER
            return
        # Less than a frame: the last one is to be padded, or the model is too slow.
        watch = max(FRAME_BYTES - 1, self._written[lane] - queue.next_change())
        self._watch[lane] = max(watch, _REFILL_BELOW) if queue.waiting else watch
