"""Wide-band codecs, which remember what they have heard: a decoder and an encoder of its own for every lane.

G.711 is a table, so that all lanes are one array operation. A wide-band codec adapts from sample to sample,
so that its lanes are walked one by one; everything around it (concealment, resampling) still takes all lanes
at once. Whatever the codec, it speaks 16 kHz here, and a frame is 20 ms.

A new codec is an entry of `FAMILIES` with a decoder and an encoder. One whose octets are no ticks of an 8 kHz
clock has a `packet_stream.PacketStream` for a decoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from talkpath.bridge.media.lane import FRAME_BYTES
from talkpath.bridge.media.packet_stream import PacketStream
from talkpath.bridge.media.packets import LOST, THERE
from talkpath.codecs import g722
from talkpath.codecs.concealment import ConcealmentBank
from talkpath.codecs.opus import OpusEncoder, OpusWishes
from talkpath.codecs.resample import Resampler

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import PhoneCodec
    from talkpath.codecs.types import Codes, Rows, Samples

__all__ = ["FAMILIES", "WIDE_FRAME", "WIDE_RATE", "WidebandDecoder", "WidebandEncoder", "widened"]

WIDE_RATE: Final = 16_000
"""Samples per second of every wide-band lane."""
WIDE_FRAME: Final = WIDE_RATE // 50
"""Samples in 20 ms."""

_DECAY_OCTETS: Final = (10, 20)
"""Octets of silence that a decoder is given for a frame that is lost, and for one of a pause.

