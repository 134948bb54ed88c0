"""What a receiver must know for its RTCP reports (RFC 3550, appendices A.1, A.3 and A.8), for all lanes.

One row of every array is one lane. There is no probation: the lane's first packet counts, because by then
the media plane has already decided to listen to that source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from talkpath.codecs.rtp import timestamp_distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.codecs.types import Rows

_CYCLE: Final = 1 << 16
_LONGEST_DROPOUT: Final = 3000  # sequence numbers ahead; more is a jump (A.1)
_LONGEST_MISORDER: Final = 100  # sequence numbers behind; more is a jump (A.1)
_NO_SEQUENCE: Final = -1
_JITTER_DECAY: Final = 15 / 16  # what is left of the jitter after a packet without any (A.8)
_LOST_LIMIT: Final = 1 << 23  # cumulative loss is a signed number of 24 bits

_T = TypeVar("_T", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class ReceptionReport:
    """The report blocks of k lanes, ready to be written; int64 (k,) each."""

    fraction_lost: NDArray[np.int64]
    """Lost since the report before, in 1/256 of what was expected, 0 to 255."""
    lost: NDArray[np.int64]
    """Lost since the beginning; below zero when duplicates outnumber losses."""
    highest_sequence: NDArray[np.int64]
    """Highest sequence number, with the count of its wraps above 16 bits (32 bits)."""
    jitter: NDArray[np.int64]
    """Interarrival jitter in RTP clock ticks."""


class _Runs:
    """Where the packets of each lane lie in arrays that are sorted by lane.

    Args:
        rows: lane of each packet (k,), sorted, k > 0.
    """

    def __init__(self, rows: Rows) -> None:
        self.starts: Rows = np.flatnonzero(np.concatenate(([True], rows[1:] != rows[:-1])))
        self.lengths: Rows = np.diff(self.starts, append=len(rows))
        self.rows = rows[self.starts]
        self.numbers: Rows = np.repeat(np.arange(len(self.starts)), self.lengths)
        self.places: Rows = np.arange(len(rows)) - self.starts[self.numbers]

    def after(self, first: NDArray[_T], values: NDArray[_T]) -> NDArray[_T]:
        """Return, for each packet, the value before it; `first` stands before each lane's first."""
        before = np.empty_like(values)
        before[1:] = values[:-1]
        before[self.starts] = first
        return before


