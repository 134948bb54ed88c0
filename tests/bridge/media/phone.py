"""A telephone on a loopback socket, and a plane with a virtual clock to talk to."""

from __future__ import annotations

import socket
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from talkpath.bridge.media.lane import TICK_SECONDS, Beat, LaneMedia, MediaEvent, ModelFormat
from talkpath.bridge.media.plane import MediaPlane
from talkpath.codecs import rtp

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def udp() -> socket.socket:
    """A non-blocking socket on a free loopback port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def packet(
    payload: bytes,
    sequence: int,
    timestamp: int,
    *,
    ssrc: int = 7,
    payload_type: int = 0,
    marker: bool = False,
) -> bytes:
    """One RTP packet."""
    codes = np.frombuffer(payload, np.uint8)[None]
    return rtp.build(codes, payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc, marker).tobytes()


def frame(number: int, size: int = 160) -> bytes:
    """Audio that can be recognised: one code per packet, never the code of silence."""
    return bytes([number % 120]) * size


class Heard:
    """The packets a telephone received."""

    def __init__(self, datagrams: list[bytes]) -> None:
        self.datagrams = datagrams
        rows = np.zeros((len(datagrams), 172), np.uint8)
        for row, datagram in zip(rows, datagrams, strict=True):
            row[: len(datagram)] = np.frombuffer(datagram, np.uint8)
        self.parsed = rtp.parse(rows, np.array([len(datagram) for datagram in datagrams], np.intp))
        self.payloads: NDArray[np.uint8] = rows[:, 12:]

    def __len__(self) -> int:
        return len(self.datagrams)

    @property
    def audio(self) -> bytes:
        """All payloads in order."""
        return self.payloads.tobytes()


class Line:
    """A plane, and one telephone per lane that was opened."""

    def __init__(self, lanes: int = 4, **options: Any) -> None:
        self.plane = MediaPlane(lanes, start=0.0, random=Random(1), **options)  # noqa: S311 - a fixed seed is the point
        self.now = 0.0
        self._ticks = 0
        self.phones: dict[int, socket.socket] = {}
        self.ports: dict[int, socket.socket] = {}
        self.uplink: dict[int, bytearray] = {}
        self.frames: list[tuple[float, int, bytes]] = []
        self.events: list[MediaEvent] = []

    def open(self, model_format: ModelFormat = "pcmu", **media: Any) -> int:
        """Open and configure a lane whose SDP names its telephone."""
        port, phone = udp(), udp()
        lane = self.plane.open_lane(port, model_format, self.now)
        self.ports[lane], self.phones[lane] = port, phone
        self.uplink[lane] = bytearray()
        self.configure(lane, **media)
        return lane

    def configure(self, lane: int, **media: Any) -> None:
        """Negotiate; what is not said is PCMU from the lane's telephone."""
        address, port = self.phones[lane].getsockname()
        facts: dict[str, Any] = {"codec": "PCMU", "payload_type": 0, "dtmf_payload_type": 101} | media
        facts = {"remote_address": address, "remote_port": port} | facts
        self.plane.configure_lane(lane, LaneMedia(**facts), self.now)

    def tick(self) -> Beat:
        """One beat at its deadline."""
        self.now = self._ticks * TICK_SECONDS
        self._ticks += 1
        return self.beat()

    def beat(self) -> Beat:
        """One beat now."""
        beat = self.plane.beat(self.now)
        for lane, audio in beat.uplink:
            self.uplink[lane] += audio
            self.frames.append((self.now, lane, audio))
        self.events += beat.events
        return beat

    def run(self, seconds: float, each: Callable[[int], None] | None = None) -> None:
        """Beat for some time; `each` is called with the number of every 20 ms slot before it."""
        for number in range(round(seconds / TICK_SECONDS)):
            if each and number % 4 == 0:
                each(number // 4)
            self.tick()

    def stall(self, seconds: float) -> None:
        """Let time pass without a beat."""
        self._ticks += round(seconds / TICK_SECONDS)

    def say(self, lane: int, datagram: bytes, phone: socket.socket | None = None) -> None:
        """Send a datagram from the lane's telephone, or another one, to the lane."""
        (phone or self.phones[lane]).sendto(datagram, self.ports[lane].getsockname())

    def hear(self, lane: int, phone: socket.socket | None = None) -> Heard:
        """Everything that reached the lane's telephone, or another one, since the last time."""
        return Heard(drain(phone or self.phones[lane]))

    def count(self, lane: int, cause: str) -> int:
        """One of the lane's counters."""
        return self.plane.counters.of(lane).get(cause, 0)

    def happened(self, kind: type) -> list[Any]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def close(self) -> None:
        """Close every socket."""
        self.plane.close()
        for sock in [*self.phones.values(), *self.ports.values()]:
            sock.close()


def speak(
    line: Line, lane: int, *, first: int = 0, sequence: int = 0, timestamp: int = 0
) -> Callable[[int], None]:
    """Packets of 20 ms in perfect order, for `Line.run`."""

    def each(slot: int) -> None:
        number = first + slot
        line.say(lane, packet(frame(number), sequence + number, timestamp + 160 * number))

    return each


def drain(sock: socket.socket) -> list[bytes]:
    """Read a socket empty."""
    datagrams = []
    while True:
        try:
            datagrams.append(sock.recv(4096))
        except BlockingIOError:
            return datagrams
