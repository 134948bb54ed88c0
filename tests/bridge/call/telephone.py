"""A telephone in virtual time: RTP of PCMU over a loopback socket."""

from __future__ import annotations

import collections
import functools
import socket
import struct

import numpy as np

from talkpath.bridge.simulator.audio import FORMATS, tone
from talkpath.codecs.telephone_event import DigitDetector

SILENCE = 0xFF
EVENT_TYPE = 101


class Telephone:
    """The caller's RTP: silence or a whistle every 20 ms; notes what it hears."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.target: tuple[str, int] | None = None
        self.hertz = 0.0
        self.says: collections.deque[bytes] = collections.deque()
        """Frames that are sent before anything else."""
        self.gone = False
        """Nothing is sent any more, as when its network is lost."""
        self.heard: list[tuple[float, bytes]] = []
        self.events: list[tuple[float, bytes]] = []
        """RFC 4733 packets, whole."""
        self._number = 0

    def beat(self, now: float) -> None:
        """Send one frame and read what came."""
        if self.target is not None and not self.gone:
            self.sock.sendto(self._packet(), self.target)
        while True:
            try:
                packet = self.sock.recv(2048)
                if packet[1] & 0x7F == EVENT_TYPE:
                    self.events.append((now, packet))
                else:
                    self.heard.append((now, packet[12:]))
            except BlockingIOError:
                return

    def loud_after(self, since: float) -> int:
        """Frames with sound that came after a moment."""
        return sum(1 for at, codes in self.heard if at >= since and set(codes) - {SILENCE, 0x7F})

    def keys(self) -> str:
        """The keys that it heard, each once."""
        detector = DigitDetector()
        heard = [
            digit.digit
            for at, packet in self.events
            for digit in detector.feed(packet[12:], int.from_bytes(packet[4:8], "big"), at)
        ]
        return "".join(heard)

    def _packet(self) -> bytes:
        self._number += 1
        header = struct.pack("!BBHII", 0x80, 0, self._number & 0xFFFF, self._number * 160, 77)
        return header + (self.says.popleft() if self.says else _frame(self.hertz))


@functools.cache
def _frame(hertz: float) -> bytes:
    """20 ms of a whistle, or of silence (0), in PCMU."""
    samples = tone(hertz, 20.0) if hertz else np.zeros(480, np.int16)
    return FORMATS["audio/pcmu"].encode(samples)
