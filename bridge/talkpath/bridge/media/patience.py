"""When the next frame of each lane is given up: how long what is missing is waited for.

Behind a hole there is sound that could leave, so it is waited for no longer than packets are usually late
(`delay`). Where nothing at all has come since, there is nothing that waiting holds up: the network may be
stalled, and what is made up now would push apart what comes later. A model needs as long to take a silence
for the end of a sentence; then it is given the whole pause at once, and from then on as time passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.delay import DEFAULT_TARGET
from talkpath.bridge.media.lane import FRAME_SECONDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.intp]

__all__ = ["PATIENCE", "Patience"]

PATIENCE: Final = 0.26
"""Seconds beyond the expected after which a source that was heard before is taken to be silent."""
_NEVER: Final = np.inf
_NO_ROWS: Final = np.zeros(0, np.intp)


class Patience:
    """The waits of all lanes.

    Args:
        lanes: Number of lanes.

    Attributes:
        target: Seconds a hole waits beyond the moment it was expected (lanes,).
    """

    def __init__(self, lanes: int) -> None:
        self.target = np.full(lanes, DEFAULT_TARGET)
        self._longest = np.full(lanes, PATIENCE)
        self._expected = np.zeros(lanes)  # when the next frame would be whole, were nothing delayed
        self._due = np.full(lanes, _NEVER)  # when it is given up
        self._paused = np.ones(lanes, np.bool_)
        self._earliest = 0.0  # no frame is given up before this

    def start(self, lane: int, now: float) -> None:
        """From now on the lane's stream advances; its source has not begun."""
        self._longest[lane] = PATIENCE
        self._expected[lane] = now + FRAME_SECONDS
        self.pause(np.array([lane], np.intp))

    def stop(self, lane: int) -> None:
        """Nothing is waited for any more."""
        self._due[lane] = _NEVER

    def running(self, lane: int) -> bool:
        """Whether the lane's stream advances."""
        return bool(self._due[lane] != _NEVER)

    def hurry(self, lane: int, *, hurried: bool) -> None:
        """Somebody listens to whom a pause that comes at once would be a delay: wait only as for a hole."""
        self._longest[lane] = 0.0 if hurried else PATIENCE

    def passed(self, rows: Rows, now: float) -> None:
        """Packets of one frame came and left at once; nothing is behind them."""
        self._expected[rows] = now + FRAME_SECONDS
        self._due[rows] = np.maximum(self.target[rows], self._longest[rows]) + (now + FRAME_SECONDS)

    def heard(self, rows: Rows, expected: NDArray[np.float64] | float) -> None:
        """Packets came that say when the next frames (k,) were expected; `settle` must follow."""
        self._expected[rows] = expected
        self._paused[rows] = False

    def advance(self, rows: Rows) -> None:
        """A frame of each row leaves: the one after it is expected a frame later. `settle` must follow."""
        self._expected[rows] += FRAME_SECONDS

    def pause(self, rows: Rows) -> None:
        """The source of these running lanes is silent: it has said so, or not begun."""
        self._paused[rows] = True
        self.settle(rows, np.zeros(len(rows), np.bool_))

    def give_up(self, rows: Rows, hole: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Take note that the next frames of some lanes are given up.

        Args:
            rows: The lanes (k,), each at most once.
            hole: Where sound is behind them (k,).

        Returns:
            Whose source was silent before (k,).
        """
        paused = self._paused[rows]
        self._paused[rows] = paused | ~hole
        return paused

    def settle(self, rows: Rows, hole: NDArray[np.bool_]) -> None:
        """Set when the next frames are given up; `hole`: where sound is behind them (k,)."""
        longest = np.maximum(self.target[rows], self._longest[rows])
        waits = np.where(self._paused[rows] | hole, self.target[rows], longest)
        self._due[rows] = self._expected[rows] + waits
        self._earliest = 0.0

    def late(self, rows: Rows, now: float) -> NDArray[np.float64]:
        """Seconds since the next frames were expected (k,)."""
        return np.asarray(now - self._expected[rows])

    def overdue(self, now: float) -> Rows:
        """The lanes whose next frame is to be given up."""
        if now < self._earliest:
            return _NO_ROWS
        rows = np.flatnonzero(self._due <= now)
        if not rows.size:
            self._earliest = float(self._due.min())
        return rows
