"""Eight hours of calls through the media plane, in its own time: 64 of seven and a half minutes.

Sequence numbers and timestamps begin shortly before their ends, in both directions; some callers' clocks run
fast or slow; some calls end and others begin. The machine has been up for 115 days.
"""

from __future__ import annotations

import gc
import socket
import struct
import sys
from random import Random

import pytest

from talkpath.bridge.media.lane import FRAME_BYTES, TICK_SECONDS, LaneMedia
from talkpath.bridge.media.plane import MediaPlane
from talkpath.codecs import rtp

LANES, SECONDS = 64, 450
UP_SINCE = 1e7
DRIFT = (0.0, 100e-6, -100e-6)
"""Of the callers' clocks, in turn. 100 ppm is a poor crystal; in that time it makes 45 ms."""
BRIEF_LANES = 4
"""Of the lanes, those whose calls last ten seconds."""
BRIEF_SECONDS = 10
_HEAD = struct.Struct(">BBHII")


class NearTheEnd(Random):
    """First numbers shortly before they wrap, each a little nearer."""

    def __init__(self) -> None:
        super().__init__(1)
        self._asked = 0

    def getrandbits(self, k: int, /) -> int:
        self._asked += 1
        bits = 16 if k == 15 else k  # sequence numbers are begun in their lower half
        return (1 << bits) - 1 - 500 * (self._asked % 30 + 1)


class Phone:
    """One telephone: it sends a frame every 20 ms of its own clock and follows what it receives."""

    def __init__(self, number: int) -> None:
        self.sock = udp()
        self.drift = 0.0 if number < BRIEF_LANES else DRIFT[number % len(DRIFT)]
        self.number = number
        self.appended = 0
        self.begin(0.0, ("", 0))

    def begin(self, now: float, peer: tuple[str, int]) -> None:
        """A new call."""
        self.began, self.peer = now, peer
        self.sent = self.heard = self.broken = self.wraps = 0
        self.appended = self.foreign = 0
        self._first = (65_536 - 300 * (self.number + 1), 2**32 - 90_000 * (self.number + 1))
        self._packet = bytearray(rtp.HEADER_LENGTH) + bytes([self.number + 1]) * FRAME_BYTES
        self._last = (-1, -1)

    def say(self, now: float) -> None:
        """Send what is due."""
        due = (now - self.began) * (1 + self.drift) / 0.020
        while self.sent <= due:
            sequence, timestamp = self._first
            _HEAD.pack_into(
                self._packet,
                0,
                0x80,
                0,
                (sequence + self.sent) & 0xFFFF,
                (timestamp + self.sent * FRAME_BYTES) & 0xFFFF_FFFF,
                self.number,
            )
            self.sock.sendto(self._packet, self.peer)
            self.sent += 1

    def hear(self) -> None:
        """Follow the numbers of what came."""
        while True:
            try:
                packet = self.sock.recv(256)
            except BlockingIOError:
                return
            _, _, sequence, timestamp, _ = _HEAD.unpack_from(packet)
            before, then = self._last
            if self.heard:
                self.broken += (before + 1) & 0xFFFF != sequence
                self.broken += (then + FRAME_BYTES) & 0xFFFF_FFFF != timestamp
                self.wraps += (sequence < before) + (timestamp < then)
            self._last = (sequence, timestamp)
            self.heard += 1


class Exchange:
    """The plane and all telephones, in the plane's time."""

    def __init__(self) -> None:
        self.plane = MediaPlane(LANES, start=UP_SINCE, random=NearTheEnd())
        self.now = UP_SINCE
        self.tick = 0
        self.phones: dict[int, Phone] = {}
        self.sockets: dict[int, socket.socket] = {}
        self.phases: list[list[Phone]] = [[], [], [], []]

    def open(self, phone: Phone) -> int:
        """Begin a call of a telephone."""
        sock = udp()
        lane = self.plane.open_lane(sock, "pcmu", self.now)
        address, port = phone.sock.getsockname()
        media = LaneMedia(codec="PCMU", payload_type=0, remote_address=address, remote_port=port)
        self.plane.configure_lane(lane, media, self.now)
        phone.begin(self.now, sock.getsockname())
        self.phones[lane], self.sockets[lane] = phone, sock
        self.phases[lane % 4].append(phone)
        return lane

    def close(self, lane: int) -> Phone:
        """End a call; its telephone has heard all there was."""
        phone = self.phones.pop(lane)
        phone.hear()
        figures = self.plane.close_lane(lane)
        assert figures.packets_lost == 0
        assert figures.counters["packets_sent"] == phone.heard
        self.sockets.pop(lane).close()
        self.phases[lane % 4].remove(phone)
        return phone

    def beat(self) -> None:
        """5 ms."""
        self.now = UP_SINCE + self.tick * TICK_SECONDS
        phones = self.phases[self.tick % 4]
        for phone in phones:
            phone.say(self.now)
        for lane, audio in self.plane.beat(self.now).uplink:
            own = self.phones[lane]
            own.appended += len(audio)
            own.foreign += audio[0] not in (own.number + 1, 0xFF)
        for phone in phones:
            phone.hear()
        self.tick += 1

    def second(self, number: int) -> None:
        """200 beats; the agent says a second of something to everybody, and brief calls change."""
        if number and number % BRIEF_SECONDS == 0:
            for lane in [lane for lane, phone in self.phones.items() if phone.number < BRIEF_LANES]:
                self.open(self.close(lane))
        for lane in self.phones:
            self.plane.play(lane, f"item-{number // 60}", bytes([0x90]) * 8000, self.now)
        for _ in range(200):
            self.beat()


def udp() -> socket.socket:
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def blocks() -> int:
    """Objects and buffers that Python holds."""
    gc.collect()
    return sys.getallocatedblocks()


@pytest.mark.soak
def test_eight_hours_of_calls_neither_drift_nor_grow_nor_stumble_over_wraps() -> None:
    exchange = Exchange()
    for number in range(LANES):
        exchange.open(Phone(number))
    for number in range(60):
        exchange.second(number)
    early = blocks()
    for number in range(60, SECONDS):
        exchange.second(number)
    late = blocks()
    totals = exchange.plane.counters.totals()

    assert late - early < 500, "memory grows"
    long_calls = [phone for phone in exchange.phones.values() if phone.number >= BRIEF_LANES]
    assert sum(phone.broken for phone in exchange.phones.values()) == 0
    assert all(phone.wraps == 2 for phone in long_calls), "every stream of ours wraps both numbers"
    assert all(phone.heard == SECONDS * 50 for phone in long_calls)
    for phone in long_calls:
        stream = phone.appended - phone.sent * FRAME_BYTES
        assert abs(stream) <= FRAME_BYTES * 4, f"drift {phone.drift}: {stream / 8} ms beside the caller"
        assert phone.foreign == 0
    for cause in ("late", "duplicate", "reordered", "resynchronised", "overrun", "frames_lost_filled"):
        assert totals[cause] == 0, cause
    for cause in ("frames_starved", "frames_skipped", "send_blocked", "overflow_bytes", "wrong_source"):
        assert totals[cause] == 0, cause
    for lane in list(exchange.phones):
        exchange.close(lane).sock.close()
    assert len(exchange.plane) == 0
    exchange.plane.close()
