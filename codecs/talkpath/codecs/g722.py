"""G.722 at 64 kbit/s: wide-band speech in the bits of a narrow-band call.

16,000 samples a second become 8,000 octets; RTP counts 8,000 ticks a second all the same (RFC 3551, section
4.5.2). The codec adapts to the signal sample by sample, so that every direction of every call needs an
encoder or decoder of its own, and nothing can be done for many lanes at once; the work is done in C by
libg722 (package `G722`), which gives the same bits as FFmpeg's codec. A decoder that missed octets finds
its way back within some milliseconds.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from talkpath.codecs.types import Samples

SAMPLE_RATE: Final = 16_000
"""Samples per second."""
SAMPLES_PER_OCTET: Final = 2

_BIT_RATE: Final = 64_000


class MissingCodecError(ImportError):
    """The package that does the work is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "G.722 needs the package G722. Install it with `pip install G722`, or do not offer it."
        )


class G722Encoder:
    """Encodes one direction of one call.

    Raises:
        MissingCodecError: the package `G722` is not installed.
    """

    def __init__(self) -> None:
        self._codec = _codec()

    def encode(self, samples: Samples) -> bytes:
        """Encode the next samples.

        Args:
            samples: int16 (n,), n even; 320 are 20 ms.

        Returns:
            n // 2 octets.

        Raises:
            ValueError: n is odd, or the samples are not one row of int16.
        """
        if samples.ndim != 1 or samples.dtype != np.int16 or len(samples) % SAMPLES_PER_OCTET:
            raise ValueError(
                f"G.722 encodes an even number of samples in one row of int16, "
                f"and not {samples.dtype} {samples.shape}."
            )
        encoded: bytes = self._codec.encode(samples)
        return encoded


class G722Decoder:
    """Decodes one direction of one call.

    Raises:
        MissingCodecError: the package `G722` is not installed.
    """

    def __init__(self) -> None:
        self._codec = _codec()

    def decode(self, payload: bytes) -> Samples:
        """Decode the next octets, any of which are valid: int16 (2 * len(payload),)."""
        # An array of the standard library, or of numpy if a further package is installed: both are buffers.
        return np.frombuffer(self._codec.decode(payload), np.int16)


def available() -> bool:
    """Tell whether the package that does the work can be imported."""
    try:
        _codec()
    except MissingCodecError:
        return False
    return True


def _codec() -> Any:
    """Return a new codec of libg722, which has no type information; it does both directions."""
    try:
        library = importlib.import_module("G722")
    except ImportError:
        raise MissingCodecError from None
    return library.G722(SAMPLE_RATE, _BIT_RATE)
