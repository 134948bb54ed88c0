"""Packets that are exactly what comes next, recognised by one comparison.

Nearly every packet of a call differs from the one before it by one in the sequence and one frame in the
timestamp. So each lane keeps the header that it expects; a packet that has it needs no parser, no window of
numbers and no ring. What those would have remembered is caught up with when the lane needs them again.

The header is one number: version, payload type, sequence and timestamp as they stand in the first eight
octets. A wrap of either makes the expectation wrong for one packet, which then goes the long way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.lane import FRAME_BYTES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.intp]

__all__ = ["InOrder", "placed"]

_VERSION_2: Final = 0x80 << 56
_STEP: Final = np.uint64((1 << 32) + FRAME_BYTES)
_SEQUENCE_SHIFT: Final = np.uint64(32)
_NOTHING: Final = -1  # no SSRC has this value, so that no packet whatever can match


def placed(sequence: NDArray[np.integer], timestamp: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Sequence and timestamp (k,) where the first eight octets of a header have them."""
    return (sequence.astype(np.uint64) << _SEQUENCE_SHIFT) | timestamp.astype(np.uint64)


class InOrder:
    """The header each lane expects.

    Args:
        lanes: Number of lanes.
    """

    def __init__(self, lanes: int) -> None:
        self._head = np.zeros(lanes, np.uint64)
        self._ssrc = np.full(lanes, _NOTHING, np.int64)
        self._settled = np.zeros(lanes, np.uint64)  # the head up to which everybody knows

    def expect(
        self,
        rows: Rows,
        payload_type: NDArray[np.int16],
        sequence: NDArray[np.int64],
        timestamp: NDArray[np.int64],
        ssrc: NDArray[np.int64],
    ) -> None:
        """Expect these headers on some lanes (k,): one frame, no marker, no options."""
        place = placed(sequence, timestamp)
        kind = payload_type.astype(np.uint64) << np.uint64(48)
        self._head[rows] = self._settled[rows] = place | kind | np.uint64(_VERSION_2)
        self._ssrc[rows] = ssrc

    def recognise(self, rows: Rows, head: NDArray[np.uint64], ssrc: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Which packets are what their lanes expect (k,); the lengths are the caller's to check."""
        same: NDArray[np.bool_] = head == self._head[rows]
        same &= ssrc == self._ssrc[rows]
        return same

    def advance(self, rows: Rows) -> None:
        """These lanes got what they expected; the next frame is expected now."""
        self._head[rows] += _STEP

    def settle(self, rows: Rows) -> tuple[Rows, NDArray[np.int64]]:
        """Which of some lanes have advanced since they were last settled, and by how many packets."""
        steps = ((self._head[rows] - self._settled[rows]) >> _SEQUENCE_SHIFT).astype(np.int64)
        moved = np.flatnonzero(steps)
        rows = rows[moved]
        self._settled[rows] = self._head[rows]
        return rows, steps[moved]

    def expects(self, rows: Rows) -> bool:
        """Whether any of some lanes expects something."""
        return bool((self._ssrc[rows] != _NOTHING).any())

    def forget(self, rows: Rows | int) -> None:
        """Expect nothing on these lanes, which are settled."""
        self._ssrc[rows] = _NOTHING
