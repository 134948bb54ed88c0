"""RFC 3550 reception statistics of all lanes, computed in batches off the hot path.

A beat only remembers what arrived; twice a second the statistics take it all at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.counters import Cause
from talkpath.bridge.media.delay import ArrivalDelay
from talkpath.codecs.reception import ReceptionStatistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.bridge.media.counters import Counters
    from talkpath.codecs.reception import ReceptionReport

__all__ = ["ReceptionLog"]

_BATCH_SECONDS: Final = 0.5
_NO_SOURCE: Final = -1


class ReceptionLog:
    """What each lane received, over all the sources it had.

    Args:
        lanes: Number of lanes.
        counters: Where packets are counted.
        target: Seconds a hole may wait, per lane (lanes,); adapted to how packets arrive.

    Attributes:
        delay: What adapts it.
    """

    def __init__(self, lanes: int, counters: Counters, target: NDArray[np.float64]) -> None:
        self.delay = ArrivalDelay(target)
        self._counters = counters
        counters.derive(self._work_off)
        self._statistics = ReceptionStatistics(lanes)
        self._expected = np.zeros(lanes, np.int64)
        self._lost = np.zeros(lanes, np.int64)
        self._source = np.full(lanes, _NO_SOURCE, np.int64)
        self._pending: list[tuple[NDArray[np.intp], NDArray[np.uint64], float]] = []
        self._untimed: set[int] = set()  # which of them hold packets that are not audio
        self._next_batch = 0.0

    def add(
        self, rows: NDArray[np.intp], place: NDArray[np.uint64], now: float, *, timed: bool = True
    ) -> None:
        """Remember packets that arrived at `now`.

        Args:
            rows: The lanes (k,).
            place: Sequence and timestamp (k,), as `in_order.placed` joins them; kept until they are used.
            now: Monotonic seconds.
            timed: Whether the timestamps say when the packets were made; a key press says when it began.
        """
        if not timed:
            self._untimed.add(len(self._pending))
        self._pending.append((rows, place, now))

    def settle(self, now: float) -> None:
        """Work off what was remembered, if it is time."""
        if now >= self._next_batch:
            self._next_batch = now + _BATCH_SECONDS
            self._work_off()

    def report(self, lane: int) -> tuple[int | None, ReceptionReport]:
        """The lane's SSRC, `None` before its first packet, and its report block; the next interval begins."""
        self._work_off()
        source = int(self._source[lane])
        return None if source < 0 else source, self._statistics.report(np.array([lane], np.intp))

    def begin_source(self, rows: NDArray[np.intp], source: NDArray[np.uint32]) -> None:
        """A new stream with this SSRC begins on these lanes: keep the sums of the old one."""
        self._work_off()
        self._source[rows] = source
        self._expected[rows] += self._statistics.expected(rows)
        self._lost[rows] += self._statistics.lost(rows)
        self._statistics.reset(rows)
        self.delay.restart(rows)

    def reset(self, lane: int) -> None:
        """Make the lane ready for another call."""
        self._work_off()
        self._statistics.reset(np.array([lane], np.intp))
        self._expected[lane] = self._lost[lane] = 0
        self._source[lane] = _NO_SOURCE
        self.delay.reset(lane)

    def of(self, lane: int) -> tuple[int, int, float]:
        """Packets expected, these less all that came (also twice), and jitter in seconds of one lane."""
        self._work_off()
        row = np.array([lane], np.intp)
        expected = int(self._expected[lane] + self._statistics.expected(row)[0])
        lost = int(self._lost[lane] + self._statistics.lost(row)[0])
        return expected, lost, float(self._statistics.jitter(row)[0])

    def _work_off(self) -> None:
        if not self._pending:
            return
        parts, places, times = zip(*self._pending, strict=True)
        sizes = [len(part) for part in parts]
        arrival = np.repeat(np.array(times), sizes)
        rows, place = np.concatenate(parts), np.concatenate(places)
        received = np.bincount(rows, minlength=len(self._counters.table))
        self._counters.table[:, Cause.PACKETS_RECEIVED] += received
        sequence, timestamp = (place >> np.uint64(32)).astype(np.uint16), place.astype(np.uint32)
        self._statistics.update(rows, sequence, timestamp, arrival)
        if self._untimed:
            timed = np.repeat([number not in self._untimed for number in range(len(sizes))], sizes)
            rows, timestamp, arrival = rows[timed], timestamp[timed], arrival[timed]
        self.delay.observe(rows, timestamp, arrival, float(times[-1]))
        self._pending.clear()
        self._untimed.clear()
