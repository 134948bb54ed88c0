"""How much of what was said has reached the model: figures from two signals and the times of a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.signal import correlate

from tests.impairments.signal import RATE, SPARED_MS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.impairments.signal import Samples, Signal

    Floats = NDArray[np.float64]

FRAME: Final = RATE * 20 // 1000
_WINDOW: Final = RATE // 2
_REACH: Final = RATE * 2 // 5
"""How far a window may have moved against the one before: 400 ms."""
_STAY: Final = 0.0003
"""What a sample of movement costs, in correlation: a tone fits every period, and must not wander."""
_AUDIBLE: Final = 200.0
_SNR_RANGE: Final = (-10.0, 35.0)
_FLOOR: Final = 10.0  # of spectra: noise of this amplitude is silence
_MARK_IS_THERE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Score:
    """What became of the signal.

    Attributes:
        snr: Segmental signal-to-noise ratio in dB: mean over frames of 20 ms with sound, each limited
            to -10 to 35.
        distortion: Log-spectral distance in dB, mean over the same frames.
        missing: Share of the frames with sound in which nothing is heard.
        clicks: Jumps between samples that the clean signal does not have.
        stretch_ms: How much longer the stream is than what was said, from mark to mark.
        begins: Sample of the stream at which the first mark begins, less the delay of filters.
        ends: Sample behind the last mark, in the same way.
    """

    snr: float
    distortion: float
    missing: float
    clicks: int
    stretch_ms: float
    begins: int
    ends: int


NOTHING: Final = Score(_SNR_RANGE[0], 99.0, 1.0, 0, 0.0, 0, 1)
"""The score of a recording without the marks."""


class NotHeardError(AssertionError):
    """The marks are not in the recording."""


def score(signal: Signal, best: Samples, heard: Samples) -> Score:
    """Compare what was heard with what could have been heard at best, both int16 at 8 kHz.

    Raises:
        NotHeardError: a mark is not found.
    """
    delay = _find(best, signal.first_mark)  # of the codec's filters
    best = np.concatenate((best[delay:], np.zeros(delay, np.int16)))
    begins = _find(heard, signal.first_mark)
    ends = _find(heard, signal.last_mark) + signal.last_mark.size
    aligned = _align(best, heard, begins)
    sound = _sound(best)
    clean, got = (
        best[: sound.size * FRAME].reshape(-1, FRAME),
        aligned[: sound.size * FRAME].reshape(-1, FRAME),
    )
    clean_frames, got_frames = clean[sound].astype(float), got[sound].astype(float)
    return Score(
        snr=_segmental_snr(clean_frames, got_frames),
        distortion=_log_spectral_distance(clean_frames, got_frames),
        missing=float(np.mean(_level(got_frames) < _level(clean_frames) * 0.1)),
        clicks=_clicks(best, aligned),
        stretch_ms=(ends - begins - best.size) * 1000 / RATE,
        begins=begins - delay,
        ends=ends - delay,
    )


def _find(heard: Samples, mark: Samples) -> int:
    """The sample at which a mark begins."""
    if heard.size < mark.size:
        raise NotHeardError("the recording is shorter than the mark")
    wave, wanted = heard.astype(float), mark.astype(float)
    match = correlate(wave, wanted, "valid", method="fft")
    power = correlate(wave**2, np.ones(mark.size), "valid", method="fft")
    likeness = match / (np.sqrt(np.maximum(power, 1.0)) * np.linalg.norm(wanted))
    place = int(np.argmax(np.where(power > 1e6, likeness, 0.0)))
    if likeness[place] < _MARK_IS_THERE:
        raise NotHeardError(f"a mark is not in the recording: likeness {likeness[place]:.2f}")
    return place


def _align(best: Samples, heard: Samples, begins: int) -> Samples:
    """Return, for each half second of the clean signal, what was heard in its place, wherever that moved."""
    padded = np.concatenate((np.zeros(_REACH, np.int16), heard, np.zeros(best.size + _REACH, np.int16)))
    found, moved = [], 0
    for first in range(0, best.size, _WINDOW):
        window = best[first : first + _WINDOW].astype(float)
        start = begins + first + moved  # in `padded`, this is a reach before the usual place
        around = padded[start : start + window.size + 2 * _REACH].astype(float)
        match = correlate(around, window, "valid", method="fft")
        power = correlate(around**2, np.ones(window.size), "valid", method="fft")
        likeness = match / np.sqrt(np.maximum(power, 1e6) * max(float(window @ window), 1e6))
        step = np.arange(likeness.size) - _REACH
        move = int(step[np.argmax(likeness - _STAY * np.abs(step))])
        found.append(around[_REACH + move : _REACH + move + window.size])
        moved += move
    return np.concatenate(found).astype(np.int16)


def _sound(best: Samples) -> NDArray[np.bool_]:
    """Which frames of the clean signal are loud enough to be judged; the marks are not."""
    frames = best[: best.size // FRAME * FRAME].reshape(-1, FRAME)
    sound: NDArray[np.bool_] = _level(frames.astype(float)) > _AUDIBLE
    spared = SPARED_MS // 20
    sound[:spared] = sound[-spared:] = False
    return sound


def _level(frames: Floats) -> Floats:
    level: Floats = np.sqrt(np.mean(frames**2, axis=1))
    return level


def _segmental_snr(clean: Floats, got: Floats) -> float:
    noise = np.maximum(np.sum((clean - got) ** 2, axis=1), 1.0)
    ratio = 10 * np.log10(np.sum(clean**2, axis=1) / noise)
    return float(np.mean(np.clip(ratio, *_SNR_RANGE)))


def _log_spectral_distance(clean: Floats, got: Floats) -> float:
    spectra = [
        10 * np.log10(np.abs(np.fft.rfft(frames * np.hanning(FRAME), axis=1)) ** 2 + (_FLOOR * FRAME) ** 2)
        for frames in (clean, got)
    ]
    return float(np.mean(np.sqrt(np.mean((spectra[0] - spectra[1]) ** 2, axis=1))))


def _clicks(best: Samples, aligned: Samples) -> int:
    """Jumps that are three times as high as any within 10 ms of the clean signal, 5 ms apart at least."""
    clean, got = (np.abs(np.diff(samples.astype(float))) for samples in (best, aligned))
    reach = RATE // 100
    padded = np.pad(clean, reach)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1)
    jumps = np.flatnonzero(got > 3 * around[: got.size] + 1_500)
    return int(np.count_nonzero(np.diff(jumps, prepend=-RATE) > RATE // 200))


def pace(received: NDArray[np.int64]) -> tuple[int, int, float, float]:
    """Judge the daemon's own stream: packets lost, timestamps that do not follow, and its gaps.

    Args:
        received: (n, 3) arrival in ns, sequence number, timestamp.

    Returns:
        Numbers missing or double, packets whose timestamp is not 160 a packet, and the distance of packets
        in ms: 99th percentile and longest.
    """
    if len(received) < 2:
        return 0, 0, 0.0, 0.0
    steps = np.diff(received[:, 1]) & 0xFFFF
    ticks = np.diff(received[:, 2]) & 0xFFFF_FFFF
    gaps = np.diff(received[:, 0]) / 1e6
    return (
        int(np.count_nonzero(steps != 1)),
        int(np.count_nonzero(ticks != steps * 160)),
        float(np.percentile(gaps, 99)),
        float(gaps.max()),
    )
