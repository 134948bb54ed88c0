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
CALLER: Final = 20_000
"""Hertz. The engine speaks at 24,000; played slower, its voice is three semitones lower."""
HUMAN: Final = 17_000
"""Hertz: six semitones lower."""
_PEAK: Final = 0.4


def speak(sentences: Iterable[str], played_as: int = CALLER) -> dict[str, Samples]:
    """Return the sentences as speech, int16 at 8 kHz, from the first sound to the last.

    Args:
        sentences: What is said.
        played_as: Sample rate at which the engine's samples are played: whose voice it becomes.

    Raises:
        MissingExtraError: the voice is not installed.
    """
    try:
        engine: Any = importlib.import_module("hibari").Hibari()
    except ImportError:
        raise MissingExtraError("hibari-tts") from None
    speed = 24_000 / played_as  # the pace stays
    return {one: _shifted(engine(one, seed=0, speed=speed), played_as) for one in sentences}


def _shifted(audio: np.ndarray[tuple[int], np.dtype[np.float32]], played_as: int) -> Samples:
    peak = float(np.max(np.abs(audio), initial=1e-9))
    return convert((trim(audio) / peak * _PEAK * 32767).astype(np.int16), played_as, TELEPHONE_RATE)
