"""What talks in benchmarks whose cost depends on what is said: harmonics that come and go, like a voice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from talkpath.bridge.media.wideband import FAMILIES, WIDE_FRAME, WIDE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import PhoneCodec


def voice(rate: int, seconds: float) -> NDArray[np.int16]:
    """Samples of it; silence would be cheaper to encode."""
    at = np.arange(round(rate * seconds)) / rate
    wave = sum(np.sin(2 * np.pi * 170 * number * at) / number for number in range(1, 20))
    return (4_000 * wave * (0.55 + 0.45 * np.sin(2 * np.pi * 10 * at))).astype(np.int16)


def said(codec: PhoneCodec, seconds: float = 1.0) -> list[bytes]:
    """What a telephone sends of it, in packets of 20 ms; of G.711 any octets will do."""
    if codec not in FAMILIES:
        return [np.random.default_rng(1).integers(0, 256, 160, dtype=np.uint8).tobytes()]
    encoder = FAMILIES[codec].encoder("useinbandfec=1")
    return [encoder.encode(frame) for frame in voice(WIDE_RATE, seconds).reshape(-1, WIDE_FRAME)]