None, and after a burst it comes back with the loudness of long ago: a bang. All 160, and it must learn the
voice anew. Measured over losses of 20 to 400 ms of speech: as near to the truth as with none, and peaks 3 to
12 dB lower."""

_SEAM: Final = 64
"""Samples at 8 kHz around a sound that its resampling needs: twice the length of the filter."""
_DELAY: Final = 32
"""Samples at 16 kHz by which the filter delays."""


class Decoder(Protocol):
    """One direction of one call, from the wire."""

    def decode(self, payload: bytes) -> Samples:
        """Decode the next octets, whatever they are: int16 at 16 kHz."""


class Encoder(Protocol):
    """One direction of one call, to the wire."""

    def encode(self, samples: Samples) -> bytes:
        """Encode the next int16 samples at 16 kHz."""


@dataclass(frozen=True, slots=True)
class CodecFamily:
    """One wide-band codec.

    Attributes:
        decoder: Makes a decoder at the beginning of its state.
        encoder: Makes an encoder at the beginning of its state, from what the far end wants (``a=fmtp``).
        silence: The octet of the jitter ring that is the least sound.
    """

    decoder: Callable[[], Decoder | PacketStream]
    encoder: Callable[[str], Encoder]
    silence: int


FAMILIES: Final[dict[PhoneCodec, CodecFamily]] = {
    "G722": CodecFamily(g722.G722Decoder, lambda _: g722.G722Encoder(), 0xFF),
    "OPUS": CodecFamily(PacketStream, lambda parameters: OpusEncoder(OpusWishes.of(parameters)), 0),
}
"""The wide-band codecs by name."""


class WidebandDecoder:
    """Decodes and conceals the wide-band lanes of a plane.

    Args:
        lanes: Number of lanes.

    Attributes:
        wide: Which lanes are wide-band (lanes,).
    """

    def __init__(self, lanes: int) -> None:
        self.wide = np.zeros(lanes, np.bool_)
        self._codecs: list[PhoneCodec | None] = [None] * lanes
        self._decoders: dict[int, Decoder] = {}
        self._streams: dict[int, PacketStream] = {}  # those of them that take packets, and mend by themselves
        self._silence = np.zeros(lanes, np.uint8)
        self._bank = ConcealmentBank(lanes, WIDE_RATE)

    def configure(self, lane: int, codec: PhoneCodec | None) -> bool:
        """Set the codec of a lane; `None` and G.711 need no decoder.

        Returns:
            Whether a wide-band codec begins anew or ends.
        """
        if self._codecs[lane] == codec:
            return False
        self._codecs[lane] = codec
        before = self._decoders.pop(lane, None)
        self._streams.pop(lane, None)
        family = FAMILIES.get(codec) if codec else None
        self.wide[lane] = family is not None
        if family is not None:
            self._decoders[lane] = decoder = family.decoder()
            if isinstance(decoder, PacketStream):
                self._streams[lane] = decoder
            self._silence[lane] = family.silence
            self._bank.reset(np.array([lane], np.intp))
        return bool(before or family)

    def hold(self, lane: int, payload: bytes, timestamp: int) -> tuple[int, int]:
        """Keep a packet of a lane whose octets are no sound, see `PacketStream.hold`."""
        return self._streams[lane].hold(payload, timestamp)

    def decode(self, rows: Rows, frames: Codes, holes: Codes | None = None) -> Samples:
        """Decode the next frame of each of some wide-band lanes.

        Args:
            rows: The lanes (k,), each at most once.
            frames: Octets (k, 160).
            holes: `THERE`, `LOST` or `PAUSE` of each octet (k, 160); `None`: all are there.

        Returns:
            int16 (k, 320); the silence of a pause is zeros.
        """
        if holes is None or not holes.any():
            return self._bank.good(rows, self._decoded(rows, frames))
        whole = ~holes.any(axis=1)
        samples = np.empty((len(rows), WIDE_FRAME), np.int16)
        if whole.any():
            samples[whole] = self._bank.good(rows[whole], self._decoded(rows[whole], frames[whole]))
        rest = []
        for number in np.flatnonzero(~whole).tolist():
            stream = self._streams.get(int(rows[number]))
            if stream is None:
                rest.append(number)
            else:
                samples[number] = stream.mend(frames[number], holes[number])
        if rest:
            samples[rest] = self._made_up(rows[rest], frames[rest], holes[rest])
        return samples

    def _decoded(self, rows: Rows, frames: Codes) -> Samples:
        samples = np.empty((len(rows), WIDE_FRAME), np.int16)
        block = frames.tobytes()
        for number, lane in enumerate(rows.tolist()):
            start = number * FRAME_BYTES
            samples[number] = self._decoders[lane].decode(block[start : start + FRAME_BYTES])
        return samples

    def _made_up(self, rows: Rows, frames: Codes, holes: Codes) -> Samples:
        """Frames of which something is missing, with what is there in its place."""
        samples = np.zeros((len(rows), WIDE_FRAME), np.int16)
        lost = (holes == LOST).any(axis=1)
        there = holes == THERE
        for number, lane in enumerate(rows.tolist()):
            decoder, octets = self._decoders[lane], frames[number, there[number]]
            if octets.size:
                samples[number, np.repeat(there[number], 2)] = decoder.decode(octets.tobytes())
            else:
                count = _DECAY_OCTETS[0] if lost[number] else _DECAY_OCTETS[1]
                decoder.decode(bytes([self._silence[lane]]) * count)
        part = there.any(axis=1)
        if (mended := lost & part).any():
            samples[mended] = self._bank.mend(
                rows[mended], samples[mended], np.repeat(there[mended], 2, axis=1)
            )
        if (whole := lost & ~part).any():
            samples[whole] = self._bank.lost(rows[whole])
        if not lost.all():
            self._bank.reset(rows[~lost])
        return samples


class WidebandEncoder:
    """Encodes what the wide-band lanes of a plane send, whoever made it: model or sound.

    Between `put` and `encode`, the next frame of each lane stands in `samples`.

    Args:
        lanes: Number of lanes.

    Attributes:
        wide: Which lanes are wide-band (lanes,).
        any_wide: Whether one of them is.
        samples: int16 (lanes, 320).
    """

    def __init__(self, lanes: int) -> None:
        self.wide = np.zeros(lanes, np.bool_)
        self.any_wide = False
        self.samples = np.zeros((lanes, WIDE_FRAME), np.int16)
        self._codecs: list[tuple[PhoneCodec | None, str]] = [(None, "")] * lanes
        self._encoders: dict[int, Encoder] = {}

    def configure(self, lane: int, codec: PhoneCodec | None, parameters: str = "") -> bool:
        """Set the codec of a lane, and what the far end wants of it; `None` and G.711 need no encoder.

        Returns:
            Whether a wide-band codec begins anew or ends.
        """
        if self._codecs[lane] == (codec, parameters):
            return False
        self._codecs[lane] = codec, parameters
        before = self._encoders.pop(lane, None)
        family = FAMILIES.get(codec) if codec else None
        if family is not None:
            self._encoders[lane] = family.encoder(parameters)
        self.wide[lane] = family is not None
        self.any_wide = bool(self._encoders)
        return bool(before or family)

    def encode(self, rows: Rows, out: Codes) -> dict[int, int]:
        """Encode what stands in `samples` for the wide-band ones of some lanes.

        Silence is encoded like everything else: encoder and far end stay in step.

        Args:
            rows: The lanes (k,), each at most once.
            out: Where the octets go (k, 160); the rows of other lanes stay as they are.

        Returns:
            The octets of those rows that have less than 160.
        """
        short: dict[int, int] = {}
        if not self.any_wide:
            return short
        for number in np.flatnonzero(self.wide[rows]).tolist():
            lane = int(rows[number])
            encoded = self._encoders[lane].encode(self.samples[lane])
            out[number, : len(encoded)] = np.frombuffer(encoded, np.uint8)
            if len(encoded) < FRAME_BYTES:
                short[number] = len(encoded)
        return short


def widened(samples: Samples) -> NDArray[np.int16]:
    """A sound of 8 kHz (n,) at 16 kHz (2n,), made so that it can be repeated without a seam."""
    length = len(samples)
    around = np.arange(-_SEAM, length + _SEAM)
    wide = Resampler(2, 1).process(samples.take(around, mode="wrap"))
    return wide[2 * _SEAM + _DELAY : 2 * (_SEAM + length) + _DELAY]