class ReceptionStatistics:
    """Counts what arrives on each lane.

    Args:
        lanes: number of lanes.
        clock_rate: RTP clock in Hz.
    """

    def __init__(self, lanes: int, clock_rate: int = 8000) -> None:
        self._clock_rate = clock_rate
        self._base = np.full(lanes, _NO_SEQUENCE, np.int64)
        self._highest = np.zeros(lanes, np.int64)  # extended by its wraps
        self._received = np.zeros(lanes, np.int64)
        self._bad_sequence = np.full(lanes, _NO_SEQUENCE, np.int64)
        self._expected_prior = np.zeros(lanes, np.int64)
        self._received_prior = np.zeros(lanes, np.int64)
        self._timestamp = np.zeros(lanes, np.uint32)
        self._arrival = np.zeros(lanes, np.float64)
        self._jitter = np.zeros(lanes, np.float64)
        self._turn = np.zeros(lanes, np.intp)

    def reset(self, rows: Rows) -> None:
        """Begin again on some lanes: a new call, or a new source."""
        self._base[rows] = _NO_SEQUENCE
        self._bad_sequence[rows] = _NO_SEQUENCE
        for counter in (self._received, self._expected_prior, self._received_prior, self._highest):
            counter[rows] = 0
        self._jitter[rows] = 0.0

    def update(
        self,
        rows: Rows,
        sequence: NDArray[np.uint16],
        timestamp: NDArray[np.uint32],
        arrival: NDArray[np.float64],
    ) -> None:
        """Count packets in the order of their arrival.

        Args:
            rows: lane of each packet (k,), in any order, a lane as often as it has packets.
            sequence: RTP sequence numbers (k,).
            timestamp: RTP timestamps (k,).
            arrival: monotonic seconds (k,).
        """
        if not len(rows):
            return
        order = np.argsort(rows, kind="stable")
        rows, sequence, timestamp, arrival = rows[order], sequence[order], timestamp[order], arrival[order]
        runs = _Runs(rows)
        number = sequence.astype(np.int64)
        before = runs.after(self._highest[runs.rows] % _CYCLE, number)
        ahead = (number - before) % _CYCLE
        heard = self._base[runs.rows] != _NO_SEQUENCE
        tidy = heard & (np.minimum.reduceat((ahead > 0) & (ahead < _LONGEST_DROPOUT), runs.starts))
        if tidy.all():
            self._update_runs(runs, ahead, timestamp, arrival)
            return
        one_by_one = ~tidy[runs.numbers]
        self._update_in_turn(
            rows[one_by_one], sequence[one_by_one], timestamp[one_by_one], arrival[one_by_one]
        )
        rest = ~one_by_one
        if rest.any():
            self._update_runs(_Runs(rows[rest]), ahead[rest], timestamp[rest], arrival[rest])

    def _update_runs(
        self,
        runs: _Runs,
        ahead: NDArray[np.int64],
        timestamp: NDArray[np.uint32],
        arrival: NDArray[np.float64],
    ) -> None:
        """Count packets each of which is newer than the one before it on its lane, all at once."""
        rows = runs.rows
        self._received[rows] += runs.lengths
        self._highest[rows] += np.add.reduceat(ahead, runs.starts)
        waited = (arrival - runs.after(self._arrival[rows], arrival)) * self._clock_rate
        passed = timestamp_distance(timestamp, runs.after(self._timestamp[rows], timestamp))
        change = np.abs(waited - passed)
        # The recurrence of A.8 unrolled: a change counts for less with each packet behind it.
        weight = _JITTER_DECAY ** (runs.lengths[runs.numbers] - 1 - runs.places)
        fresh = np.add.reduceat(change * weight, runs.starts) / 16
        self._jitter[rows] = self._jitter[rows] * _JITTER_DECAY**runs.lengths + fresh
        last = runs.starts + runs.lengths - 1
        self._timestamp[rows] = timestamp[last]
        self._arrival[rows] = arrival[last]

    def _update_in_turn(
        self,
        rows: Rows,
        sequence: NDArray[np.uint16],
        timestamp: NDArray[np.uint32],
        arrival: NDArray[np.float64],
    ) -> None:
        """Count packets in any order, the first of each lane first."""
        while len(rows):
            order = np.arange(len(rows))
            self._turn[rows[::-1]] = order[::-1]
            first = self._turn[rows] == order
            self._update_once(rows[first], sequence[first], timestamp[first], arrival[first])
            rest = ~first
            rows, sequence, timestamp, arrival = rows[rest], sequence[rest], timestamp[rest], arrival[rest]

    def expected(self, rows: Rows) -> NDArray[np.int64]:
        """Return how many packets should have come by now (A.3)."""
        heard = self._base[rows] != _NO_SEQUENCE
        return np.where(heard, self._highest[rows] - self._base[rows] + 1, 0)

    def received(self, rows: Rows) -> NDArray[np.int64]:
        """Return how many packets have come, duplicates and late ones included."""
        return self._received[rows]

    def lost(self, rows: Rows) -> NDArray[np.int64]:
        """Return expected less received, within the 24 bits of a report."""
        lost = self.expected(rows) - self._received[rows]
        return np.asarray(np.clip(lost, -_LOST_LIMIT, _LOST_LIMIT - 1))

    def jitter(self, rows: Rows) -> NDArray[np.float64]:
        """Return the interarrival jitter in seconds (A.8)."""
        return self._jitter[rows] / self._clock_rate

    def report(self, rows: Rows) -> ReceptionReport:
        """Return the report blocks of some lanes, and begin their next reporting interval."""
        expected, received = self.expected(rows), self._received[rows]
        expected_interval = expected - self._expected_prior[rows]
        lost_interval = expected_interval - (received - self._received_prior[rows])
        self._expected_prior[rows] = expected
        self._received_prior[rows] = received
        fraction = (lost_interval << 8) // np.maximum(expected_interval, 1)
        return ReceptionReport(
            fraction_lost=np.clip(fraction, 0, 255),
            lost=self.lost(rows),
            highest_sequence=self._highest[rows] & 0xFFFFFFFF,
            jitter=self._jitter[rows].astype(np.int64),
        )

    def _update_once(
        self,
        rows: Rows,
        sequence: NDArray[np.uint16],
        timestamp: NDArray[np.uint32],
        arrival: NDArray[np.float64],
    ) -> None:
        """Count at most one packet of each lane."""
        number = sequence.astype(np.int64)
        fresh = self._base[rows] == _NO_SEQUENCE
        ahead = (number - self._highest[rows]) % _CYCLE
        jump = ~fresh & (ahead >= _LONGEST_DROPOUT) & (ahead <= _CYCLE - _LONGEST_MISORDER)
        # Two packets in a row behind a jump: the sender has begun anew (A.1).
        fresh |= jump & (number == self._bad_sequence[rows])
        jump &= ~fresh
        self._bad_sequence[rows[jump]] = (number[jump] + 1) % _CYCLE
        self._begin(rows[fresh], number[fresh], timestamp[fresh], arrival[fresh])
        counted = ~fresh & ~jump
        rows, ahead = rows[counted], ahead[counted]
        self._received[rows] += 1
        self._highest[rows] += np.where(ahead < _LONGEST_DROPOUT, ahead, 0)
        self._track_jitter(rows, timestamp[counted], arrival[counted])

    def _begin(
        self,
        rows: Rows,
        number: NDArray[np.int64],
        timestamp: NDArray[np.uint32],
        arrival: NDArray[np.float64],
    ) -> None:
        """Take a packet as the first of its source."""
        self.reset(rows)
        self._base[rows] = self._highest[rows] = number
        self._received[rows] = 1
        self._timestamp[rows] = timestamp
        self._arrival[rows] = arrival

    def _track_jitter(self, rows: Rows, timestamp: NDArray[np.uint32], arrival: NDArray[np.float64]) -> None:
        """Move the jitter a sixteenth towards the change of transit time (section 6.4.1)."""
        waited = (arrival - self._arrival[rows]) * self._clock_rate
        change = np.abs(waited - timestamp_distance(timestamp, self._timestamp[rows]))
        self._jitter[rows] += (change - self._jitter[rows]) / 16
        self._timestamp[rows] = timestamp
        self._arrival[rows] = arrival
