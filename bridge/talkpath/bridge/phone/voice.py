"""Between the frames of a peer connection and the RTP of a lane. No I/O.

Both sides of the lane are G.722: of what a lane carries it is the codec with the widest band, 16,000 samples
a second. Between phone process and worker there is a loopback interface, which loses nothing; what the way
from the browser has lost is passed on as a gap, so that the lane conceals and counts it as ever.
"""

from __future__ import annotations

import secrets
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np
from av import AudioFrame, AudioResampler

from talkpath.codecs import rtp
from talkpath.codecs.g722 import SAMPLE_RATE, G722Decoder, G722Encoder

if TYPE_CHECKING:
    from collections.abc import Iterator

PAYLOAD_TYPE: Final = 9
"""G.722 (RFC 3551, table 4)."""
FRAME_OCTETS: Final = 160
"""20 ms; and as many ticks of the RTP clock (RFC 3551, section 4.5.2)."""
FRAME_SAMPLES: Final = 320
MAX_GAP: Final = 150
"""Frames, 3 s: a longer gap is no loss but a stream that begins anew."""

_TIME_BASE: Final = Fraction(1, SAMPLE_RATE)


class ToLane:
    """What the browser says, from decoded frames to RTP.

    Attributes:
        packets: How many were made.
        lost: Frames that never came from the browser.
    """

    def __init__(self) -> None:
        self.packets = self.lost = 0
        self._encoder = G722Encoder()
        self._resampler = AudioResampler("s16", "mono", SAMPLE_RATE, frame_size=FRAME_SAMPLES)
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(16)
        self._timestamp = secrets.randbits(32)
        self._next_pts: int | None = None
        self._marker = True

    def packets_of(self, frame: AudioFrame) -> Iterator[bytes]:
        """Encode a frame, of any rate and number of channels; packets of 20 ms come as they are full."""
        self._note_gap(frame)
        frame.pts = None  # the resampler would fill gaps with silence
        for piece in self._resampler.resample(frame):
            yield self._packet(np.ascontiguousarray(piece.to_ndarray()[0], np.int16))

    def _note_gap(self, frame: AudioFrame) -> None:
        pts, expected = frame.pts, self._next_pts
        if pts is None:
            return
        self._next_pts = pts + frame.samples
        if expected is None or frame.samples <= 0:
            return
        missing = (pts - expected) // frame.samples
        if 0 < missing <= MAX_GAP:
            frames = missing * frame.samples * SAMPLE_RATE // (frame.sample_rate * FRAME_SAMPLES)
            self.lost += frames
            self._sequence += frames
            self._timestamp += frames * FRAME_OCTETS

    def _packet(self, samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> bytes:
        payload = np.frombuffer(self._encoder.encode(samples), np.uint8)[None, :]
        numbers = self._sequence & 0xFFFF, self._timestamp & 0xFFFFFFFF
        packet = rtp.build(payload, PAYLOAD_TYPE, *numbers, self._ssrc, self._marker)
        self._marker = False
        self.packets += 1
        self._sequence += 1
        self._timestamp += FRAME_OCTETS
        return packet.tobytes()


class FromLane:
    """What the caller is to hear, from RTP to frames.

    Attributes:
        packets: How many became frames.
        rejected: Datagrams that are not RTP with G.722; RTCP is none of them.
    """

    def __init__(self) -> None:
        self.packets = self.rejected = 0
        self._decoder = G722Decoder()
        self._position = 0

    def frame_of(self, datagram: bytes) -> AudioFrame | None:
        """Decode a packet; None: it is none that carries a voice."""
        parsed = rtp.parse(np.frombuffer(datagram, np.uint8)[None, :], np.array([len(datagram)], np.intp))
        if parsed.reject[0] == rtp.RejectCause.RTCP:
            return None
        if parsed.reject[0] or parsed.payload_type[0] != PAYLOAD_TYPE or not parsed.payload_length[0]:
            self.rejected += 1
            return None
        start = int(parsed.payload_offset[0])
        samples = self._decoder.decode(datagram[start : start + int(parsed.payload_length[0])])
        frame = AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE, _TIME_BASE, self._position
        self._position += len(samples)
        self.packets += 1
        return frame
