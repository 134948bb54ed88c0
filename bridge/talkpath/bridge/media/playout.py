"""Playout of the model's audio: what goes to the caller next, and exactly how much of it has gone.

Each lane has a short ring of whole frames in one array, so that the transmit half of a beat takes the
next frame of all lanes with one gather; what does not fit waits in the lane's `PlayoutQueue`. The model
sends many times faster than real time, so the queue is long and bounded.

`sent` counts the bytes handed over for sending, from the start of the call: the only clock that says
what the caller was played.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.counters import Cause
from talkpath.bridge.media.g711_law import ULAW
from talkpath.bridge.media.lane import FRAME_BYTES, SAMPLE_RATE, PlayoutOverflow
from talkpath.bridge.media.playout_queue import NOTHING_TO_WATCH, PlayoutQueue

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
        self._sent = np.zeros(lanes, np.int64)  # always whole frames
        self._written = np.zeros(lanes, np.int64)  # bytes that are or were in the ring
        self._watch = np.full(lanes, NOTHING_TO_WATCH, np.int64)
        self._open = np.zeros(lanes, np.bool_)
        self._queues = [PlayoutQueue() for _ in range(lanes)]
        self._overflow: dict[int, int] = {}

    def reset(self, lane: int) -> None:
        """Make the lane ready for another call."""
        self._queues[lane].clear(0)
        self._sent[lane] = self._written[lane] = 0
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
        room = _MAX_QUEUE_BYTES - (self._tail(lane) - int(self._sent[lane]))
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
        sent = int(self._sent[lane])
        left = min(int(self._written[lane]) - sent, FRAME_BYTES)
        fade = law is not None and left > 0 and queue.sounding(sent)
        played = queue.clear(sent)
        self._written[lane] = sent
        self._overflow.pop(lane, None)
        if fade and law is not None:
            self._fade(lane, left, law)
        self._update(lane)
        return played

    def position(self, lane: int) -> Played | None:
        """The item being played, or next to be played, and how much of it went out."""
        return self._queues[lane].front(int(self._sent[lane]))

    def queued_ms(self, lane: int) -> int:
        """Milliseconds of audio still to be sent."""
        return (self._tail(lane) - int(self._sent[lane])) // 8

    def idle(self, lane: int) -> bool:
        """Whether nothing is queued, playing or expected."""
        return self._queues[lane].empty() and self._tail(lane) <= self._sent[lane]

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
        have = self._written[rows] - self._sent[rows]
        ready = have >= FRAME_BYTES
        partial = (have > 0) & ~ready
        if partial.any():
            for index in np.flatnonzero(partial):
                ready[index] = self._pad(int(rows[index]))
        count = np.count_nonzero(ready)
        if count < len(rows):
            out[:] = self.silence[rows][:, None]
            self._count_starved(rows, ready)
        if count:
            lanes = rows if count == len(rows) else rows[ready]
            frames = self._ring[lanes, (self._sent[lanes] // FRAME_BYTES) % _RING_FRAMES]
            out[slice(None) if count == len(rows) else ready] = frames
            self._sent[lanes] += FRAME_BYTES
            self._counters.add_rows(lanes, Cause.FRAMES_PLAYED)
        reached = self._sent[rows] >= self._watch[rows]
        if reached.any():
            for lane in rows[reached].tolist():
                self._attend(lane, now, events)
        return ready

    def report_overflow(self, events: list[MediaEvent]) -> None:
        """Append what was dropped since the last call."""
        if self._overflow:
            events.extend(PlayoutOverflow(lane, max(size // 8, 1)) for lane, size in self._overflow.items())
            self._overflow.clear()

    def _attend(self, lane: int, now: float, events: list[MediaEvent]) -> None:
        self._queues[lane].advance(lane, int(self._sent[lane]), now, events)
        self._refill(lane)
        self._update(lane)

    def _refill(self, lane: int) -> None:
        queue = self._queues[lane]
        while queue.waiting and (space := self._space(lane)):
            self._write(lane, queue.pop(space))

    def _write(self, lane: int, audio: bytes) -> None:
        if not audio:
            return
        codes = np.frombuffer(audio, np.uint8)
        ring = self._ring[lane].reshape(-1)
        start = int(self._written[lane]) % _RING_BYTES
        first = min(len(codes), _RING_BYTES - start)
        ring[start : start + first] = codes[:first]
        ring[: len(codes) - first] = codes[first:]
        self._written[lane] += len(codes)

    def _pad(self, lane: int) -> bool:
        """Complete the last frame of a finished queue; audio of an open item waits for its rest."""
        if self._queues[lane].open:
            return False
        missing = -int(self._written[lane]) % FRAME_BYTES
        self._write(lane, bytes([self.silence[lane]]) * missing)
        return True

    def _fade(self, lane: int, left: int, law: Law) -> None:
        """Replace what comes next by its first 5 ms, fading, and silence."""
        index = (int(self._sent[lane]) // FRAME_BYTES) % _RING_FRAMES
        frame = self._ring[lane, index]
        frame[left:] = law.silence
        frame[:] = law.encode((law.decode(frame) * _FADE).astype(np.int16))
        frame[_FADE_SAMPLES:] = law.silence
        self._written[lane] += FRAME_BYTES

    def _count_starved(self, rows: NDArray[np.intp], ready: NDArray[np.bool_]) -> None:
        starved = self._open[rows] & ~ready
        if starved.any():
            self._counters.add_rows(rows[starved], Cause.FRAMES_STARVED)

    def _overflowed(self, lane: int, size: int) -> None:
        if size:
            self._counters.add(lane, Cause.OVERFLOW_BYTES, size)
            self._overflow[lane] = self._overflow.get(lane, 0) + size

    def _tail(self, lane: int) -> int:
        return int(self._written[lane]) + self._queues[lane].waiting

    def _space(self, lane: int) -> int:
        return _RING_BYTES - int(self._written[lane] - self._sent[lane])

    def _update(self, lane: int) -> None:
        """Recompute when the slow path must look at the lane again."""
        queue = self._queues[lane]
        watch = queue.next_change()
        if queue.waiting:
            watch = min(watch, int(self._written[lane]) - _REFILL_BELOW)
        self._watch[lane] = watch
        self._open[lane] = queue.open
