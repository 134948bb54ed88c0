"""What the callers of the benchmark do to speak G.722: marks in the narrow band go out and come in wide.

A codec of its own for each direction of each call, as telephones have; the work is the generator's. G.722 was
made for voices, not for stairs: about one mark of 200 is not read, and counts as lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.benchmark import marks
from talkpath.codecs.g711 import linear_to_ulaw, ulaw_to_linear
from talkpath.codecs.g722 import G722Decoder, G722Encoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAYLOAD_TYPE: Final = 9
DELAY_SAMPLES: Final = 46
"""At 8 kHz, caller to caller: twice 11 of G.722, twice 8 of the resamplers between 16 and 24 kHz, and a
little later, because an adaptive codec needs a moment for each stair."""
PLACES: Final = marks.places(0) + DELAY_SAMPLES
"""Where to look for marks that come back (4,)."""


class WideWire:
    """The codecs of all callers."""

    def __init__(self) -> None:
        self._encoders: dict[int, G722Encoder] = {}
        self._decoders: dict[int, G722Decoder] = {}

    def encode(self, calls: NDArray[np.intp], codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The next frame of some calls (k,): from µ-law (k, 160) to octets (k, 160)."""
        samples = np.repeat(ulaw_to_linear(codes), 2, axis=1)
        octets = np.empty_like(codes)
        for row, call in enumerate(calls.tolist()):
            if call not in self._encoders:
                self._encoders[call] = G722Encoder()
            octets[row] = np.frombuffer(self._encoders[call].encode(samples[row]), np.uint8)
        return octets

    def decode(self, calls: NDArray[np.int64], octets: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The next frame of some calls (k,): from octets (k, 160) to µ-law (k, 160)."""
        samples = np.empty(octets.shape, np.int16)
        for row, call in enumerate(calls.tolist()):
            if call not in self._decoders:
                self._decoders[call] = G722Decoder()
            samples[row] = self._decoders[call].decode(octets[row].tobytes())[::2]
        return linear_to_ulaw(samples)
