"""The caller's voice: the one of the offline agent, lowered, so that the two can be told apart."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from talkpath.bridge.simulator.audio import convert
from talkpath.bridge.simulator.speech import MissingExtraError, trim

if TYPE_CHECKING:
    from collections.abc import Iterable

    from talkpath.codecs.types import Samples

TELEPHONE_RATE: Final = 8000
_PLAYED_AS: Final = 20_000
"""Hertz. The engine speaks at 24,000; played slower, its voice is three semitones lower."""
_SPEED: Final = 24_000 / _PLAYED_AS
"""Spoken faster by as much, so that the pace stays."""
_PEAK: Final = 0.4


def speak(sentences: Iterable[str]) -> dict[str, Samples]:
    """Return the sentences as speech, int16 at 8 kHz, from the first sound to the last.

    Raises:
        MissingExtraError: the voice is not installed.
    """
    try:
        engine: Any = importlib.import_module("hibari").Hibari()
    except ImportError:
        raise MissingExtraError("hibari-tts") from None
    return {sentence: _lowered(engine(sentence, seed=0, speed=_SPEED)) for sentence in sentences}


def _lowered(audio: np.ndarray[tuple[int], np.dtype[np.float32]]) -> Samples:
    peak = float(np.max(np.abs(audio), initial=1e-9))
    return convert((trim(audio) / peak * _PEAK * 32767).astype(np.int16), _PLAYED_AS, TELEPHONE_RATE)
