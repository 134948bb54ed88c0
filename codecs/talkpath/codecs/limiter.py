"""Loudness at the edges: fades, cross-fades, and a limiter, for rows of samples at once.

Fades follow a raised cosine, which begins and ends without a corner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.codecs.types import Rows, Samples

CEILING: Final = 29_204
"""Loudest sample that leaves the limiter: 1 dB below the largest, so that resampling does not clip."""

_KNEE: Final = 23_197.0  # 3 dB below the largest: up to here nothing is changed
_FRAMES_TO_RELEASE: Final = 10  # of halving what is missing from full gain: 3 dB in 20 ms, and soon slower
_ATTACK: Final = 16  # samples in which the gain falls: 2 ms at 8 kHz


def fade_in(frames: Samples, samples: int) -> Samples:
    """Return a copy of rows of samples (..., n) that rises from silence within the first `samples`."""
    count = min(max(samples, 0), frames.shape[-1])
    faded = frames.copy()
    faded[..., :count] = _to_samples(frames[..., :count] * _rise(samples)[:count])
    return faded


def fade_out(frames: Samples, samples: int) -> Samples:
    """Return a copy of rows of samples (..., n) that falls to silence within the first `samples`.

    What follows is silence. If there are fewer than `samples`, the fade is as long as they are.
    """
    count = min(max(samples, 0), frames.shape[-1])
    faded = np.zeros_like(frames)
    faded[..., :count] = _to_samples(frames[..., :count] * _rise(count)[::-1])
    return faded


def crossfade(old: Samples, new: Samples, samples: int) -> Samples:
    """Return rows (..., n) that go from `old` to `new` within the first `samples`, and are `new` then."""
    count = min(max(samples, 0), new.shape[-1])
    weight = _rise(samples)[:count]
    start = old[..., :count].astype(np.float64)
    mixed = new.copy()
    mixed[..., :count] = _to_samples(start + weight * (new[..., :count] - start))
    return mixed


class SoftLimiter:
    """Keeps many streams at or below 1 dB under full scale, without delay, one stream per lane.

    What is loud is turned down for as long as it is loud: within the 2 ms before it gets there if they
    are in the same frame, and up again within some tenths of a second. What is too quick for that is bent
    instead of cut: the loudest 2 dB take what is above them.

    Args:
        lanes: number of streams.
    """

    def __init__(self, lanes: int) -> None:
        self._gain = np.ones(lanes, np.float32)

    def reset(self, rows: Rows) -> None:
        """Begin again with full gain on the lanes `rows` (k,)."""
        self._gain[rows] = 1.0

    def process(self, rows: Rows, frames: Samples, gain: float | NDArray[np.float32] = 1.0) -> Samples:
        """Limit the next frames of some lanes.

        Args:
            rows: the lanes (k,), each at most once.
            frames: int16 (k, n); not changed.
            gain: factor by which to make them louder first, one for all or one for each (k,).

        Returns:
            int16 (k, n): `frames` itself if nothing is to be done.
        """
        if not frames.size:
            return frames
        factor = np.broadcast_to(np.asarray(gain, np.float32), len(frames))
        peak = np.maximum(frames.max(axis=1), -frames.min(axis=1).astype(np.int32)) * np.abs(factor)
        wanted = np.minimum(_KNEE / np.maximum(peak, 1.0), 1.0).astype(np.float32)
        before = self._gain[rows]
        if wanted.min() == before.min() == 1.0 and (factor == 1.0).all():
            return frames
        after = np.minimum(wanted, before + (1.0 - before) / _FRAMES_TO_RELEASE)
        after[after > 0.999] = 1.0
        self._gain[rows] = after
        louder = frames * factor[:, None]
        return _to_samples(_bent(louder * _course(louder, before, after)))


def soft_clip(samples: Samples, gain: float = 1.0) -> Samples:
    """Return samples of any shape, `gain` times louder, and bent to stay at or below `CEILING`."""
    return _to_samples(_bent(samples * np.float32(gain)))


def _course(
    louder: NDArray[np.float32], before: NDArray[np.float32], after: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the gain at each sample (k, n): down to `after` before the first loud one, or slowly up."""
    count = louder.shape[1]
    place = np.arange(1, count + 1, dtype=np.float32)
    loud = (np.abs(louder) * before[:, None] > _KNEE).argmax(axis=1)[:, None]
    down = (place + _ATTACK - 1 - loud) / _ATTACK
    up = np.broadcast_to(place / count, down.shape)
    way = np.where((after < before)[:, None], down, up).clip(0.0, 1.0)
    return np.asarray(before[:, None] + way * (after - before)[:, None], dtype=np.float32)


def _bent(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bend what is above the knee so that it nears the ceiling and never reaches it."""
    room = CEILING - _KNEE
    over = np.maximum(np.abs(wave) - _KNEE, 0.0) / room
    bent = np.minimum(np.abs(wave), _KNEE) + room * np.tanh(over)
    return np.asarray(np.copysign(bent, wave), dtype=np.float32)


def _rise(samples: int) -> NDArray[np.float64]:
    """Return a rise from above 0 to below 1, (samples,)."""
    return np.asarray(np.sin(np.pi / 2 * np.arange(1, samples + 1) / (samples + 1)) ** 2)


def _to_samples(wave: NDArray[np.float32] | NDArray[np.float64]) -> Samples:
    """Round; no wave in this module is beyond the range of a sample."""
    return np.asarray(np.rint(wave), dtype=np.int16)
