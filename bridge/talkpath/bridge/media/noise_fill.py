"""A faint noise in place of digital silence, so that a line on which nobody speaks does not sound dead.

It is what a receiver makes by RFC 3389, sent as voice: whoever listens needs to know nothing about it.
All lanes of one level share some seconds of it, each at a place of its own: a frame costs hardly more than
silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.g711_law import ALAW, ULAW
from talkpath.bridge.media.lane import FRAME_BYTES
from talkpath.bridge.media.wideband import WIDE_FRAME
from talkpath.codecs.comfort_noise import ComfortNoise, noise_loop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.bridge.media.wideband import WidebandEncoder
    from talkpath.codecs.types import Codes, Rows, Samples

__all__ = ["NoiseFill"]

_COLOUR: Final = (-0.5,)
"""A gentle fall towards high frequencies: white noise hisses."""
_FRAMES: Final = 251
"""Length of the noise: 5 s; a prime, so that it does not march in step with anything."""
_OFF: Final = -1


@dataclass(frozen=True, slots=True)
class _Noise:
    """Some seconds of one level: codes of both laws (frames, 160), and samples at 16 kHz (frames, 320)."""

    ulaw: Codes
    alaw: Codes
    wide: Samples


class NoiseFill:
    """The noise of all lanes.

    Args:
        lanes: Number of lanes.
        wideband: Takes the samples of wide-band lanes.

    Attributes:
        any_wanted: Whether any lane wants it; otherwise `fill` need not be called.
    """

    def __init__(self, lanes: int, wideband: WidebandEncoder) -> None:
        self.any_wanted = False
        self._wideband = wideband
        self._which = np.full(lanes, _OFF)
        self._place = np.arange(lanes) * 97 % _FRAMES
        self._levels: list[float] = []
        self._noises: list[_Noise] = []

    def configure(self, lane: int, level: float | None) -> None:
        """Set the level of a lane in dBov; `None`: silence stays silence."""
        if level is not None and level not in self._levels:
            self._levels.append(level)
            self._noises.append(_made(level))
        self._which[lane] = _OFF if level is None else self._levels.index(level)
        self.any_wanted = bool((self._which != _OFF).any())

    def fill(self, rows: Rows, carries: NDArray[np.bool_], is_ulaw: NDArray[np.bool_], out: Codes) -> None:
        """Write noise for those of some lanes that want it and carry nothing.

        Args:
            rows: The lanes (k,), each at most once.
            carries: Which of them carry a voice or a sound (k,).
            is_ulaw: Whose law on the wire is mu-law (k,).
            out: Their frames (k, 160); those of wide-band lanes go to their encoder.
        """
        which = np.where(carries, _OFF, self._which[rows])
        wide = self._wideband.wide[rows]
        for number, noise in enumerate(self._noises):
            chosen = which == number
            if not chosen.any():
                continue
            place = self._place[rows]
            self._place[rows[chosen]] = (place[chosen] + 1) % _FRAMES
            for codes, own in ((noise.ulaw, is_ulaw & ~wide), (noise.alaw, ~is_ulaw & ~wide)):
                if (narrow := chosen & own).any():
                    out[narrow] = codes[place[narrow]]
            if (wider := chosen & wide).any():
                self._wideband.samples[rows[wider]] = noise.wide[place[wider]]


def _made(level: float) -> _Noise:
    noise = ComfortNoise(level, _COLOUR)
    narrow = noise_loop(noise, _FRAMES * FRAME_BYTES).reshape(_FRAMES, FRAME_BYTES)
    wide = noise_loop(noise, _FRAMES * WIDE_FRAME).reshape(_FRAMES, WIDE_FRAME)
    return _Noise(ULAW.encode(narrow), ALAW.encode(narrow), wide)
