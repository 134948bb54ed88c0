"""A faint noise in place of digital silence, so that a line on which nobody speaks does not sound dead.

It is made as RFC 3389 describes a receiver's comfort noise, and sent as voice: whoever listens needs to know
nothing about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.g711_law import ALAW, ULAW
from talkpath.bridge.media.lane import FRAME_BYTES
from talkpath.bridge.media.wideband import WIDE_FRAME
from talkpath.codecs.comfort_noise import ComfortNoise, ComfortNoiseBank

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.bridge.media.wideband import WidebandEncoder
    from talkpath.codecs.types import Codes, Rows

__all__ = ["NoiseFill"]

_COLOUR: Final = (-0.5,)
"""A gentle fall towards high frequencies: white noise hisses."""
_NONE: Final = -127.0


class NoiseFill:
    """The noise of all lanes.

    Args:
        lanes: Number of lanes.
        wideband: Takes the samples of wide-band lanes.

    Attributes:
        any_wanted: Whether any lane wants it; otherwise `fill` need not be called.
    """

    def __init__(self, lanes: int, wideband: WidebandEncoder) -> None:
        self._lanes = lanes
        self._wideband = wideband
        self._on = np.zeros(lanes, np.bool_)
        self.any_wanted = False
        self._banks: tuple[ComfortNoiseBank, ComfortNoiseBank] | None = None

    def configure(self, lane: int, level: float | None) -> None:
        """Set the level of a lane in dBov; `None`: silence stays silence."""
        self._on[lane] = level is not None
        self.any_wanted = bool(self._on.any())
        if level is None and self._banks is None:
            return
        if self._banks is None:  # most workers never need them
            self._banks = (
                ComfortNoiseBank(self._lanes, FRAME_BYTES),
                ComfortNoiseBank(self._lanes, WIDE_FRAME),
            )
        for bank in self._banks:
            bank.set(lane, ComfortNoise(_NONE if level is None else level, _COLOUR))

    def fill(self, rows: Rows, carries: NDArray[np.bool_], is_ulaw: NDArray[np.bool_], out: Codes) -> None:
        """Write noise for those of some lanes that want it and carry nothing.

        Args:
            rows: The lanes (k,), each at most once.
            carries: Which of them carry a voice or a sound (k,).
            is_ulaw: Whose law on the wire is mu-law (k,).
            out: Their frames (k, 160); those of wide-band lanes go to their encoder.
        """
        chosen = self._on[rows] & ~carries
        if self._banks is None or not chosen.any():
            return
        narrow_bank, wide_bank = self._banks
        wide = self._wideband.wide[rows]
        for law, own in ((ULAW, is_ulaw), (ALAW, ~is_ulaw)):
            narrow = chosen & own & ~wide
            if narrow.any():
                out[narrow] = law.encode(narrow_bank.next(rows[narrow]))
        if (chosen & wide).any():
            lanes = rows[chosen & wide]
            self._wideband.samples[lanes] = wide_bank.next(lanes)
