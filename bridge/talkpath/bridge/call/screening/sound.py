"""What 20 ms of a callee are: quiet, voice, or a pure tone as the beep of an answering machine.

A tone is looked for in the last 100 ms: that resolves 10 Hz, and no voice holds one frequency so still.
Nearly all the power has to be within 30 Hz of the strongest frequency, which has to be where beeps are.
"""

from __future__ import annotations

import collections
import enum
import functools
from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.g711_law import ALAW, ULAW
from talkpath.codecs.levels import level

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import ModelFormat

QUIETEST: Final = -42.0
"""dBov below which nothing counts: people on telephones are near -25, comfort noise is below -50."""
ABOVE_NOISE: Final = 9.0
"""dB of voice above the quietest frame of the last second: it has gaps, the noise of a street has none."""
NOISE_FRAMES: Final = 50
WINDOW: Final = 5
"""Frames in which a tone is looked for."""
BEEPS: Final = (350.0, 2100.0)
"""Hertz of a beep."""
PURE: Final = 0.9
"""Share of the power that a tone has near its frequency."""
_BINS: Final = 3
"""Bins of 10 Hz on each side: what the Hann window makes of a sine that falls between two of them."""


class Kind(enum.Enum):
    """What a frame is."""

    QUIET = "quiet"
    VOICE = "voice"
    TONE = "tone"


class Ear:
    """Tells the kind of one frame after another.

    Args:
        model_format: What the frames are: G.711 at 8 kHz, or int16 at 24 kHz.
    """

    def __init__(self, model_format: ModelFormat) -> None:
        self._law = {"pcmu": ULAW, "pcma": ALAW}.get(model_format)
        self._levels: collections.deque[float] = collections.deque(maxlen=NOISE_FRAMES)
        self._recent: collections.deque[NDArray[np.int16]] = collections.deque(maxlen=WINDOW)

    def kind(self, audio: bytes) -> Kind:
        """Tell what 20 ms are."""
        law = self._law
        samples = law.decode(np.frombuffer(audio, np.uint8)) if law else np.frombuffer(audio, "<i2")
        self._recent.append(samples)
        loudness = float(level(samples))
        self._levels.append(loudness)
        if loudness < QUIETEST:
            return Kind.QUIET
        if len(self._recent) == WINDOW and is_tone(np.concatenate(self._recent)):
            return Kind.TONE
        return Kind.VOICE if loudness > min(self._levels) + ABOVE_NOISE else Kind.QUIET


def is_tone(samples: NDArray[np.int16]) -> bool:
    """Whether 100 ms of sound are one pure tone in the range of beeps; int16 (n,), at any rate."""
    power = np.square(np.abs(np.fft.rfft(samples * _window(len(samples)))))
    strongest = int(np.argmax(power))
    near = power[max(strongest - _BINS, 0) : strongest + _BINS + 1]
    return BEEPS[0] <= strongest * 10.0 <= BEEPS[1] and bool(near.sum() >= PURE * power.sum())


@functools.cache
def _window(length: int) -> NDArray[np.float64]:
    return np.hanning(length)
