"""Sounds that fill the time without model audio: comfort sound, announcements, ringing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from talkpath.bridge.media.counters import Cause
from talkpath.bridge.media.g711_law import LAWS
from talkpath.bridge.media.lane import FRAME_BYTES, SoundFinished
from talkpath.bridge.media.wideband import WIDE_FRAME, widened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.bridge.media.counters import Counters
    from talkpath.bridge.media.lane import MediaEvent, PhoneCodec
    from talkpath.bridge.media.wideband import WidebandEncoder

__all__ = ["SoundPlayer"]


@dataclass(slots=True, eq=False)
class _Sound:
    """A sound in the form that its lane sends: codes of a law, or samples at 16 kHz of a wide-band codec."""

    samples: NDArray[np.int16]
    codec: PhoneCodec
    loop: bool
    position: int = 0  # in samples at 8 kHz
    units: NDArray[np.uint8] | NDArray[np.int16] = field(init=False)
    silence: int = field(init=False)
    scale: int = field(init=False)  # units of a sample at 8 kHz

    def __post_init__(self) -> None:
        self.encode(self.codec)

    def encode(self, codec: PhoneCodec) -> None:
        """Go on in this codec."""
        self.codec = codec
        if codec in LAWS:
            law = LAWS[codec]
            self.units, self.silence, self.scale = law.encode(self.samples), law.silence, 1
        else:
            self.units, self.silence, self.scale = widened(self.samples), 0, WIDE_FRAME // FRAME_BYTES

    def frame(self) -> NDArray[np.uint8] | NDArray[np.int16]:
        """The next 20 ms; a sound that ends is completed with silence."""
        start, end = self.position * self.scale, (self.position + FRAME_BYTES) * self.scale
        self.position += FRAME_BYTES
        if self.loop:
            self.position %= len(self.samples)
            return self.units.take(np.arange(start, end), mode="wrap")
        units = np.full(end - start, self.silence, self.units.dtype)
        rest = self.units[start:end]
        units[: len(rest)] = rest
        return units

    def over(self) -> bool:
        return not self.loop and self.position >= len(self.samples)


class SoundPlayer:
    """The sounds of the few lanes that have one.

    Args:
        counters: Where frames are counted.
        wideband: Takes the samples of wide-band lanes.
    """

    def __init__(self, counters: Counters, wideband: WidebandEncoder) -> None:
        self._counters = counters
        self._wideband = wideband
        self._sounds: dict[int, _Sound] = {}

    def start(self, lane: int, samples: NDArray[np.int16], codec: PhoneCodec, *, loop: bool) -> None:
        """Play 8 kHz samples on a lane whenever it has no model audio, in place of an earlier sound.

        Raises:
            ValueError: There are no samples.
        """
        if not samples.size:
            raise ValueError("A sound without samples cannot be played: pass at least one sample.")
        self._sounds[lane] = _Sound(samples, codec, loop)

    def stop(self, lane: int) -> None:
        """Stop the lane's sound, if there is one."""
        self._sounds.pop(lane, None)

    def change_codec(self, lane: int, codec: PhoneCodec) -> None:
        """Encode the lane's sound anew; it goes on where it was."""
        if sound := self._sounds.get(lane):
            sound.encode(codec)

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
            out: Their frames (k, 160); those of wide-band lanes go to their encoder.
            events: Sounds that ended are appended.
        """
        if not self._sounds:
            return
        for index in np.flatnonzero(~talking).tolist():
            lane = int(rows[index])
            sound = self._sounds.get(lane)
            if sound is None:
                continue
            if sound.codec in LAWS:
                out[index] = sound.frame()
            else:
                self._wideband.samples[lane] = sound.frame()
            self._counters.add(lane, Cause.FRAMES_SOUND)
            if sound.over():
                del self._sounds[lane]
                events.append(SoundFinished(lane))
