"""What the callers say: speech, a tone and speech again, between two marks that are found to the sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.demo.voice import speak
from talkpath.bridge.simulator.audio import convert
from talkpath.bridge.simulator.reply import MODEL_RATE
from talkpath.bridge.simulator.speech import MissingExtraError
from talkpath.codecs import g711, g722

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import PhoneCodec

    Samples = NDArray[np.int16]

RATE: Final = 8_000
MARK_MS: Final = 200
SPARED_MS: Final = 360
"""At both ends: the mark and what keeps it apart from the rest. A multiple of every packet time but 50."""
_WHOLE: Final = RATE * 120 // 1000  # a multiple of 10, 20, 30, 40 and 60 ms
_SENTENCES: Final = (
    "Good morning, I would like to know whether my bicycle is ready.",
    "The order number is four seven nine, and my name is Miller.",
)
_TONE_S: Final = 2.0
_PAUSE_S: Final = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """A clean signal.

    Attributes:
        samples: int16 at 8 kHz, a whole number of packets of every packet time.
        first_mark: What it begins with.
        last_mark: What it ends with.
        spoken: Whether the speech is speech; else a warbling tone stands for it.
    """

    samples: Samples
    first_mark: Samples
    last_mark: Samples
    spoken: bool

    def codes(self, codec: PhoneCodec) -> NDArray[np.uint8]:
        """The signal as a telephone sends it: 8,000 octets a second of any codec."""
        return encoded(self.samples, codec)

    def heard_at_best(self, codec: PhoneCodec) -> Samples:
        """What is left of it after the codec, towards a model that reads mu-law."""
        return _as_ulaw(decoded(self.codes(codec), codec))

    def spoken_at_best(self, codec: PhoneCodec) -> Samples:
        """What a telephone hears of a model that says it, in mu-law."""
        told = _as_ulaw(convert(self.for_model(), MODEL_RATE, RATE))
        return decoded(encoded(told, codec), codec)

    def for_model(self) -> Samples:
        """The signal for a model to say, int16 at 24 kHz."""
        return convert(self.samples, RATE, MODEL_RATE)


def encoded(samples: Samples, codec: PhoneCodec) -> NDArray[np.uint8]:
    """8 kHz samples as octets of a codec."""
    if codec == "G722":
        return np.frombuffer(g722.G722Encoder().encode(convert(samples, RATE, g722.SAMPLE_RATE)), np.uint8)
    return (g711.linear_to_ulaw if codec == "PCMU" else g711.linear_to_alaw)(samples)


def decoded(octets: NDArray[np.uint8], codec: PhoneCodec) -> Samples:
    """The octets of a codec as 8 kHz samples."""
    if codec == "G722":
        return convert(g722.G722Decoder().decode(octets.tobytes()), g722.SAMPLE_RATE, RATE)
    return (g711.ulaw_to_linear if codec == "PCMU" else g711.alaw_to_linear)(octets)


def _as_ulaw(samples: Samples) -> Samples:
    return g711.ulaw_to_linear(g711.linear_to_ulaw(samples))


def make_signal() -> Signal:
    """Compose it, with speech if a voice is installed."""
    try:
        return _compose(list(speak(_SENTENCES).values()), spoken=True)
    except MissingExtraError:
        return _compose([_warble(3.5), _warble(3.5)], spoken=False)


def short_signal() -> Signal:
    """Compose one of five seconds without a voice, for tests."""
    return _compose([_warble(1.5), _warble(1.0)], spoken=False)


def _compose(said: list[Samples], *, spoken: bool) -> Signal:
    pause = np.zeros(int(RATE * _PAUSE_S), np.int16)
    edge = np.zeros((SPARED_MS - MARK_MS) * RATE // 1000, np.int16)
    up, down = _chirp(300, 3400), _chirp(3400, 300)
    body = np.concatenate((said[0], pause, _tone(_TONE_S), pause, said[1]))
    fill = np.zeros(-(body.size + 2 * (up.size + edge.size)) % _WHOLE, np.int16)
    return Signal(np.concatenate((up, edge, body, fill, edge, down)), up, down, spoken)


def _chirp(first_hz: float, last_hz: float) -> Samples:
    time = np.arange(MARK_MS * RATE // 1000) / RATE
    phase = 2 * np.pi * (first_hz * time + (last_hz - first_hz) * time**2 / (2 * time[-1]))
    return np.asarray(10_000 * np.sin(phase) * np.hanning(time.size), np.int16)


def _tone(seconds: float) -> Samples:
    """1,004 Hz: the usual test tone, which no whole number of samples repeats quickly."""
    time = np.arange(int(RATE * seconds)) / RATE
    return (8_000 * np.sin(2 * np.pi * 1004 * time) * _ramps(time.size)).astype(np.int16)


def _warble(seconds: float) -> Samples:
    time = np.arange(int(RATE * seconds)) / RATE
    pitch = 200 + 900 * (1 + np.sin(2 * np.pi * 1.3 * time))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    loudness = 0.55 + 0.45 * np.sin(2 * np.pi * 3.1 * time)
    return (8_000 * np.sin(phase) * loudness * _ramps(time.size)).astype(np.int16)


def _ramps(count: int) -> NDArray[np.float64]:
    edge = np.minimum(np.arange(count), np.arange(count)[::-1]) / (0.01 * RATE)
    return np.minimum(1.0, edge)
