"""A telephone that talks: a tone in whatever codec is agreed, and everything that comes back."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from talkpath.bridge.media.g711_law import LAWS
from talkpath.codecs import rtp
from talkpath.codecs.g722 import G722Encoder
from talkpath.sip.sdp import parse
from tests.sip.phone import status_of

if TYPE_CHECKING:
    from talkpath.bridge.media.lane import PhoneCodec
    from tests.sip.phone import Phone

PAYLOAD_TYPES: Final[dict[PhoneCodec, int]] = {"PCMU": 0, "PCMA": 8, "G722": 9}
WIDE_RATE: Final = 16_000


class Talker:
    """Speaks a tone of 600 Hz in whatever codec is agreed, 50 packets a second, and keeps what comes."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.target = ("127.0.0.1", 9)
        self.packets: list[bytes] = []
        self.late = 0.0
        """Seconds by which its latest packet was late: what it says has such gaps by itself."""
        self._codec: PhoneCodec = "PCMU"
        self._encoder = G722Encoder()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="talker")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        self.socket.close()

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def speak(self, codec: PhoneCodec, target: tuple[str, int]) -> None:
        self._encoder = G722Encoder()
        self._codec, self.target = codec, target
        if not self._thread.is_alive():
            self._thread.start()

    def heard(self) -> list[tuple[int, int, bytes]]:
        """Payload type, sequence number and payload of each packet."""
        return [(p[1] & 0x7F, int.from_bytes(p[2:4], "big"), p[12:]) for p in self.packets]

    def _run(self) -> None:
        due, number = time.monotonic(), 0
        while not self._over.wait(max(due - time.monotonic(), 0)):
            codec = self._codec
            self.late = max(self.late, time.monotonic() - due)
            rate = WIDE_RATE if codec == "G722" else 8_000
            at = (number * rate // 50 + np.arange(rate // 50)) / rate
            samples = (8_000 * np.sin(2 * np.pi * 600 * at)).astype(np.int16)
            encoded = (
                self._encoder.encode(samples) if codec == "G722" else LAWS[codec].encode(samples).tobytes()
            )
            payload = np.frombuffer(encoded, np.uint8)[None]
            packet = rtp.build(payload, PAYLOAD_TYPES[codec], number & 0xFFFF, number * 160, 7, number == 0)
            self.socket.sendto(packet.tobytes(), self.target)
            number, due = number + 1, due + 0.02
            self._drain()

    def _drain(self) -> None:
        while True:
            try:
                self.packets.append(self.socket.recv(2_048))
            except BlockingIOError:
                return


def agree(phone: Phone, talker: Talker, codec: PhoneCodec, cseq: int = 1) -> None:
    """Begin a call, or change it, to this codec alone; the talker speaks as soon as it is answered."""
    kind = PAYLOAD_TYPES[codec]
    offer = (
        f"v=0\r\no=- 1 {cseq} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {talker.port} RTP/AVP {kind}\r\na=rtpmap:{kind} {codec}/8000\r\n"
    )
    phone.send(phone.request("INVITE", offer, cseq=cseq, branch=f"{phone.branch}{cseq}"))
    answer = phone.final("INVITE")
    phone.send(phone.request("ACK", cseq=cseq, branch=f"{phone.branch}ack{cseq}"))
    assert status_of(answer) == 200
    audio = parse(answer.body).audio
    assert audio is not None
    assert [each.name for each in audio.codecs] == [codec]
    talker.speak(codec, (audio.address, audio.port))


def hang_up(phone: Phone, cseq: int = 90) -> None:
    """End the call."""
    phone.send(phone.request("BYE", cseq=cseq, branch=f"{phone.branch}bye"))
    assert status_of(phone.final("BYE")) == 200
