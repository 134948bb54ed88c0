"""How long a hole may wait on each lane, from how unevenly its packets arrive.

The delay of a packet is its arrival less its timestamp; only differences of it mean something, so the base is
the least delay of late, which creeps up a little faster than clocks drift. What a packet lies above the base
is its spread. The target is the second largest spread of the last eight seconds (one stall of the network is
not a habit), within bounds. It grows at once and shrinks slowly; neither can be heard, because only holes
wait: what is in order leaves at once whatever the target is.

Arrival is the time of the beat that read the packet, so a spread is known to 5 ms. Timestamps of the kernel
would be finer, but reading them costs a second as much as the packet itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.lane import SAMPLE_RATE, TICK_SECONDS
from talkpath.codecs.rtp import timestamp_distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.intp]

__all__ = ["DEFAULT_TARGET", "LARGEST_TARGET", "SMALLEST_TARGET", "ArrivalDelay"]

SMALLEST_TARGET: Final = 0.020
LARGEST_TARGET: Final = 0.200
DEFAULT_TARGET: Final = 0.060
"""Seconds, before anything is known: three packets of 20 ms."""

_CREEP: Final = 0.0005  # seconds per second: five times the drift of a poor clock
_SHRINK: Final = 0.004  # seconds per second
_WINDOW: Final = 16  # batches of half a second
_JUMP: Final = 1.0  # a delay this far from the base belongs to another timeline
_MARGIN: Final = TICK_SECONDS


class ArrivalDelay:
    """Targets of all lanes.

    Args:
        target: Seconds a hole may wait, per lane (lanes,); written here, read by the jitter ring.
    """

    def __init__(self, target: NDArray[np.float64]) -> None:
        lanes = len(target)
        self._target = target
        self._timestamp = np.zeros(lanes, np.uint32)  # the packet from which delays are counted
        self._arrival = np.zeros(lanes)
        self._base = np.full(lanes, np.nan)  # not a number: no packet yet
        self._spreads = np.zeros((lanes, _WINDOW))
        self._slot = 0
        self._last_batch = 0.0

    def reset(self, lane: int) -> None:
        """Forget the lane, at the end of its call."""
        self.restart(np.array([lane], np.intp))
        self._spreads[lane] = 0.0
        self._target[lane] = DEFAULT_TARGET

    def restart(self, rows: Rows) -> None:
        """Another timeline begins on these lanes: their network stays, their base does not."""
        self._base[rows] = np.nan

    def observe(
        self, rows: Rows, timestamp: NDArray[np.uint32], arrival: NDArray[np.float64], now: float
    ) -> None:
        """Take a batch of audio packets, in the order of their arrival, and set the targets.

        Args:
            rows: Lane of each packet (k,), as often as it has packets.
            timestamp: RTP timestamps (k,).
            arrival: Monotonic seconds (k,).
            now: Monotonic seconds; batches come about twice a second.
        """
        self._begin(rows, timestamp, arrival)
        delay = self._delay(rows, timestamp, arrival)
        low, high = np.full(len(self._target), np.inf), np.full(len(self._target), -np.inf)
        np.minimum.at(low, rows, delay)
        np.maximum.at(high, rows, delay)
        passed = min(max(now - self._last_batch, 0.0), 1.0)
        self._last_batch = now
        heard = np.flatnonzero(low < np.inf)
        self._base[heard] = np.minimum(self._base[heard] + passed * _CREEP, low[heard])
        jumped = high[heard] - self._base[heard] > _JUMP
        self._base[heard[jumped]] = np.nan
        self._slot = (self._slot + 1) % _WINDOW
        self._spreads[heard, self._slot] = np.where(jumped, 0.0, high[heard] - self._base[heard])
        self._aim(heard, passed)

    def came(self, rows: Rows, timestamp: NDArray[np.uint32], now: float) -> None:
        """Look at packets that are not simply the next: one that is too late raises the target at once.

        Args:
            rows: The lanes (k,), each at most once.
            timestamp: RTP timestamps (k,).
            now: Monotonic seconds.
        """
        spread = self._delay(rows, timestamp, np.full(len(rows), now)) - self._base[rows]
        late = (spread > self._target[rows]) & (spread < _JUMP)  # false where there is no base
        if late.any():
            wanted = np.minimum(spread[late] + _MARGIN, LARGEST_TARGET)
            self._target[rows[late]] = np.maximum(self._target[rows[late]], wanted)

    def _begin(self, rows: Rows, timestamp: NDArray[np.uint32], arrival: NDArray[np.float64]) -> None:
        fresh = np.isnan(self._base[rows])
        if fresh.any():
            # In reverse, so that the first packet of a lane is written last.
            first = rows[fresh][::-1]
            self._timestamp[first] = timestamp[fresh][::-1]
            self._arrival[first] = arrival[fresh][::-1]
            self._base[first] = 0.0

    def _delay(
        self, rows: Rows, timestamp: NDArray[np.uint32], arrival: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        sent = timestamp_distance(timestamp, self._timestamp[rows]) / SAMPLE_RATE
        return np.asarray(arrival - self._arrival[rows] - sent, np.float64)

    def _aim(self, rows: Rows, passed: float) -> None:
        usual = np.partition(self._spreads[rows], _WINDOW - 2, axis=1)[:, _WINDOW - 2]
        wanted = np.clip(usual + _MARGIN, SMALLEST_TARGET, LARGEST_TARGET)
        self._target[rows] = np.maximum(wanted, self._target[rows] - passed * _SHRINK)
