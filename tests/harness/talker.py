"""A telephone that talks: a tone in whatever codec is agreed, and everything that comes back."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from talkpath.bridge.media.g711_law import LAWS
from talkpath.bridge.media.wideband import FAMILIES, WIDE_RATE
from talkpath.codecs import rtp
from talkpath.sip.sdp import parse
from tests.sip.phone import status_of

if TYPE_CHECKING:
    from talkpath.bridge.media.lane import PhoneCodec
    from talkpath.bridge.media.wideband import Encoder
    from tests.sip.phone import Phone

PAYLOAD_TYPES: Final[dict[PhoneCodec, int]] = {"PCMU": 0, "PCMA": 8, "G722": 9, "OPUS": 111}


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
        self._voice: tuple[PhoneCodec, Encoder | None] = "PCMU", None
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
        encoder = FAMILIES[codec].encoder("") if codec in FAMILIES else None
        self._voice, self.target = (codec, encoder), target
        if not self._thread.is_alive():
            self._thread.start()

    def heard(self) -> list[tuple[int, int, bytes]]:
        """Payload type, sequence number and payload of each packet."""
        return [(p[1] & 0x7F, int.from_bytes(p[2:4], "big"), p[12:]) for p in self.packets]

    def _run(self) -> None:
        due, number = time.monotonic(), 0
        while not self._over.wait(max(due - time.monotonic(), 0)):
            codec, encoder = self._voice
            self.late = max(self.late, time.monotonic() - due)
            rate = WIDE_RATE if encoder else 8_000
            at = (number * rate // 50 + np.arange(rate // 50)) / rate
            samples = (8_000 * np.sin(2 * np.pi * 600 * at)).astype(np.int16)
            encoded = encoder.encode(samples) if encoder else LAWS[codec].encode(samples).tobytes()
            payload = np.frombuffer(encoded, np.uint8)[None]
            ticks, source = (960, 8) if codec == "OPUS" else (160, 7)  # RFC 7160, section 4.1
            kind = PAYLOAD_TYPES[codec]
            packet = rtp.build(payload, kind, number & 0xFFFF, number * ticks, source, number == 0)
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
    kind, clock = PAYLOAD_TYPES[codec], "48000/2" if codec == "OPUS" else "8000"
    offer = (
        f"v=0\r\no=- 1 {cseq} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {talker.port} RTP/AVP {kind}\r\na=rtpmap:{kind} {codec}/{clock}\r\n"
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
