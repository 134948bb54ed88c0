"""What a recording proves: a steady tone without gaps, a tone ladder with every rung in its place.

Signals are fitted with sines of known frequency. A piece that is missing, repeated or swapped breaks the
phase within a tone or moves the tones behind it, so that the residual says what no spectrum would.
"""

from __future__ import annotations

import itertools
import wave
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from talkpath.bridge.simulator.audio import LADDER_HZ, dominant_hz

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

AUDIBLE = 300
"""Peak of a 20 ms frame, of 32,767, above which something is heard."""
RUNG_MS = 200
_RUNG_TOLERANCE_HZ = 30
_MARGIN_MS = 10
"""Left out at both ends of a rung: its ramps, and the uncertainty of its beginning."""


@dataclass(frozen=True)
class Fit:
    """A sine fitted to samples.

    Attributes:
        peak: Its amplitude, of 32,767.
        snr: Its power over that of everything else, in dB.
    """

    peak: float
    snr: float


def write_bursts(path: Path, parts: Sequence[tuple[float, float]], *, rate: int = 8000) -> None:
    """Write a WAV file of parts ``(hertz, seconds)``; 0 Hz is silence. Tones peak at 8,000 of 32,767."""
    pieces = []
    for hertz, seconds in parts:
        time = np.arange(round(rate * seconds)) / rate
        pieces.append(8000 * np.sin(2 * np.pi * hertz * time))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.concatenate(pieces).astype(np.int16).tobytes())


def fit_tone(samples: NDArray[np.int16], *, hertz: float, rate: int) -> Fit:
    """Fit a sine of ``hertz`` to int16 samples (n,) at ``rate`` by least squares."""
    angle = 2 * np.pi * hertz * np.arange(samples.size) / rate
    basis = np.stack((np.sin(angle), np.cos(angle), np.ones(samples.size)), axis=1)
    heard = samples.astype(np.float64)
    weights = np.linalg.lstsq(basis, heard, rcond=None)[0]
    residual = heard - basis @ weights
    peak = float(np.hypot(weights[0], weights[1]))
    noise = float(np.mean(residual**2)) or 1e-9
    return Fit(peak, 10 * float(np.log10(max(peak**2 / 2, 1e-9) / noise)))


def audible_spans(
    samples: NDArray[np.int16], *, rate: int, bridge_ms: int = 60, least_ms: int = 40
) -> list[tuple[int, int]]:
    """Return the stretches that can be heard as ``(first, behind last)`` sample, to within 1 ms.

    Pauses up to ``bridge_ms`` do not part a stretch; stretches under ``least_ms`` are left out.
    """
    step = rate // 1000
    frames = np.abs(samples[: samples.size // step * step].astype(np.int32)).reshape(-1, step).max(axis=1)
    loud = np.flatnonzero(frames > AUDIBLE)
    if not loud.size:
        return []
    cuts = np.flatnonzero(np.diff(loud) > bridge_ms) + 1
    spans = [(int(part[0]) * step, (int(part[-1]) + 1) * step) for part in np.split(loud, cuts)]
    return [(first, last) for first, last in spans if last - first >= least_ms * step]


def has_ended(samples: NDArray[np.int16], *, rate: int, count: int = 1) -> bool:
    """Tell whether the utterance of that number, counted from 1, is there to its end: 250 ms more follow."""
    spans = audible_spans(samples, rate=rate)
    return len(spans) >= count and spans[count - 1][1] < samples.size - rate // 4


def ladder_fits(samples: NDArray[np.int16], *, first: int, rungs: int, rate: int) -> list[Fit]:
    """Fit each rung of a tone ladder that begins at sample ``first``, each at its place in the time.

    A frame lost or said twice shows as a low ``snr`` in its rung, and in all behind it.
    """
    margin = _MARGIN_MS * rate // 1000
    length = RUNG_MS * rate // 1000
    fits = []
    for number in range(rungs):
        start = first + number * length
        part = samples[start + margin : start + length - margin]
        fits.append(fit_tone(part, hertz=LADDER_HZ[number % len(LADDER_HZ)], rate=rate))
    return fits


def rungs_heard(samples: NDArray[np.int16], *, rate: int) -> list[int]:
    """The rungs of a tone ladder in the order in which they sound, by their numbers, however long each is.

    For ways that may stretch, shorten or lose sound when the machine is busy, such as a browser's. What
    sounds for less than 80 ms is the border between two rungs.
    """
    step = rate // 25
    frames = samples[: samples.size // step * step].reshape(-1, step)
    runs = ((number, len(list(run))) for number, run in itertools.groupby(_rung(one, rate) for one in frames))
    sustained = [number for number, length in runs if number is not None and length >= 2]
    return [number for number, _ in itertools.groupby(sustained)]


def _rung(frame: NDArray[np.int16], rate: int) -> int | None:
    """The number of the rung that sounds; None: there is silence, or something else."""
    distances = np.abs(np.array(LADDER_HZ) - dominant_hz(frame, rate))
    number = int(distances.argmin())
    return number if distances[number] < _RUNG_TOLERANCE_HZ else None
