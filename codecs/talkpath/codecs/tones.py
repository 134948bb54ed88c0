"""Sounds that a bridge makes itself: tones, ringback, and something gentle to wait by.

Everything is int16 (n,) at the level asked for in dBov (see `talkpath.codecs.levels`), begins and ends at
zero, and can be looped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.codecs.types import Samples

_OVERLOAD: Final = 32768.0
_RAMP: Final = 0.005  # seconds of fade at each end of a tone, against clicks

Country = Literal["eu", "uk", "us"]

_RINGBACK: Final[dict[Country, tuple[tuple[float, ...], tuple[float, ...]]]] = {
    # Frequencies in Hz; seconds of tone, pause, tone, pause (ITU-T E.180, supplement 2).
    "eu": ((425.0,), (1.0, 4.0)),
    "uk": ((400.0, 450.0), (0.4, 0.2, 0.4, 2.0)),
    "us": ((440.0, 480.0), (2.0, 4.0)),
}
_TICKS: Final = (0.0, 0.17, 0.31, 0.9, 1.02, 1.33, 1.49, 2.2, 2.41, 2.55, 3.3, 3.44, 3.75, 3.9, 4.02, 4.8)
"""Seconds at which a key is pressed: in words, as somebody types."""
_TICKS_PERIOD: Final = 5.6  # seconds until it begins anew
_TICK: Final = 0.03  # seconds of one
_CHIME: Final = ((659.26, 0.0), (523.25, 0.35))  # E5, then C5: a falling third; Hz, seconds
_CHIME_DECAY: Final = 0.35  # seconds in which a note falls to 1/e
_CHIME_PERIOD: Final = 3.0  # seconds from one chime to the next


def sine(frequency: float, duration: float, rate: int, level: float = -20.0) -> Samples:
    """Return a sine that keeps its level from the first to the last sample, for measurements.

    Args:
        frequency: Hz.
        duration: seconds.
        rate: samples per second.
        level: dBov; -3.01 is the loudest that is not clipped.
    """
    return _to_samples(_partials((frequency,), duration, rate), level)


def tone(frequencies: tuple[float, ...], duration: float, rate: int, level: float = -20.0) -> Samples:
    """Return the sum of sines of equal strength, faded in and out; `level` is that of the sum."""
    return _to_samples(_faded(_partials(frequencies, duration, rate), rate), level)


def beep(rate: int, duration: float = 0.2, level: float = -20.0) -> Samples:
    """Return a short 1 kHz beep."""
    return tone((1000.0,), duration, rate, level)


def ringback(country: Country, rate: int, level: float = -20.0) -> Samples:
    """Return one period of a country's ringback, pauses included; `level` is that of the tone.

    `eu` is the tone of most of Europe, `uk` of the United Kingdom, `us` of North America.
    """
    frequencies, cadence = _RINGBACK[country]
    parts = []
    for number, seconds in enumerate(cadence):
        if number % 2:
            parts.append(np.zeros(round(seconds * rate), np.int16))
        else:
            parts.append(tone(frequencies, seconds, rate, level))
    return np.concatenate(parts)


def comfort_sound(duration: float, rate: int, level: float = -30.0) -> Samples:
    """Return a soft two-note chime every three seconds, to hold the line while a caller waits.

    Args:
        duration: seconds; the sound loops best at a multiple of three.
        rate: samples per second.
        level: dBov of the second in which the chime rings.
    """
    ringing = _to_samples(_chime(rate), level)
    count = round(duration * rate)
    period = np.zeros(max(1, round(_CHIME_PERIOD * rate)), np.int16)
    period[: len(ringing)] = ringing
    sound = np.resize(period, count)
    end = min(count, round(0.05 * rate))  # a chime that is cut off by the end fades
    sound[count - end :] = np.rint(sound[count - end :] * np.linspace(1.0, 0.0, end))
    return sound


def ticks(rate: int, level: float = -36.0) -> Samples:
    """Return the soft ticks of somebody who types, 5.6 seconds that can be looped.

    Args:
        rate: samples per second.
        level: dBov of one tick.
    """
    time = np.arange(round(_TICK * rate)) / rate
    sound = np.zeros(round(_TICKS_PERIOD * rate), np.int16)
    for number, begin in enumerate(_TICKS):
        pitch = 900.0 + 140.0 * (number * 5 % 7)  # no two keys in a row sound the same
        wave = np.exp(-time / 0.006) * np.sin(2 * np.pi * pitch * time)
        start = round(begin * rate)
        sound[start : start + len(time)] = _to_samples(_faded(wave, rate), level)
    return sound


def _chime(rate: int) -> NDArray[np.float64]:
    """Return the chime, one second long, at any level."""
    time = np.arange(rate) / rate
    wave = np.zeros(rate)
    for frequency, start in _CHIME:
        since = np.maximum(time - start, 0.0)
        attack = np.minimum(since / 0.01, 1.0)
        wave += attack * np.exp(-since / _CHIME_DECAY) * np.sin(2 * np.pi * frequency * since)
    return _faded(wave, rate)


def _partials(frequencies: tuple[float, ...], duration: float, rate: int) -> NDArray[np.float64]:
    """Return a sum of sines."""
    time = np.arange(round(duration * rate)) / rate
    return np.asarray(np.sin(2 * np.pi * np.outer(frequencies, time)).sum(axis=0), dtype=np.float64)


def _faded(wave: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Fade the ends of a wave, at most half of it each."""
    length = min(max(1, round(_RAMP * rate)), len(wave) // 2)
    ramp = np.sin(np.linspace(0.0, np.pi / 2, length)) ** 2
    wave[:length] *= ramp
    wave[len(wave) - length :] *= ramp[::-1]
    return wave


def _to_samples(wave: NDArray[np.float64], level: float) -> Samples:
    """Scale a wave to a level in dBov, and round; what is too loud is clipped."""
    strength = float(np.sqrt(np.mean(wave**2))) if len(wave) else 0.0
    if strength == 0.0:
        return np.zeros(len(wave), np.int16)
    scaled = wave * (_OVERLOAD * 10.0 ** (level / 20.0) / strength)
    return np.asarray(np.rint(np.clip(scaled, -_OVERLOAD, _OVERLOAD - 1)), dtype=np.int16)
