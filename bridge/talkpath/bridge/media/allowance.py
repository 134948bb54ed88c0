"""How much audio a source may bring: bounds what it can make us append, and pay for.

A source may run a tenth faster than time for ever, and be two seconds ahead once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.counters import Cause
from talkpath.bridge.media.lane import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.bridge.media.counters import Counters

    Rows = NDArray[np.intp]

__all__ = ["Allowance"]

_SUSTAINED_RATE: Final = 1.1 * SAMPLE_RATE
_ALLOWANCE: Final = 2 * SAMPLE_RATE
_FORGIVE_INTERVAL: Final = 0.25


class Allowance:
    """What the lanes have spent, in octets of 8,000 a second.

    Args:
        lanes: Number of lanes.
        counters: Where packets that were too much are counted.
    """

    def __init__(self, lanes: int, counters: Counters) -> None:
        self._counters = counters
        self._spent = np.zeros(lanes, np.int64)  # beyond what time has paid back
        self._forgiven = 0.0

    def reset(self, lane: int) -> None:
        """Another stream begins."""
        self._spent[lane] = 0

    def charge(self, rows: Rows | int, octets: NDArray[np.int64] | int) -> None:
        """Count what lanes (k,) have brought, or what was made up for them, whether they may or not."""
        self._spent[rows] += octets

    def used_up(self, rows: Rows) -> NDArray[np.bool_]:
        """Which lanes have brought more than they may (k,)."""
        return np.greater(self._spent[rows], _ALLOWANCE)

    def spend(self, rows: Rows, octets: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which lanes may still bring so much (k,); it is counted for these."""
        spent = self._spent[rows] + octets
        affordable = spent <= _ALLOWANCE
        if not affordable.all():
            self._counters.add_rows(rows[~affordable], Cause.OVERRUN)
            spent[~affordable] -= octets[~affordable]
        self._spent[rows] = spent
        return affordable

    def forgive(self, now: float) -> None:
        """Let time pay back what the lanes spent, four times a second."""
        passed = now - self._forgiven
        if passed >= _FORGIVE_INTERVAL:
            self._forgiven = now
            np.maximum(self._spent - round(passed * _SUSTAINED_RATE), 0, out=self._spent)
