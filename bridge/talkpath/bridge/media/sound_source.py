"""A sound in the form that its lane sends, frame by frame, with fades where it is cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from talkpath.bridge.media.g711_law import LAWS
from talkpath.bridge.media.lane import FRAME_BYTES
from talkpath.bridge.media.wideband import widened
from talkpath.codecs.limiter import fade_in, fade_out

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import PhoneCodec

    Samples = NDArray[np.int16]
    Units = NDArray[np.uint8] | Samples

__all__ = ["Sound", "linear", "mixed", "units_of"]


@dataclass(slots=True, eq=False)
class Sound:
    """A sound for one lane. A *unit* is a code of a law, or a sample at 16 kHz of a wide-band codec.

    Attributes:
        samples: int16 at 8 kHz (n,), n > 0.
        codec: What the lane speaks.
        loop: Whether it begins anew at its end.
        position: How far it has been played, in samples.
    """

    samples: Samples
    codec: PhoneCodec
    loop: bool
    position: int = 0
    _units: Units | None = None  # made when they are needed: most sounds for slow tools are never heard

    def __post_init__(self) -> None:
        """Refuse what has no end because it has no beginning.

        Raises:
            ValueError: There are no samples.
        """
        if not self.samples.size:
            raise ValueError("A sound without samples cannot be played: pass at least one sample.")

    @property
    def over(self) -> bool:
        """Whether it was played to its end."""
        return not self.loop and self.position >= len(self.samples)

    def encode(self, codec: PhoneCodec) -> None:
        """Go on in this codec."""
        self.codec = codec
        self._units = None

    def frame(self) -> Units:
        """The next 20 ms; a sound that ends is completed with silence."""
        units = self._ahead()
        self.position += FRAME_BYTES
        if self.loop:
            self.position %= len(self.samples)
        return units

    def rising(self) -> Samples:
        """The next 20 ms as samples that rise from silence, if the sound was cut before."""
        cut = self.position > 0
        samples = linear(self.frame(), self.codec)
        return fade_in(samples, len(samples)) if cut else samples

    def falling(self) -> Samples:
        """What would come next as samples that fall to silence; the sound stays where it is."""
        samples = linear(self._ahead(), self.codec)
        return fade_out(samples, len(samples))

    def _ahead(self) -> Units:
        if self._units is None:
            self._units = (
                LAWS[self.codec].encode(self.samples) if self.codec in LAWS else widened(self.samples)
            )
        scale = len(self._units) // len(self.samples)
        start, end = self.position * scale, (self.position + FRAME_BYTES) * scale
        if self.loop:
            return self._units.take(np.arange(start, end), mode="wrap")
        silence = LAWS[self.codec].silence if self.codec in LAWS else 0
        units = np.full(end - start, silence, self._units.dtype)
        rest = self._units[start:end]
        units[: len(rest)] = rest
        return units


def linear(units: Units, codec: PhoneCodec) -> Samples:
    """Units of a codec as samples at the rate of its lane."""
    return LAWS[codec].decode(units.view(np.uint8)) if codec in LAWS else units.view(np.int16)


def units_of(samples: Samples, codec: PhoneCodec) -> Units:
    """The other way round."""
    return LAWS[codec].encode(samples) if codec in LAWS else samples


def mixed(parts: list[Samples]) -> Samples:
    """The sum of some frames, as loud as samples can be at most."""
    total = np.sum(np.stack(parts), axis=0, dtype=np.int32)
    return total.clip(-32_768, 32_767).astype(np.int16)
