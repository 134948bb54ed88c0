"""Where somebody begins and ends to speak, by level, frame by frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from talkpath.codecs.levels import SILENCE_LEVEL, level

if TYPE_CHECKING:
    from talkpath.codecs.types import Samples

LOUD: Final = -45.0
"""dBov; speech is around -20, the faint noise of the demo's voices below -60."""
START_FRAMES: Final = 2
"""Loud frames in a row that make a start, so that a click is none."""
PAUSE: Final = 0.6
"""Seconds of quiet that end a speech; the pauses between the sentences of a speech are shorter."""


class Ears:
    """Listens to one direction.

    Args:
        frame_seconds: length of the frames that will come.

    Attributes:
        speaking: whether somebody speaks.
        began: where the last speech began, in seconds since the first frame; None when there was none.
        ended: where it ended; what is before it is speech for certain.
        level: of the last frame, in dBov.
    """

    def __init__(self, frame_seconds: float) -> None:
        self.speaking = False
        self.began: float | None = None
        self.ended = 0.0
        self.level = SILENCE_LEVEL
        self._frame = frame_seconds
        self._frames = 0
        self._loud_in_a_row = 0

    def feed(self, samples: Samples) -> bool:
        """Take one frame; return True when a speech began or ended with it."""
        self._frames += 1
        now = self._frames * self._frame
        self.level = float(level(samples))
        loud = self.level >= LOUD
        self._loud_in_a_row = self._loud_in_a_row + 1 if loud else 0
        if not self.speaking:
            return self._maybe_begin(now)
        if loud:
            self.ended = now
        elif now - self.ended >= PAUSE:
            self.speaking = False
            return True
        return False

    def _maybe_begin(self, now: float) -> bool:
        if self._loud_in_a_row < START_FRAMES:
            return False
        self.speaking, self.ended = True, now
        self.began = now - START_FRAMES * self._frame
        return True
