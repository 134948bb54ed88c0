"""Audio packets of one round, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["AudioPackets"]


@dataclass(frozen=True, slots=True, eq=False)
class AudioPackets:
    """One packet of each of some lanes.

    Attributes:
        rows: The lanes (k,), each once.
        timestamp: RTP timestamps (k,), int64.
        kinds: What the sequence numbers say (`talkpath.bridge.media.sequence`), int8 (k,).
        payload: G.711 codes (k, width), left-aligned.
        length: Bytes of each payload (k,).
    """

    rows: NDArray[np.intp]
    timestamp: NDArray[np.int64]
    kinds: NDArray[np.int8]
    payload: NDArray[np.uint8]
    length: NDArray[np.intp]

    def select(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> AudioPackets:
        """The packets at `index`."""
        return AudioPackets(
            self.rows[index],
            self.timestamp[index],
            self.kinds[index],
            self.payload[index],
            self.length[index],
        )
