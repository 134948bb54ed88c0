"""Voice activity detection by level, on the position in the stream, never on the clock.

The real detector is a neural network; this one maps the level of each 20 ms frame to a number between
0 and 1 so that ``threshold`` keeps its meaning (higher = louder speech needed): 0 is -65 dBFS, 1 is
-25 dBFS, so the default 0.5 is -45 dBFS. ``semantic_vad`` is approximated by a longer silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from talkpath.bridge.simulator.reply import Samples
    from talkpath.bridge.simulator.timeline import Json

FRAME_MS = 20
FLOOR_DBFS = -65.0
SPAN_DB = 40.0
START_FRAMES = 3
"""Loud frames in a row that make a start: 60 ms, so that a click is not speech."""
HYSTERESIS = 0.15
"""How far below the threshold the level may fall before a frame counts as silence within speech."""
SEMANTIC_SILENCE_MS = {"high": 600, "medium": 1000, "auto": 1000, "low": 1600}
"""Stand-in for semantic turn detection: silence in milliseconds by eagerness."""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Speech began; the prefix padding is already subtracted."""

    audio_start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """Speech ended; the position includes the silence that proved it."""

    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class VadSettings:
    """The fields of ``turn_detection`` that concern detection."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500

    @classmethod
    def from_session(cls, turn_detection: Json) -> VadSettings:
        """Read a ``server_vad`` or ``semantic_vad`` object of an effective session."""
        if turn_detection["type"] == "semantic_vad":
            eagerness = turn_detection.get("eagerness") or "auto"
            return cls(silence_duration_ms=SEMANTIC_SILENCE_MS[eagerness])
        return cls(
            threshold=turn_detection["threshold"],
            prefix_padding_ms=turn_detection["prefix_padding_ms"],
            silence_duration_ms=turn_detection["silence_duration_ms"],
        )


def speech_likelihood(frames: np.ndarray[tuple[int, int], np.dtype[np.int16]]) -> list[float]:
    """Return a number in 0..1 for each row of ``frames`` (int16, one frame per row)."""
    power = np.mean(np.square(frames.astype(np.float64) / 32768.0), axis=1)
    dbfs = 10.0 * np.log10(np.maximum(power, 1e-12))
    return [float(p) for p in np.clip((dbfs - FLOOR_DBFS) / SPAN_DB, 0.0, 1.0)]


class EnergyVad:
    """Finds where speech starts and stops in appended audio.

    Args:
        settings: threshold, padding, silence.
        rate: sample rate of the audio in hertz.
        position_ms: stream position of the first sample that will be fed.
    """

    def __init__(self, settings: VadSettings, rate: int, position_ms: float = 0.0) -> None:
        self.settings = settings
        self.rate = rate
        self.speaking = False
        self._frame = rate * FRAME_MS // 1000
        self._rest: Samples = np.zeros(0, dtype=np.int16)
        self._first_ms = position_ms
        self._position_ms = position_ms
        self._loud = 0
        self._quiet_ms = 0

    def feed(self, samples: Samples) -> list[SpeechStarted | SpeechStopped]:
        """Take int16 samples of any number; return what was found, in order."""
        joined = np.concatenate((self._rest, samples)) if len(self._rest) else samples
        count = len(joined) // self._frame
        self._rest = joined[count * self._frame :]
        if not count:
            return []
        found = []
        for likelihood in speech_likelihood(joined[: count * self._frame].reshape(count, self._frame)):
            self._position_ms += FRAME_MS
            event = self._stopped(likelihood) if self.speaking else self._started(likelihood)
            if event is not None:
                found.append(event)
        return found

    def _started(self, likelihood: float) -> SpeechStarted | None:
        """Count a frame while silent."""
        self._loud = self._loud + 1 if likelihood >= self.settings.threshold else 0
        if self._loud < START_FRAMES:
            return None
        self.speaking, self._loud, self._quiet_ms = True, 0, 0
        onset = self._position_ms - START_FRAMES * FRAME_MS - self.settings.prefix_padding_ms
        return SpeechStarted(round(max(self._first_ms, onset)))

    def _stopped(self, likelihood: float) -> SpeechStopped | None:
        """Count a frame while speaking."""
        quiet = likelihood < max(self.settings.threshold - HYSTERESIS, 0.01)
        self._quiet_ms = self._quiet_ms + FRAME_MS if quiet else 0
        if self._quiet_ms < self.settings.silence_duration_ms or not quiet:
            return None
        self.speaking, self._first_ms = False, self._position_ms
        return SpeechStopped(round(self._position_ms))
