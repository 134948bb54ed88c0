"""The three wire formats of a session, and whole clips between them and linear samples."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from talkpath.bridge.simulator.reply import MODEL_RATE
from talkpath.codecs import g711
from talkpath.codecs.resample import Resampler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from talkpath.bridge.simulator.reply import Samples
    from talkpath.bridge.simulator.timeline import Json

Codes = np.ndarray[tuple[int], np.dtype[np.uint8]]


def _pcm_to_linear(codes: Codes) -> Samples:
    """Read little-endian 16-bit samples; an odd last byte is dropped."""
    return codes[: len(codes) // 2 * 2].view("<i2").astype(np.int16)


def _linear_to_pcm(samples: Samples) -> Codes:
    """Write little-endian 16-bit samples."""
    return np.ascontiguousarray(samples.astype("<i2")).view(np.uint8)


@dataclass(frozen=True)
class AudioFormat:
    """One audio format of the wire.

    Attributes:
        type: its name in ``audio.*.format.type``.
        rate: samples per second.
        bytes_per_ms: octets in one millisecond of it.
    """

    type: str
    rate: int
    bytes_per_ms: int
    to_linear: Callable[[Codes], Samples]
    from_linear: Callable[[Samples], Codes]

    def decode(self, data: bytes) -> Samples:
        """Decode octets to int16 at ``rate``."""
        return self.to_linear(np.frombuffer(data, dtype=np.uint8))

    def encode(self, samples: Samples, rate: int = MODEL_RATE) -> bytes:
        """Encode a whole clip of int16 at ``rate`` hertz to octets of this format."""
        return self.from_linear(convert(samples, rate, self.rate)).tobytes()

    def duration_ms(self, size: int) -> float:
        """Return how long ``size`` octets last, in milliseconds."""
        return size / self.bytes_per_ms


PCM = AudioFormat("audio/pcm", 24_000, 48, _pcm_to_linear, _linear_to_pcm)
PCMU = AudioFormat("audio/pcmu", 8_000, 8, g711.ulaw_to_linear, g711.linear_to_ulaw)
PCMA = AudioFormat("audio/pcma", 8_000, 8, g711.alaw_to_linear, g711.linear_to_alaw)

FORMATS = {audio_format.type: audio_format for audio_format in (PCM, PCMU, PCMA)}
"""The formats by their name on the wire."""


def format_of(value: Json) -> AudioFormat:
    """Return the format that an ``audio.*.format`` object of a validated session names."""
    return FORMATS[value["type"]]


def convert(samples: Samples, rate: int, wanted: int) -> Samples:
    """Change the sample rate of a whole clip (int16), without the delay of the filter."""
    samples = np.ascontiguousarray(samples, dtype=np.int16)
    if rate == wanted or not len(samples):
        return samples
    divisor = gcd(rate, wanted)
    up, down = wanted // divisor, rate // divisor
    resampler = Resampler(up, down)
    tail = np.zeros(round(resampler.delay * rate) + 2 * down, dtype=np.int16)
    converted = resampler.process(np.concatenate((samples, tail)))
    start, length = round(resampler.delay * wanted), len(samples) * wanted // rate
    return np.asarray(converted[start : start + length], dtype=np.int16)


def tone(hertz: float, milliseconds: float, level_dbfs: float = -13.0, rate: int = MODEL_RATE) -> Samples:
    """Return a sine of this RMS level with 5 ms ramps, int16."""
    count = int(milliseconds * rate / 1000)
    wave = np.sin(2 * np.pi * hertz * np.arange(count) / rate) * 2**0.5 * 10 ** (level_dbfs / 20)
    ramp = np.minimum(1.0, np.minimum(np.arange(count), np.arange(count)[::-1]) / (0.005 * rate))
    return np.asarray(np.clip(wave * ramp, -1, 1) * 32767, dtype=np.int16)


LADDER_HZ = (1020.0, 660.0, 1400.0, 840.0, 1800.0, 500.0)
"""The rungs of the tone ladder. None is a harmonic of another, none is a DTMF frequency."""


def tone_ladder(milliseconds: float, rungs: Sequence[float] = LADDER_HZ, rung_ms: float = 200.0) -> Samples:
    """Return tones of ``rung_ms`` one after the other, again from the first when they run out, int16 24 kHz.

    Played back, missing, repeated or swapped pieces show up as missing, repeated or swapped rungs.
    """
    pieces: list[Samples] = []
    left = milliseconds
    while left > 0:
        pieces.append(tone(rungs[len(pieces) % len(rungs)], min(rung_ms, left)))
        left -= rung_ms
    return np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.int16)


def dominant_hz(samples: Samples, rate: int) -> float:
    """Return the strongest frequency of a clip in hertz, 0 when it is silent (below -50 dBFS)."""
    if len(samples) < rate // 50 or float(np.sqrt(np.mean(np.square(samples.astype(float))))) < 100:
        return 0.0
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))
