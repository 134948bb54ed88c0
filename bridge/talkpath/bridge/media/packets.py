"""The packets of one round and the frames that come of them, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["LOST", "PAUSE", "THERE", "AudioPackets", "FrameRound", "MediaRound"]

THERE: Final = 0
"""This octet of a frame came from the network."""
LOST: Final = 1
"""It is missing, and sound is to be made up for it."""
PAUSE: Final = 2
"""It is missing because the source is silent."""


class FrameRound(NamedTuple):
    """One frame of each of some lanes.

    Attributes:
        rows: The lanes (k,), each once.
        frames: Octets (k, 160); what is missing of G.711 is made up already.
        holes: What became of each octet (k, 160), `THERE`, `LOST` or `PAUSE`; `None`: of no interest to
            any of these lanes, or all are there.
    """

    rows: NDArray[np.intp]
    frames: NDArray[np.uint8]
    holes: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class AudioPackets:
    """One packet of each of some lanes.

    Attributes:
        rows: The lanes (k,), each once.
        timestamp: RTP timestamps (k,), int64.
        kinds: What the sequence numbers say (`talkpath.bridge.media.sequence`), int8 (k,).
        payload: Octets (k, width), left-aligned.
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


@dataclass(frozen=True, slots=True, eq=False)
class MediaRound:
    """RTP packets on their way through the receive half, one of each of some lanes; see `rtp.ParsedPackets`.

    Every field is an array (k,), `packets` one (k, width).
    """

    rows: NDArray[np.intp]
    kinds: NDArray[np.int8]
    sequence: NDArray[np.uint16]
    timestamp: NDArray[np.uint32]
    ssrc: NDArray[np.uint32]
    offset: NDArray[np.intp]
    length: NDArray[np.intp]
    packets: NDArray[np.uint8]

    def select(self, index: NDArray[np.intp]) -> MediaRound:
        """The packets at `index`."""
        return MediaRound(
            self.rows[index],
            self.kinds[index],
            self.sequence[index],
            self.timestamp[index],
            self.ssrc[index],
            self.offset[index],
            self.length[index],
            self.packets[index],
        )

    def payload(self, number: int) -> NDArray[np.uint8]:
        """The payload of one packet."""
        start = int(self.offset[number])
        return self.packets[number, start : start + int(self.length[number])]
