"""Sequence numbers of what arrives: what is next, late, a duplicate or a restart.

Pure arrays, one row per lane. The rules are those of RFC 3550, A.1, with a window of the last 64 numbers
so that a duplicate is told from a late packet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.bridge.media.counters import Counters

from talkpath.bridge.media.counters import Cause

__all__ = ["DROP", "NEXT", "OLD", "RESTART", "SKIP", "SequenceTracker"]

DROP: Final = 0
"""A duplicate, or one stray number: not to be used."""
OLD: Final = 1
"""New to us, but later packets came before it."""
NEXT: Final = 2
"""The number after the newest."""
SKIP: Final = 3
"""Newer than the newest, with numbers missing in between."""
RESTART: Final = 4
"""The stream begins, or begins anew."""

_MAX_DROPOUT: Final = 3_000  # RFC 3550, A.1: a larger step ahead is a restarted source
_MAX_MISORDER: Final = 100  # the same, backwards
_NONE: Final = -1


class SequenceTracker:
    """The newest sequence number of each lane and which of the 64 before it arrived.

    Args:
        lanes: Number of lanes.
        counters: Where duplicates, stray numbers and restarts are counted.
    """

    def __init__(self, lanes: int, counters: Counters) -> None:
        self._counters = counters
        self._newest = np.zeros(lanes, np.int64)
        self._source = np.full(lanes, _NONE, np.int64)
        self._expected_restart = np.full(lanes, _NONE, np.int64)
        self._seen = np.zeros(lanes, np.uint64)

    def reset(self, lane: int) -> None:
        """Forget the lane: the next packet begins a stream."""
        self._source[lane] = _NONE

    def follow(self, rows: NDArray[np.intp], steps: NDArray[np.int64]) -> None:
        """Take note of `steps` packets (k,), each the number after the one before."""
        shift = np.minimum(steps, 63).astype(np.uint64)
        ones = (np.uint64(1) << shift) - np.uint64(1)
        kept = (self._seen[rows] << shift) | ones
        self._seen[rows] = np.where(steps > 63, ~np.uint64(0), kept)
        self._newest[rows] = (self._newest[rows] + steps) & 0xFFFF

    def expected(self, rows: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The number after the newest, and the SSRC, below zero before the first packet; (k,) each."""
        return (self._newest[rows] + 1) & 0xFFFF, self._source[rows]

    def ahead(self, lane: int, source: int, sequence: int) -> int | None:
        """By how many packets one is after the newest, modulo 65,536; `None` for another SSRC."""
        if self._source[lane] != source:
            return None
        return (sequence - int(self._newest[lane])) & 0xFFFF

    def track(
        self, rows: NDArray[np.intp], sequence: NDArray[np.int64], source: NDArray[np.int64]
    ) -> NDArray[np.int8]:
        """Say what each packet is.

        Args:
            rows: The lanes (k,), each at most once.
            sequence: Sequence numbers (k,), int64.
            source: SSRCs (k,), int64.

        Returns:
            One of `DROP`, `OLD`, `NEXT`, `SKIP`, `RESTART` per packet.
        """
        step = (sequence - self._newest[rows]) & 0xFFFF
        if (step == 1).all() and (source == self._source[rows]).all():
            self._newest[rows] = sequence
            self._seen[rows] = (self._seen[rows] << np.uint64(1)) | np.uint64(1)
            return np.full(len(rows), NEXT, np.int8)
        return self._sort_out(rows, sequence, source, step)

    def _sort_out(
        self,
        rows: NDArray[np.intp],
        sequence: NDArray[np.int64],
        source: NDArray[np.int64],
        step: NDArray[np.int64],
    ) -> NDArray[np.int8]:
        back = (-step) & 0xFFFF
        kinds = np.full(len(rows), DROP, np.int8)
        restart = source != self._source[rows]
        ahead = ~restart & (step > 0) & (step <= _MAX_DROPOUT)
        behind = ~restart & (back <= _MAX_MISORDER)
        stray = ~(restart | ahead | behind)
        restart |= self._second_stray(rows, sequence, stray)
        kinds[ahead] = np.where(step[ahead] == 1, NEXT, SKIP)
        self._advance(rows[ahead], sequence[ahead], step[ahead])
        kinds[behind] = self._mark(rows[behind], back[behind])
        kinds[restart] = RESTART
        self._begin(rows[restart], sequence[restart], source[restart])
        return kinds

    def _second_stray(
        self, rows: NDArray[np.intp], sequence: NDArray[np.int64], stray: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """A jump is believed when the number after it follows (RFC 3550, A.1, `bad_seq`)."""
        if not stray.any():
            return stray
        confirmed: NDArray[np.bool_] = stray & np.equal(self._expected_restart[rows], sequence)
        doubted = stray & ~confirmed
        self._expected_restart[rows[doubted]] = (sequence[doubted] + 1) & 0xFFFF
        self._counters.add_rows(rows[doubted], Cause.LATE)
        return confirmed

    def _advance(self, rows: NDArray[np.intp], sequence: NDArray[np.int64], step: NDArray[np.int64]) -> None:
        shifted = self._seen[rows] << np.minimum(step, 63).astype(np.uint64)
        self._seen[rows] = np.where(step > 63, np.uint64(0), shifted) | np.uint64(1)
        self._newest[rows] = sequence

    def _mark(self, rows: NDArray[np.intp], back: NDArray[np.int64]) -> NDArray[np.int8]:
        """Enter packets at or behind the newest; beyond the window all count as new to us."""
        bit = np.uint64(1) << np.minimum(back, 63).astype(np.uint64)
        known = (self._seen[rows] & bit != 0) & (back < 64)
        self._seen[rows] |= np.where(back < 64, bit, np.uint64(0))
        self._counters.add_rows(rows[known], Cause.DUPLICATE)
        return np.where(known, DROP, OLD).astype(np.int8)

    def _begin(self, rows: NDArray[np.intp], sequence: NDArray[np.int64], source: NDArray[np.int64]) -> None:
        self._newest[rows] = sequence
        self._source[rows] = source
        self._seen[rows] = np.uint64(1)
        self._expected_restart[rows] = _NONE
