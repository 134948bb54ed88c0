"""How loud samples are, and where somebody speaks.

Levels are in dBov: relative to the loudest possible square wave (RFC 6465). The loudest sine is -3 dBov.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.codecs.types import Samples

SILENCE_LEVEL: Final = -127.0
"""The level of nothing, in dBov (RFC 6465)."""

_OVERLOAD: Final = 32768.0


def level(samples: Samples) -> NDArray[np.float64]:
    """Return the level of each row in dBov: int16 (..., n) to float64 (...), at least -127."""
    if samples.shape[-1] == 0:
        return np.full(samples.shape[:-1], SILENCE_LEVEL)
    wide = samples.astype(np.float64)
    power = np.einsum("...i,...i->...", wide, wide) / (samples.shape[-1] * _OVERLOAD**2)
    return np.asarray(np.maximum(10.0 * np.log10(np.maximum(power, 1e-13)), SILENCE_LEVEL))


def frame_levels(samples: Samples, frame: int) -> NDArray[np.float64]:
    """Return the level of each whole frame of `frame` samples of one stream: int16 (n,) to (n // frame,)."""
    count = len(samples) // frame
    return level(samples[: count * frame].reshape(count, frame))


def voice_activity(
    levels: NDArray[np.float64], *, margin: float = 9.0, quietest: float = -55.0, hold: int = 10
) -> NDArray[np.bool_]:
    """Tell in which frames of a recording somebody speaks, by energy alone; for pictures and tests.

    Args:
        levels: level of each frame in dBov (n,).
        margin: dB above the noise floor, which is the tenth percentile of the levels.
        quietest: dBov below which nothing counts as speech.
        hold: frames for which speech lasts after the last loud one, so that words do not fall apart.

    Returns:
        bool (n,).
    """
    if not len(levels):
        return np.zeros(0, np.bool_)
    floor = float(np.percentile(levels, 10))
    loud = levels > max(quietest, min(floor + margin, -20.0))  # all speech and no pause has no floor
    last_loud = np.maximum.accumulate(np.where(loud, np.arange(len(levels)), -hold - 1))
    return np.arange(len(levels)) - last_loud <= hold
