"""A caller whose offer can be chosen: one codec, a packet time, IPv4 or IPv6."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from talkpath.bridge.benchmark.uac import Call, CallState, UserAgentClient, parse

if TYPE_CHECKING:
    from talkpath.bridge.media.lane import PhoneCodec

PAYLOAD_TYPES: Final[dict[PhoneCodec, int]] = {"PCMU": 0, "PCMA": 8, "G722": 9}
_CONNECTION6 = re.compile(r"^c=IN IP6 (\S+)", re.MULTILINE)
_MEDIA = re.compile(r"^m=audio (\d+) ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Offer:
    """What one call offers.

    Attributes:
        codec: The only codec.
        packet_time: Milliseconds per packet.
    """

    codec: PhoneCodec = "PCMU"
    packet_time: int = 20


class Dialler(UserAgentClient):
    """Places calls with an offer of their own; else as the caller of the benchmark.

    Args:
        peer: Address that is called.
        local: Our own SIP address, as it stands in Via, Contact and SDP.
        number: The user part that is dialled.
    """

    def __init__(self, peer: tuple[str, int], local: tuple[str, int], number: str = "100") -> None:
        self._ipv6 = ":" in local[0]
        self._host = local[0]
        super().__init__((bracketed(peer[0]), peer[1]), (bracketed(local[0]), local[1]), number)
        self._offers: dict[int, Offer] = {}
        self.answers: dict[str, str] = {}

    def call(self, rtp_port: int, now: float, offer: Offer) -> tuple[Call, bytes]:
        """Begin a call; returns it and the INVITE to send."""
        self._offers[rtp_port] = offer
        return self.invite(rtp_port, rtp_port, now)

    def receive(self, datagram: bytes, now: float) -> list[bytes]:
        """Take a datagram; returns what is to be sent in answer. Bodies of a 200 are kept in `answers`."""
        answers = super().receive(datagram, now)
        message = parse(datagram)
        call = self.calls.get(message.headers.get("call-id", "")) if message else None
        if message and call and message.status == 200 and message.body:
            self.answers[call.call_id] = message.body
            if self._ipv6 and call.state is CallState.TALKING:
                address, port = _CONNECTION6.search(message.body), _MEDIA.search(message.body)
                call.remote = (address[1], int(port[1])) if address and port else ("", 0)
        return answers

    def _offer(self, rtp_port: int) -> str:
        offer = self._offers[rtp_port]
        family = "IP6" if self._ipv6 else "IP4"
        payload_type = PAYLOAD_TYPES[offer.codec]
        lines = (
            "v=0",
            f"o=- {rtp_port} 1 IN {family} {self._host}",
            "s=-",
            f"c=IN {family} {self._host}",
            "t=0 0",
            f"m=audio {rtp_port} RTP/AVP {payload_type} 101",
            f"a=rtpmap:{payload_type} {offer.codec}/8000",
            "a=rtpmap:101 telephone-event/8000",
            f"a=ptime:{offer.packet_time}",
            "a=sendrecv",
        )
        return "\r\n".join(lines) + "\r\n"


def bracketed(host: str) -> str:
    """A host as it stands in a URI."""
    return f"[{host}]" if ":" in host else host
