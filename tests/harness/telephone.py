"""A telephone in any network namespace: it calls, is silent or says a tone, and keeps what it hears."""

from __future__ import annotations

import select
import socket
import threading
import time
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from talkpath.bridge.benchmark.uac import Call, CallState
from talkpath.codecs import g711, rtp
from tests.harness.dialler import Dialler, Offer
from tests.harness.peers import wait_until

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FRAME_S: Final = 0.020
_FRAME: Final = 160
_BEAT_S: Final = 0.005
_SSRC: Final = 0x7A1C


def udp(address: str, port: int = 0) -> socket.socket:
    """A non-blocking UDP socket in the present network namespace."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, port))
    sock.setblocking(False)
    return sock


def tone_packets(hertz: float, count: int, *, ssrc: int) -> list[bytes]:
    """RTP packets of 20 ms PCMU with a tone; its period must divide a second's samples."""
    time_axis = np.arange(count * _FRAME) / 8000
    samples = (8000 * np.sin(2 * np.pi * hertz * time_axis)).astype(np.int16)
    codes = g711.linear_to_ulaw(samples).reshape(count, _FRAME)
    number = np.arange(count)
    packets = rtp.build(codes, 0, number & 0xFFFF, number * _FRAME, ssrc, number == 0)
    return [packet.tobytes() for packet in packets]


class Telephone:
    """One call; use it with `with`, which ends it.

    Args:
        peer: SIP address to call.
        address: Our own address, as it stands in SIP and SDP.
        hertz: Of the tone that it can say.

    Attributes:
        call: The call and its state.
        speaks: Whether it says the tone; else its packets are silence. To be set while the call goes on.
        sent: Packets so far.
        received: Packets so far, with the monotonic time.

    The sockets are made in the network namespace of the caller of the constructor.
    """

    def __init__(self, peer: tuple[str, int], address: str, *, hertz: float = 1000.0) -> None:
        self._sip, self._rtp = udp(address), udp(address)
        self._peer = peer
        self._dialler = Dialler(peer, (address, self._sip.getsockname()[1]))
        self._tone = tone_packets(hertz, 3000, ssrc=_SSRC)
        self._silence = tone_packets(0, 3000, ssrc=_SSRC)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telephone")
        self._hangs_up = False
        self.call: Call
        self.speaks = False
        self.sent = 0
        self.received: list[tuple[float, bytes]] = []

    def __enter__(self) -> Self:
        port = int(self._rtp.getsockname()[1])
        self.call, invite = self._dialler.call(port, time.monotonic(), Offer())
        self._sip.sendto(invite, self._peer)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._hangs_up = True
        self._over.wait(3.0)
        self._over.set()
        self._thread.join()
        self._sip.close()
        self._rtp.close()

    @property
    def answer(self) -> str:
        """The SDP of the 200."""
        return self._dialler.answers.get(self.call.call_id, "")

    def wait_for_answer(self) -> None:
        """Return when the call is up."""
        wait_until(lambda: self.call.state is CallState.TALKING, "an answer to the call")

    def wait_for_end(self) -> None:
        """Return when the other side has hung up."""
        wait_until(lambda: self.call.state is CallState.ENDED, "the end of the call")

    def heard(self) -> NDArray[np.int16]:
        """What came, decoded as PCMU, in the order of arrival."""
        codes = b"".join(packet[rtp.HEADER_LENGTH :] for _, packet in self.received)
        return g711.ulaw_to_linear(np.frombuffer(codes, np.uint8))

    def _run(self) -> None:
        due = 0.0
        while not self._over.is_set():
            select.select([self._sip, self._rtp], [], [], _BEAT_S)
            now = time.monotonic()
            self._listen(now)
            for datagram in self._dialler.due(now):
                self._sip.sendto(datagram, self._peer)
            if self.call.state is CallState.TALKING:
                due = due or now
                while due <= now:
                    due += _FRAME_S
                    self._say()
                if self._hangs_up:
                    self._sip.sendto(self._dialler.bye(self.call, now), self._peer)
            elif self.call.state is CallState.ENDED and self._hangs_up:
                self._over.set()

    def _say(self) -> None:
        if self.call.remote[1]:
            packets = self._tone if self.speaks else self._silence
            self._rtp.sendto(packets[self.sent % len(packets)], self.call.remote)
        self.sent += 1

    def _listen(self, now: float) -> None:
        for sock in (self._sip, self._rtp):
            while True:
                try:
                    datagram = sock.recv(8192)
                except OSError:
                    break
                if sock is self._rtp:
                    self.received.append((now, datagram))
                    continue
                for answer in self._dialler.receive(datagram, now):
                    self._sip.sendto(answer, self._peer)
