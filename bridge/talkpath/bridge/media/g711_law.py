"""The two laws of G.711 as the media plane uses them: by name, as arrays and as translation tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.codecs import g711

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import PhoneCodec

__all__ = ["ALAW", "LAWS", "ULAW", "Law"]


@dataclass(frozen=True, slots=True, eq=False)
class Law:
    """One law.

    Attributes:
        decode: uint8 codes to int16 samples, any shape.
        encode: int16 samples to uint8 codes, any shape.
        silence: The code of silence.
        to_other: Table of 256 codes from this law to the other.
    """

    decode: Callable[[NDArray[np.uint8]], NDArray[np.int16]]
    encode: Callable[[NDArray[np.int16]], NDArray[np.uint8]]
    silence: int
    to_other: NDArray[np.uint8]


_ALL_CODES: Final = np.arange(256, dtype=np.uint8)

ULAW: Final = Law(g711.ulaw_to_linear, g711.linear_to_ulaw, g711.ULAW_SILENCE, g711.ulaw_to_alaw(_ALL_CODES))
ALAW: Final = Law(g711.alaw_to_linear, g711.linear_to_alaw, g711.ALAW_SILENCE, g711.alaw_to_ulaw(_ALL_CODES))
LAWS: Final[dict[PhoneCodec, Law]] = {"PCMU": ULAW, "PCMA": ALAW}
