"""Sounds that fill the time without model audio: comfort sound, announcements, ringing, and "still at work".

A lane has two places for a sound. The first is for what the call decides: it begins at once. The second is
for what is heard while a tool is at work: it begins when the line has been dead for a while, and ends with
the next thing that the model says. Whatever begins or ends in the middle of a sound does so by a fade.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from talkpath.bridge.media.counters import Cause
from talkpath.bridge.media.g711_law import LAWS
from talkpath.bridge.media.lane import SoundFinished
from talkpath.bridge.media.sound_source import Sound, linear, mixed, units_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from talkpath.bridge.media.counters import Counters
    from talkpath.bridge.media.lane import MediaEvent, PhoneCodec
    from talkpath.bridge.media.wideband import WidebandEncoder

    Samples = NDArray[np.int16]

__all__ = ["LINGER_FRAMES", "SoundPlayer"]

LINGER_FRAMES: Final = 250
"""How long a sound goes on whose tool has come to its end, if the model says nothing: 5 s."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """A sound for the time in which a tool is at work."""

    sound: Sound
    after: int  # frames of dead air
    quiet: int = 0
    lingers: int | None = None  # frames that are left, once the tool has ended

    def heard(self, *, talking: bool) -> bool:
        """Count a frame; whether the sound fills it."""
        if talking:
            self.quiet = 0
        elif self.lingers:
            self.lingers -= 1
        self.quiet += not talking
        return self.quiet > self.after

    def done(self, *, talking: bool) -> bool:
        """Whether it is not needed any more."""
        return self.lingers is not None and (talking or not self.lingers or self.quiet <= self.after)


@dataclass(slots=True, eq=False)
class _LaneSounds:
    """What one lane has to play, and what of it sounded in its last frame."""

    codec: PhoneCodec
    front: Sound | None = None
    waiting: _Waiting | None = None
    sounding: Sound | None = None

    def next(self, *, talking: bool) -> Sound | None:
        """Which sound fills the next frame."""
        waiting = self.waiting
        if waiting is not None and waiting.done(talking=talking):
            self.waiting = waiting = None
        waits = waiting is not None and waiting.heard(talking=talking or self.front is not None)
        if talking:
            return None
        return self.front or (waiting.sound if waiting is not None and waits else None)

    def encode(self, codec: PhoneCodec) -> None:
        """Go on in this codec."""
        self.codec = codec
        for sound in {self.front, self.waiting.sound if self.waiting else None, self.sounding}:
            if sound is not None:
                sound.encode(codec)

    def empty(self) -> bool:
        return self.front is None and self.waiting is None and self.sounding is None


class SoundPlayer:
    """The sounds of the few lanes that have one.

    Args:
        counters: Where frames are counted.
        wideband: Takes the samples of wide-band lanes.
    """

    def __init__(self, counters: Counters, wideband: WidebandEncoder) -> None:
        self._counters = counters
        self._wideband = wideband
        self._lanes: dict[int, _LaneSounds] = {}

    def start(self, lane: int, samples: Samples, codec: PhoneCodec, *, loop: bool) -> None:
        """Play 8 kHz samples on a lane whenever it has no model audio, in place of an earlier sound.

        Raises:
            ValueError: There are no samples.
        """
        self._of(lane, codec).front = Sound(samples, codec, loop)

    def stop(self, lane: int) -> None:
        """Let the sound that was started fade out, if there is one."""
        if sounds := self._lanes.get(lane):
            sounds.front = None

    def wait_with(self, lane: int, samples: Samples, codec: PhoneCodec, *, after: int) -> None:
        """Repeat 8 kHz samples from when a lane has had nothing to play for some frames, until `wait_over`.

        Raises:
            ValueError: There are no samples.
        """
        sounds = self._of(lane, codec)
        if sounds.waiting is None:
            sounds.waiting = _Waiting(Sound(samples, codec, loop=True), after)
        sounds.waiting.lingers = None

    def wait_over(self, lane: int) -> None:
        """End what `wait_with` began: with what the model says next, or after `LINGER_FRAMES`."""
        sounds = self._lanes.get(lane)
        if sounds is not None and sounds.waiting is not None:
            sounds.waiting.lingers = LINGER_FRAMES

    def forget(self, lane: int) -> None:
        """Play nothing more on a lane, at once."""
        self._lanes.pop(lane, None)

    def change_codec(self, lane: int, codec: PhoneCodec) -> None:
        """Encode the lane's sounds anew; they go on where they were."""
        if sounds := self._lanes.get(lane):
            sounds.encode(codec)

    def take(
        self,
        rows: NDArray[np.intp],
        talking: NDArray[np.bool_],
        out: NDArray[np.uint8],
        events: list[MediaEvent],
    ) -> NDArray[np.bool_]:
        """Write the next frame of the lanes that have a sound and no model audio.

        Args:
            rows: The lanes of the phase (k,).
            talking: Which of them carry model audio (k,).
            out: Their frames (k, 160); those of wide-band lanes go to their encoder.
            events: Sounds that ended are appended.

        Returns:
            Which rows carry model audio or a sound (k,); ``talking`` itself when no lane has a sound.
        """
        if not self._lanes:
            return talking
        carries = talking.copy()
        for index, lane in enumerate(rows.tolist()):
            if sounds := self._lanes.get(lane):
                carries[index] |= self._next(lane, sounds, out[index], events, talking=bool(talking[index]))
        return carries

    def _of(self, lane: int, codec: PhoneCodec) -> _LaneSounds:
        return self._lanes.setdefault(lane, _LaneSounds(codec))

    def _next(
        self,
        lane: int,
        sounds: _LaneSounds,
        out: NDArray[np.uint8],
        events: list[MediaEvent],
        *,
        talking: bool,
    ) -> bool:
        """Write a frame of a lane; returns whether it carries a sound."""
        before, sound = sounds.sounding, sounds.next(talking=talking)
        frame = out if sounds.codec in LAWS else self._wideband.samples[lane]
        if sound is not before:
            parts = [linear(frame, sounds.codec)] if talking else []
            parts += [sound.rising()] if sound else []
            parts += [before.falling()] if before else []
            frame[:] = units_of(mixed(parts), sounds.codec)
        elif sound is not None:
            frame[:] = sound.frame()
        sounds.sounding = sound
        if sound is not None:
            self._counters.add(lane, Cause.FRAMES_SOUND)
            if sound.over:
                sounds.front = sounds.sounding = None
                events.append(SoundFinished(lane))
        if sounds.empty():
            del self._lanes[lane]
        return sound is not None or before is not None
