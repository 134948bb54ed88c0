"""Comfort noise: what is heard while a speaker is silent on purpose (RFC 3389).

A payload says how loud the background is, and perhaps the shape of its spectrum, as reflection coefficients
of an all-pole filter. The receiver makes noise like that, so that the line does not sound dead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.codecs.levels import SILENCE_LEVEL, level

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.codecs.types import Rows, Samples

PAYLOAD_TYPE: Final = 13
"""Static RTP payload type, at 8 kHz (RFC 3551, table 4)."""
MOST_COEFFICIENTS: Final = 12
"""Reflection coefficients that are used; the RFC allows a receiver to leave out the rest of them."""

_LEVEL_MASK: Final = 0x7F
_STEP: Final = 258.0 / 32768.0  # of a quantised reflection coefficient (RFC 3389, section 3.2)
_ZERO: Final = 127  # the octet of the coefficient 0
_RESERVED: Final = 255
_OVERLOAD: Final = 32768.0
_LOUDEST: Final = -10.0  # dBov of noise that is ever made: a background is not louder
_SPECTRA: Final = 509  # noise blocks kept; a prime, so that lanes do not march in step
_SETTLING: Final = 1.001  # keeps the analysis of a pure tone finite

_SUBWINDOW: Final = 15  # frames of 20 ms: 0.3 s
_SUBWINDOWS: Final = 8  # the floor is the least of 2.4 s, longer than people speak without a gap
_SMOOTHING: Final = 0.6  # of the power before its least is sought: falls by 4 dB a frame in a pause
_BIAS: Final = 0.8  # dB by which the least of a smoothed noise is below its mean, measured


@dataclass(frozen=True, slots=True)
class ComfortNoise:
    """One payload."""

    level: float
    """dBov, 0 to -127, whole on the wire."""
    reflection: tuple[float, ...] = ()
    """Reflection coefficients, each between -1 and 1; none is white noise."""


def parse(payload: bytes | bytearray | memoryview) -> ComfortNoise | None:
    """Read a payload; None if it is empty, or an octet has its reserved value.

    Coefficients after the first `MOST_COEFFICIENTS` are left out (section 3.2).
    """
    octets = payload[1 : 1 + MOST_COEFFICIENTS]
    if not len(payload) or _RESERVED in bytes(octets):
        return None
    reflection = tuple((octet - _ZERO) * _STEP for octet in octets)
    return ComfortNoise(-float(payload[0] & _LEVEL_MASK), reflection)


def build(noise: ComfortNoise) -> bytes:
    """Return the payload; level and coefficients are rounded to what can be said, and limited to it."""
    loudness = round(min(max(-noise.level, 0.0), -SILENCE_LEVEL))
    octets = [min(max(round(value / _STEP) + _ZERO, 0), _RESERVED - 1) for value in noise.reflection]
    return bytes([loudness, *octets])


def analyse(samples: Samples, order: int = 0) -> ComfortNoise:
    """Return the comfort noise that sounds like a piece of background.

    Args:
        samples: int16 (n,).
        order: number of reflection coefficients.
    """
    wave = samples.astype(np.float64) * np.hanning(len(samples) + 2)[1:-1]
    return ComfortNoise(float(level(samples)), _reflection(wave, order))


def noise_loop(noise: ComfortNoise, size: int, seed: int = 0) -> Samples:
    """Return noise that can be repeated without a seam: int16 (size,).

    Args:
        noise: its level, not louder than -10 dBov, and its colour.
        size: samples; long enough that nobody hears it come again.
        seed: of the noise.
    """
    parts = np.random.default_rng(seed).standard_normal((2, size // 2 + 1))
    wave = np.fft.irfft((parts[0] + 1j * parts[1]) * _response(noise.reflection, size), size)
    wave *= _OVERLOAD * 10.0 ** (min(noise.level, _LOUDEST) / 20.0) / np.sqrt(np.mean(wave**2))
    return np.asarray(np.rint(wave.clip(-_OVERLOAD, _OVERLOAD - 1)), dtype=np.int16)


class ComfortNoiseBank:
    """Makes comfort noise for many lanes, each in its own level and colour.

    Args:
        lanes: number of lanes.
        frame: samples in a frame, 160 for 20 ms at 8 kHz.
        seed: of the noise.
    """

    def __init__(self, lanes: int, frame: int = 160, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self._frame = frame
        # Frames overlap by half: the window's squares add up to one, and so does the power of the noise.
        self._window = np.sin(np.pi * (np.arange(2 * frame) + 0.5) / (2 * frame)).astype(np.float32)
        # With all bins as strong, the noise would not be random in its strength: real and imaginary are.
        parts = self._rng.standard_normal((2, _SPECTRA, frame + 1)) * np.sqrt(frame)
        self._spectra = (parts[0] + 1j * parts[1]).astype(np.complex64)
        self._shape = np.zeros((lanes, frame + 1), np.float32)
        self._tail = np.zeros((lanes, frame), np.float32)

    def set(self, row: int, noise: ComfortNoise) -> None:
        """Choose the noise of a lane; what is made next fades over to it. Not louder than -10 dBov."""
        strength = 0.0
        if noise.level > SILENCE_LEVEL:
            strength = _OVERLOAD * 10.0 ** (min(noise.level, _LOUDEST) / 20.0)
        self._shape[row] = strength * _response(noise.reflection, 2 * self._frame)

    def reset(self, rows: Rows) -> None:
        """Make the lanes `rows` (k,) silent at once."""
        self._shape[rows] = 0.0
        self._tail[rows] = 0.0

    def next(self, rows: Rows) -> Samples:
        """Return the next frame of some lanes: int16 (k, frame).

        Args:
            rows: the lanes (k,), each at most once.
        """
        chosen = self._rng.integers(0, _SPECTRA, len(rows))
        blocks = np.fft.irfft(self._spectra[chosen] * self._shape[rows], 2 * self._frame, axis=1)
        blocks *= self._window
        frames = blocks[:, : self._frame] + self._tail[rows]
        self._tail[rows] = blocks[:, self._frame :]
        return np.asarray(np.rint(frames.clip(-_OVERLOAD, _OVERLOAD - 1)), dtype=np.int16)


class NoiseFloor:
    """Estimates the level of the background of many lanes, also while somebody speaks.

    The floor is the least that the smoothed level was in the last 2.4 seconds (minimum statistics, after
    R. Martin, IEEE Transactions on Speech and Audio Processing 9(5), 2001, here for the whole band).

    Args:
        lanes: number of lanes.
    """

    def __init__(self, lanes: int) -> None:
        self._power = np.full(lanes, -1.0)  # smoothed; below zero: nothing heard yet
        self._least = np.full((lanes, _SUBWINDOWS), np.inf)
        self._frames = np.zeros(lanes, np.intp)

    def reset(self, rows: Rows) -> None:
        """Forget what the lanes `rows` (k,) have heard."""
        self._power[rows] = -1.0
        self._least[rows] = np.inf
        self._frames[rows] = 0

    def update(self, rows: Rows, levels: NDArray[np.float64]) -> None:
        """Take the levels in dBov (k,) of the next frames of 20 ms of some lanes (k,), each at most once."""
        power = 10.0 ** (levels / 10.0)
        before = np.where(self._power[rows] < 0.0, power, self._power[rows])
        smooth = before + _SMOOTHING * (power - before)
        self._power[rows] = smooth
        frames = self._frames[rows]
        place = frames // _SUBWINDOW % _SUBWINDOWS
        fresh = frames % _SUBWINDOW == 0
        self._least[rows, place] = np.where(fresh, smooth, np.minimum(self._least[rows, place], smooth))
        self._frames[rows] = frames + 1

    def level(self, rows: Rows) -> NDArray[np.float64]:
        """Return the level of the background in dBov (k,), -127 where nothing has been heard."""
        least = self._least[rows].min(axis=1)
        least[np.isinf(least)] = 0.0
        heard = 10.0 * np.log10(np.maximum(least, 1e-13)) + _BIAS
        return np.asarray(np.where(least > 2e-13, heard, SILENCE_LEVEL).clip(SILENCE_LEVEL, 0.0))


def _reflection(wave: NDArray[np.float64], order: int) -> tuple[float, ...]:
    """Return the reflection coefficients of a wave (n,), by the recursion of Levinson and Durbin."""
    correlation = [float(wave[: len(wave) - lag] @ wave[lag:]) for lag in range(order + 1)]
    error = correlation[0] * _SETTLING
    taps: list[float] = []
    reflection: list[float] = []
    for lag in range(1, order + 1):
        if error <= 0.0:
            return (0.0,) * order
        product = correlation[lag] + sum(t * correlation[lag - 1 - i] for i, t in enumerate(taps))
        k = -product / error
        taps = [t + k * u for t, u in zip(taps, reversed(taps), strict=True)] + [k]
        error *= 1.0 - k * k
        reflection.append(k)
    return tuple(reflection)


def _response(reflection: tuple[float, ...], size: int) -> NDArray[np.float64]:
    """Return the magnitude of the all-pole filter at the bins of an FFT of `size`, of the mean power one."""
    taps = np.ones(1)
    for k in reflection:
        longer = np.append(taps, 0.0)
        taps = longer + k * longer[::-1]
    power = 1.0 / np.maximum(np.abs(np.fft.rfft(taps, size)) ** 2, 1e-9)
    # The first and the last bin stand for one frequency each, the others for two.
    power /= (power.sum() - 0.5 * (power[0] + power[-1])) / (len(power) - 1)
    return np.asarray(np.sqrt(power))
