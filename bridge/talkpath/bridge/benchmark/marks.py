"""Marks in the audio: every 20 ms frame says which call it belongs to and which number it has.

A mark has to survive G.711, the conversion to 24 kHz and back, and the join of frames to deltas. So each
frame is a staircase of four levels of 4 ms; a level is one of 32 codes of the upper half of the µ-law scale,
four steps apart, and stands for five bits. The reader looks at the middle of each stair, 2 ms away from its
edges, which is as far as the resampler's filter reaches. Ten bits are the call, ten the frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from talkpath.codecs.resample import ResamplerBank

if TYPE_CHECKING:
    from numpy.typing import NDArray

AudioMode = Literal["pcmu", "pcm"]
"""What the model speaks."""
CallMode = Literal["pcmu", "pcm", "g722", "srtp", "tls"]
"""What is measured: a format of the model with G.711 on the wire; pcm with G.722; pcmu with SRTP on the wire,
or with TLS to the model."""

FRAME_SAMPLES: Final = 160
MOST_CALLS: Final = 1024
FRAMES: Final = 1024
"""Frame numbers repeat after so many: 20.48 s."""
NO_MARK: Final = -1
SILENCE: Final = 0xFF
AUDIBLE_BELOW: Final = 0x70
"""Codes whose lower seven bits are less are louder than about 1 % of full scale."""

_STAIR: Final = 32
_STAIRS: Final = 4
_FILTER_SAMPLES: Final = round(ResamplerBank(1, 3, 1).delay * 8000)


def _codes() -> NDArray[np.uint8]:
    """The code of each symbol."""
    step = np.arange(16, dtype=np.uint8) * 4 + 2
    return np.concatenate((0x80 + step, step)).astype(np.uint8)


def _symbols() -> NDArray[np.int32]:
    """The symbol of each code; NO_MARK for the quiet ones."""
    table = np.full(256, NO_MARK, np.int32)
    table[0x80:0xC0] = np.arange(64) // 4
    table[0x00:0x40] = 16 + np.arange(64) // 4
    return table


CODES: Final = _codes()
SYMBOLS: Final = _symbols()


def audio_of(mode: CallMode) -> AudioMode:
    """What the model speaks in a mode."""
    return "pcm" if mode in {"pcm", "g722"} else "pcmu"


def stamp(calls: NDArray[np.intp], frame: int | NDArray[np.int64]) -> NDArray[np.uint8]:
    """The µ-law payloads, uint8 (k, 160), of one frame of each of some calls (k,)."""
    number = (np.asarray(calls, np.int64) << 10) | (np.asarray(frame, np.int64) % FRAMES)
    symbols = (number[:, None] >> np.array([15, 10, 5, 0])) & 31
    payload = np.repeat(CODES[symbols], _STAIR, axis=1)
    return np.concatenate((payload, np.repeat(payload[:, -1:], FRAME_SAMPLES - _STAIR * _STAIRS, 1)), axis=1)


def places(conversions: int) -> NDArray[np.intp]:
    """Where to look in a frame, in samples of 8 kHz (4,).

    Args:
        conversions: How many times the rate was converted on the way; each delays by the same.
    """
    return np.arange(_STAIRS) * _STAIR + _STAIR // 2 + conversions * _FILTER_SAMPLES


def read(codes: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Calls and frame numbers (k,) of what was found at the four places, uint8 (k, 4); NO_MARK for none."""
    symbols = SYMBOLS[codes]
    number = (symbols[:, 0] << 15) | (symbols[:, 1] << 10) | (symbols[:, 2] << 5) | symbols[:, 3]
    found = (symbols >= 0).all(axis=1)
    return np.where(found, number >> 10, NO_MARK), np.where(found, number & (FRAMES - 1), NO_MARK)


def audible(codes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether a row of codes, uint8 (k, n), holds anything that can be heard (k,)."""
    heard: NDArray[np.bool_] = np.any((codes & 0x7F) < AUDIBLE_BELOW, axis=1)
    return heard
