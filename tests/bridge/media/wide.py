"""Tones in every band and format, and how clear they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from talkpath.bridge.media.g711_law import LAWS
from talkpath.bridge.media.wideband import WIDE_FRAME
from talkpath.codecs.g722 import G722Decoder, G722Encoder
from tests.bridge.media.phone import Line, packet

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import ModelFormat, PhoneCodec

G722: dict[str, Any] = {"codec": "G722", "payload_type": 9}
PAYLOAD_TYPES: dict[PhoneCodec, int] = {"PCMU": 0, "PCMA": 8, "G722": 9}
RATES: dict[ModelFormat, int] = {"pcm": 24_000, "pcmu": 8_000, "pcma": 8_000}


def tone(hertz: float, rate: int, seconds: float = 2.0) -> NDArray[np.int16]:
    time = np.arange(round(rate * seconds)) / rate
    return (8_000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)


def octets(samples: NDArray[np.int16]) -> list[bytes]:
    encoder = G722Encoder()
    return [encoder.encode(frame) for frame in samples.reshape(-1, WIDE_FRAME)]


def decoded(audio: bytes) -> NDArray[np.int16]:
    return G722Decoder().decode(audio)


def model_audio(samples: NDArray[np.int16], model: ModelFormat) -> bytes:
    if model == "pcm":
        return samples.tobytes()
    return LAWS["PCMU" if model == "pcmu" else "PCMA"].encode(samples).tobytes()


def heard_by(model: ModelFormat, audio: bytes) -> NDArray[np.int16]:
    if model == "pcm":
        return np.frombuffer(audio, "<i2")
    return LAWS["PCMU" if model == "pcmu" else "PCMA"].decode(np.frombuffer(audio, np.uint8))


def snr(samples: NDArray[np.int16], hertz: float, rate: int) -> float:
    """Decibels of a tone over everything else, the best fit of it taken away."""
    time = np.arange(samples.size) / rate
    basis = np.stack([np.sin(2 * np.pi * hertz * time), np.cos(2 * np.pi * hertz * time)], axis=1)
    wave = samples.astype(np.float64)
    weights = np.linalg.lstsq(basis, wave, rcond=None)[0]
    rest = wave - basis @ weights
    return float(10 * np.log10(np.square(basis @ weights).sum() / np.square(rest).sum()))


def loudest_gap(samples: NDArray[np.int16], rate: int) -> float:
    """Seconds of the longest stretch without sound."""
    sounding = np.flatnonzero(np.abs(samples.astype(int)) > 1_000)
    return float(np.diff(sounding, prepend=0, append=samples.size).max() / rate)


def steps(numbers: NDArray[Any], modulus: int) -> set[int]:
    return {int(step) % modulus for step in np.diff(numbers.astype(np.int64))}


def speak(line: Line, lane: int, said: list[bytes], lost: Collection[int] = ()) -> Callable[[int], None]:
    def each(slot: int) -> None:
        if slot < len(said) and slot not in lost:
            line.say(lane, packet(said[slot], slot, 160 * slot, payload_type=9))

    return each
