"""Packets of any size on a lane whose jitter ring has one octet per tick of 8 kHz.

The ring keeps order and time, and for G.711 and G.722 its octets are the sound. A packet of Opus has no octet
per tick. So it is held here, and what goes through the ring in its place is its number, once for each tick
that it lasts: loss, reordering, pauses and packets of every length are then what they are for other codecs.
When the numbers leave the ring, in order, the packets are decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.packets import LOST, THERE
from talkpath.codecs.opus import CLOCK_RATE, CONCEALMENT_STEP, SAMPLE_RATE, OpusDecoder, duration
from talkpath.codecs.rtp import timestamp_distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.codecs.types import Codes, Rows, Samples

__all__ = ["TICKS", "PacketStream", "RingClock"]

TICKS: Final = CLOCK_RATE // 8_000
"""Ticks of the RTP clock in one octet of the ring."""

_SAMPLES: Final = SAMPLE_RATE // 8_000  # in one octet
_NUMBERS: Final = 255  # 0 is no packet
_CYCLE: Final = 1 << 32


@dataclass(slots=True, eq=False)
class _Packet:
    payload: bytes
    timestamp: int
    """Of its first octet in the ring."""
    samples: Samples | None = None
    """What of it has not been given away yet; None: it is not decoded."""


class PacketStream:
    """The packets of one lane, and their decoder. At most 255 are held; the oldest give way.

    Raises:
        MissingLibraryError: There is no libopus.
    """

    def __init__(self) -> None:
        self._decoder = OpusDecoder()
        self._held: dict[int, _Packet] = {}
        self._last = 0
        self._position = 0  # timestamp of the octet that leaves next
        self._conceals = False

    def hold(self, payload: bytes, timestamp: int) -> tuple[int, int]:
        """Keep a packet until its time has come.

        Args:
            payload: Its payload.
            timestamp: Its timestamp, in octets of the ring.

        Returns:
            Its number, and the octets that it takes of the ring: 20 to 960, or 0 if it cannot be decoded.
        """
        ticks = duration(payload)
        if ticks is None:
            return 0, 0
        self._last = self._last % _NUMBERS + 1
        self._held[self._last] = _Packet(payload, timestamp)
        return self._last, ticks // TICKS

    def decode(self, payload: bytes) -> Samples:
        """Decode what these octets of the ring stand for: two samples each."""
        first = payload[0]
        if payload.count(first) == len(payload):
            return self._run(first, len(payload))
        return np.concatenate([self._run(number, len(list(run))) for number, run in groupby(payload)])

    def mend(self, octets: Codes, holes: Codes) -> Samples:
        """The same of a frame (n,) with holes, `THERE`, `LOST` or `PAUSE` (n,): they are filled."""
        parts, place = [], 0
        for kind, run in groupby(holes.tolist()):
            count = len(list(run))
            if kind == THERE:
                parts.append(self.decode(octets[place : place + count].tobytes()))
            else:
                parts.append(self._lost(count) if kind == LOST else self._silent(count))
                self._position += count
            place += count
        return np.concatenate(parts)

    def _run(self, number: int, octets: int) -> Samples:
        """The next octets of one packet."""
        self._conceals = False
        packet = self._held.get(number)
        if packet is None:
            return np.zeros(_SAMPLES * octets, np.int16)
        if packet.samples is None:
            packet.samples = self._decoder.decode(packet.payload)
            self._position = packet.timestamp
        self._position += octets
        samples, packet.samples = np.split(packet.samples, [_SAMPLES * octets])
        if not packet.samples.size:
            del self._held[number]
        return _as_long(samples, octets)  # packets that overlap, or are damaged within

    def _lost(self, octets: int) -> Samples:
        """What stands in for a loss: its copy in the packet after it, else what the decoder makes up."""
        self._conceals = True
        after = (self._position + octets) % _CYCLE
        follower = next((each for each in self._held.values() if each.timestamp == after), None)
        wanted = -(-_SAMPLES * octets // CONCEALMENT_STEP) * CONCEALMENT_STEP
        if follower is None or follower.samples is not None:
            return _as_long(self._decoder.conceal(wanted), octets)
        return _as_long(self._decoder.recover(follower.payload, wanted), octets)

    def _silent(self, octets: int) -> Samples:
        """A pause; what was made up before it fades into it."""
        if not self._conceals:
            return np.zeros(_SAMPLES * octets, np.int16)
        samples = self._lost(octets)
        self._conceals = False
        return (samples * np.linspace(1.0, 0.0, len(samples))).astype(np.int16)


def _as_long(samples: Samples, octets: int) -> Samples:
    """Cut samples to the length of so many octets, or add silence."""
    wanted = _SAMPLES * octets
    if len(samples) >= wanted:
        return samples[:wanted]
    return np.pad(samples, (0, wanted - len(samples)))


class RingClock:
    """Counts the timestamps of lanes with a faster RTP clock in octets of the ring.

    Args:
        lanes: Number of lanes.

    Attributes:
        fast: Which lanes those are (lanes,).
        any_fast: Whether one of them is.
    """

    def __init__(self, lanes: int) -> None:
        self.fast = np.zeros(lanes, np.bool_)
        self.any_fast = False
        self._newest = np.zeros(lanes, np.uint32)
        self._counted = np.zeros(lanes, np.int64)  # ticks; runs on where the timestamp wraps

    def configure(self, lane: int, *, fast: bool) -> None:
        """Set whether a lane's clock is one of 48 kHz."""
        self.fast[lane] = fast
        self.any_fast = bool(self.fast.any())

    def in_octets(self, rows: Rows, timestamp: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Translate one timestamp of each of some lanes (k,); those of slower clocks stay as they are."""
        fast = self.fast[rows]
        chosen = rows[fast]
        self._counted[chosen] += timestamp_distance(timestamp[fast], self._newest[chosen])
        self._newest[chosen] = timestamp[fast]
        translated = timestamp.copy()
        translated[fast] = self._counted[chosen] // TICKS % _CYCLE
        return translated
