"""Sounds that fill the time without model audio: comfort sound, announcements, ringing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from talkpath.bridge.media.counters import Cause
from talkpath.bridge.media.lane import FRAME_BYTES, SoundFinished

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.bridge.media.counters import Counters
    from talkpath.bridge.media.g711_law import Law
    from talkpath.bridge.media.lane import MediaEvent

__all__ = ["SoundPlayer"]


@dataclass(slots=True, eq=False)
class _Sound:
    samples: NDArray[np.int16]
    codes: NDArray[np.uint8]
    silence: int
    loop: bool
    position: int = 0

    def frame(self) -> NDArray[np.uint8]:
        """The next 160 codes; a sound that ends is completed with silence."""
        end = self.position + FRAME_BYTES
        if self.loop:
            codes = self.codes.take(np.arange(self.position, end), mode="wrap")
            self.position = end % len(self.codes)
            return codes
        codes = np.full(FRAME_BYTES, self.silence, np.uint8)
        rest = self.codes[self.position : end]
        codes[: len(rest)] = rest
        self.position = end
        return codes

    def over(self) -> bool:
        return not self.loop and self.position >= len(self.codes)


class SoundPlayer:
    """The sounds of the few lanes that have one.

    Args:
        counters: Where frames are counted.
    """

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._sounds: dict[int, _Sound] = {}

    def start(self, lane: int, samples: NDArray[np.int16], law: Law, *, loop: bool) -> None:
        """Play 8 kHz samples on a lane whenever it has no model audio, in place of an earlier sound.

        Raises:
            ValueError: There are no samples.
        """
        if not samples.size:
            raise ValueError("A sound without samples cannot be played: pass at least one sample.")
        self._sounds[lane] = _Sound(samples, law.encode(samples), law.silence, loop)

    def stop(self, lane: int) -> None:
        """Stop the lane's sound, if there is one."""
        self._sounds.pop(lane, None)

    def recode(self, lane: int, law: Law) -> None:
        """Encode the lane's sound anew, at a change of codec."""
        if sound := self._sounds.get(lane):
            sound.codes, sound.silence = law.encode(sound.samples), law.silence

    def take(
        self,
        rows: NDArray[np.intp],
        talking: NDArray[np.bool_],
        out: NDArray[np.uint8],
        events: list[MediaEvent],
    ) -> None:
        """Write the next frame of the lanes that have a sound and no model audio.

        Args:
            rows: The lanes of the phase (k,).
            talking: Which of them carry model audio (k,).
            out: Their frames (k, 160).
            events: Sounds that ended are appended.
        """
        if not self._sounds:
            return
        for index in np.flatnonzero(~talking).tolist():
            lane = int(rows[index])
            sound = self._sounds.get(lane)
            if sound is None:
                continue
            out[index] = sound.frame()
            self._counters.add(lane, Cause.FRAMES_SOUND)
            if sound.over():
                del self._sounds[lane]
                events.append(SoundFinished(lane))
