"""G.711: the two logarithmic codes of the telephone, as table look-ups.

Linear samples are 16-bit, as in ITU-T G.191: a mu-law value of Table 2 of G.711 counts four of our steps
(14 significant bits), an A-law value of Table 1 sixteen halves (13 bits). A sample that falls exactly on a
decision value goes to the neighbour nearer to plus infinity, on both halves of the scale, as in the
reference coder of ITU-T G.191. (The coder that Python had before 3.13 differs: its mu-law codes of negative
samples are those of a sample four steps lower.) Converting between the laws is decoding and encoding.

All functions take arrays of any shape and an optional `out` of the same shape and of the result's type,
which saves an allocation on the hot path and is returned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.codecs.types import Codes, Samples

ULAW_SILENCE: Final = 0xFF
"""The mu-law code of zero."""
ALAW_SILENCE: Final = 0xD5
"""The A-law code of the smallest positive value: A-law has no zero."""

_ULAW_BIAS: Final = 33  # lifts the magnitude so that every segment starts at a power of two
_ULAW_OVERLOAD: Final = 8191  # the largest 14-bit magnitude with the bias in it
_ALAW_EVEN_BITS: Final = 0x55  # A-law sends every other bit inverted (G.711, section 3.2)

_Scalar = TypeVar("_Scalar", np.uint8, np.int16)


def ulaw_to_linear(codes: Codes, out: Samples | None = None) -> Samples:
    """Decode mu-law codes (uint8) to samples (int16)."""
    return _look_up(_ULAW_TO_LINEAR, codes, out)


def linear_to_ulaw(samples: Samples, out: Codes | None = None) -> Codes:
    """Encode samples (int16) to mu-law codes (uint8)."""
    return _look_up(_LINEAR_TO_ULAW, samples.view(np.uint16), out)


def alaw_to_linear(codes: Codes, out: Samples | None = None) -> Samples:
    """Decode A-law codes (uint8) to samples (int16)."""
    return _look_up(_ALAW_TO_LINEAR, codes, out)


def linear_to_alaw(samples: Samples, out: Codes | None = None) -> Codes:
    """Encode samples (int16) to A-law codes (uint8)."""
    return _look_up(_LINEAR_TO_ALAW, samples.view(np.uint16), out)


def ulaw_to_alaw(codes: Codes, out: Codes | None = None) -> Codes:
    """Convert mu-law codes to A-law codes (uint8)."""
    return _look_up(_ULAW_TO_ALAW, codes, out)


def alaw_to_ulaw(codes: Codes, out: Codes | None = None) -> Codes:
    """Convert A-law codes to mu-law codes (uint8)."""
    return _look_up(_ALAW_TO_ULAW, codes, out)


def _look_up(
    table: NDArray[_Scalar],
    index: NDArray[np.uint8] | NDArray[np.uint16],
    out: NDArray[_Scalar] | None,
) -> NDArray[_Scalar]:
    """Take `table[index]`. No index can be out of range, and `wrap` writes straight to `out`."""
    return table.take(index, out=out, mode="wrap")


def _ulaw_values() -> Samples:
    """Return the output value of each of the 256 mu-law codes (G.711, Table 2)."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    segment, step = (code >> 4) & 7, code & 15
    magnitude = ((2 * step + _ULAW_BIAS) << segment) - _ULAW_BIAS
    return (np.where(code & 0x80, -magnitude, magnitude) << 2).astype(np.int16)


def _alaw_values() -> Samples:
    """Return the output value of each of the 256 A-law codes (G.711, Table 1)."""
    code = np.arange(256, dtype=np.int32) ^ _ALAW_EVEN_BITS
    segment, step = (code >> 4) & 7, code & 15
    magnitude = np.where(segment == 0, 2 * step + 1, (2 * step + 33) << np.maximum(segment - 1, 0))
    return (np.where(code & 0x80, magnitude, -magnitude) << 3).astype(np.int16)


def _every_sample() -> NDArray[np.int32]:
    """Return all 65,536 samples in the order of their bit patterns, the order of an encoding table."""
    return np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)


def _segment(magnitude: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return how often each magnitude can be halved before it is below 64: the segment, from 0."""
    segment = np.zeros_like(magnitude)
    for power in range(6, 13):
        segment += magnitude >= (1 << power)
    return segment


def _ulaw_codes() -> Codes:
    """Return the mu-law code of every 16-bit sample, indexed by its bit pattern."""
    sample = _every_sample()
    # The complement, not the negation, makes a tie on the negative half go towards plus infinity.
    magnitude = np.where(sample < 0, ~sample, sample) >> 2
    magnitude = np.minimum(magnitude + _ULAW_BIAS, _ULAW_OVERLOAD)
    segment = _segment(magnitude)
    code = (segment << 4) | ((magnitude >> (segment + 1)) & 15)
    code |= np.where(sample < 0, 0x80, 0)
    return np.asarray(~code & 0xFF, dtype=np.uint8)


def _alaw_codes() -> Codes:
    """Return the A-law code of every 16-bit sample, indexed by its bit pattern."""
    sample = _every_sample()
    magnitude = np.where(sample < 0, ~sample, sample) >> 3  # 12 bits
    doubling = _segment(magnitude)  # segments 0 and 1 share one step size
    segment = doubling + ((magnitude >> doubling) >= 32)
    step = (magnitude >> np.maximum(segment, 1)) & 15
    code = (segment << 4) | step | np.where(sample < 0, 0, 0x80)
    return np.asarray(code ^ _ALAW_EVEN_BITS, dtype=np.uint8)


_ULAW_TO_LINEAR: Final = _ulaw_values()
_LINEAR_TO_ULAW: Final = _ulaw_codes()
_ALAW_TO_LINEAR: Final = _alaw_values()
_LINEAR_TO_ALAW: Final = _alaw_codes()
_ULAW_TO_ALAW: Final = linear_to_alaw(_ULAW_TO_LINEAR)
_ALAW_TO_ULAW: Final = linear_to_ulaw(_ALAW_TO_LINEAR)
