"""A caller for load tests: INVITE, ACK, BYE over UDP, without a socket and without a clock.

Only what a well-behaved PBX on the same network does (RFC 3261, sections 13, 15 and 17.1): retransmission
of requests until they are answered, ACK for every final response, an answer to a BYE from the other side.
No authentication, no forking, no TCP.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

T1: Final = 0.5
"""First retransmission of a request, seconds; each further wait is twice as long."""
LAST_WAIT: Final = 4.0
GIVE_UP: Final = 32.0

_HEADER = re.compile(r"^([A-Za-z-]+)[ \t]*:[ \t]*(.*)$")
_COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length"}
_URI = re.compile(r"<(sip:[^>]+)>|(sip:[^;\s]+)")
_CONNECTION = re.compile(r"^c=IN IP4 (\S+)", re.MULTILINE)
_MEDIA = re.compile(r"^m=audio (\d+) ", re.MULTILINE)
_KEY = re.compile(r"^a=crypto:\d+ \S+ inline:([^|\s]+)", re.MULTILINE)


class CallState(Enum):
    """Where a call of ours stands."""

    INVITED = "invited"
    TALKING = "talking"
    ENDING = "ending"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Message:
    """A SIP message in parts; of repeated headers the first is kept, which is ours to read in a Via."""

    first_line: str
    headers: dict[str, str]
    all_vias: tuple[str, ...]
    body: str

    @property
    def status(self) -> int:
        """Status code of a response, 0 of a request."""
        return int(self.first_line.split()[1]) if self.first_line.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """Method of a request, or of the request that a response answers."""
        return self.headers.get("cseq", "0 ?").split()[-1]


def parse(datagram: bytes) -> Message | None:
    """Take a SIP message apart; None for what is not one."""
    head, _, body = datagram.decode("utf-8", "replace").partition("\r\n\r\n")
    lines = head.split("\r\n")
    headers: dict[str, str] = {}
    vias: list[str] = []
    for line in lines[1:]:
        if match := _HEADER.match(line):
            name = _COMPACT.get(match[1].lower(), match[1].lower())
            headers.setdefault(name, match[2])
            if name == "via":
                vias.append(match[2])
    response = re.match(r"SIP/2\.0 \d{3}( |$)", lines[0])
    if not response and not re.match(r"[A-Z]+ \S+ SIP/2\.0$", lines[0]):
        return None
    return Message(lines[0], headers, tuple(vias), body)


@dataclass(slots=True)
class Call:
    """One call. Times are monotonic seconds; ``answered_at`` is 0 until a 200 came."""

    index: int
    call_id: str
    rtp_port: int
    invited_at: float
    state: CallState = CallState.INVITED
    status: int = 0
    answered_at: float = 0.0
    remote: tuple[str, int] = ("", 0)
    remote_key: str = ""
    retransmissions: int = 0
    sequence: int = 1
    remote_tag: str = ""
    contact: str = ""
    pending: bytes = b""
    next_send: float = float("inf")
    wait: float = T1
    give_up_at: float = field(default=float("inf"))


class UserAgentClient:
    """Places and ends calls. Datagrams go in and out; all go to one peer.

    Args:
        peer: Address that is called.
        local: Our own SIP address.
        number: The user part that is dialled.
        encoding: Payload type and ``rtpmap`` of the codec.
        crypto: Value of ``a=crypto`` to offer; empty: plain RTP.
    """

    def __init__(
        self,
        peer: tuple[str, int],
        local: tuple[str, int],
        number: str = "100",
        *,
        encoding: str = "0 PCMU/8000",
        crypto: str = "",
    ) -> None:
        self._encoding = encoding
        self._crypto = crypto
        self.calls: dict[str, Call] = {}
        self._peer = peer
        self._local = local
        self._uri = f"sip:{number}@{peer[0]}:{peer[1]}"
        self._made = 0

    def invite(self, index: int, rtp_port: int, now: float) -> tuple[Call, bytes]:
        """Begin a call; returns it and the INVITE to send."""
        self._made += 1
        call_id = f"bench-{self._made}-{round(now * 1e6)}"
        call = Call(index, call_id, rtp_port, now)
        self.calls[call_id] = call
        return call, self._request(call, "INVITE", now, self._offer(rtp_port))

    def bye(self, call: Call, now: float) -> bytes:
        """End an answered call; returns the BYE to send."""
        call.state = CallState.ENDING
        call.sequence += 1
        return self._request(call, "BYE", now)

    def receive(self, datagram: bytes, now: float) -> list[bytes]:
        """Take a datagram; returns what is to be sent in answer."""
        message = parse(datagram)
        call = self.calls.get(message.headers.get("call-id", "")) if message else None
        if message is None or call is None:
            return []
        if not message.status:
            return self._requested(call, message)
        if message.method == "INVITE":
            return self._invite_answered(call, message, now)
        if message.method == "BYE" and message.status >= 200:
            self._end(call, call.status)
        return []

    def due(self, now: float) -> Iterator[bytes]:
        """The requests that have to be sent again at ``now``; gives up on calls that never get an answer."""
        for call in self.calls.values():
            if call.next_send > now:
                continue
            if now >= call.give_up_at:
                self._end(call, 408)
                continue
            call.retransmissions += 1
            call.wait = min(call.wait * 2, LAST_WAIT)
            call.next_send = now + call.wait
            yield call.pending

    def _invite_answered(self, call: Call, message: Message, now: float) -> list[bytes]:
        call.next_send = float("inf")
        if message.status < 200:
            return []
        tag = re.search(r";tag=([^;\s]+)", message.headers.get("to", ""))
        call.remote_tag = tag[1] if tag else ""
        if message.status >= 300:
            self._end(call, message.status)
            return [self._ack(call, f"z9hG4bK-{call.call_id}-1")]
        if uri := _URI.search(message.headers.get("contact", "")):
            call.contact = uri[1] or uri[2]
        if call.state is CallState.INVITED:
            call.state, call.status, call.answered_at = CallState.TALKING, message.status, now
            address, port = _CONNECTION.search(message.body), _MEDIA.search(message.body)
            call.remote = (address[1], int(port[1])) if address and port else ("", 0)
            if key := _KEY.search(message.body):
                call.remote_key = key[1]
        return [self._ack(call, f"z9hG4bK-{call.call_id}-ack")]

    def _requested(self, call: Call, message: Message) -> list[bytes]:
        """Answer what the other side asks inside our call: a BYE is fine, changes are not."""
        method = message.first_line.split()[0]
        if method == "ACK":
            return []
        if method == "BYE":
            self._end(call, call.status)
        status = "200 OK" if method in {"BYE", "OPTIONS"} else "488 Not Acceptable Here"
        lines = [f"SIP/2.0 {status}", *(f"Via: {via}" for via in message.all_vias)]
        lines += [
            f"{name}: {message.headers.get(name.lower(), '')}" for name in ("From", "To", "Call-ID", "CSeq")
        ]
        return [_join([*lines, "Content-Length: 0"])]

    def _end(self, call: Call, status: int) -> None:
        call.state, call.status = CallState.ENDED, status
        call.next_send = float("inf")

    def _request(self, call: Call, method: str, now: float, body: str = "") -> bytes:
        branch = f"z9hG4bK-{call.call_id}-{call.sequence}"
        datagram = self._compose(call, method, branch, body)
        call.pending, call.wait = datagram, T1
        call.next_send, call.give_up_at = now + T1, now + GIVE_UP
        return datagram

    def _ack(self, call: Call, branch: str) -> bytes:
        return self._compose(call, "ACK", branch, "", sequence=1)

    def _compose(self, call: Call, method: str, branch: str, body: str, sequence: int = 0) -> bytes:
        host, port = self._local
        to_tag = f";tag={call.remote_tag}" if call.remote_tag else ""
        lines = [
            f"{method} {call.contact or self._uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch={branch};rport",
            "Max-Forwards: 70",
            f"From: <sip:caller{call.index}@{host}:{port}>;tag=t-{call.call_id}",
            f"To: <{self._uri}>{to_tag}",
            f"Call-ID: {call.call_id}",
            f"CSeq: {sequence or call.sequence} {method}",
            f"Contact: <sip:caller@{host}:{port}>",
            "User-Agent: talkpath-bench",
        ]
        if body:
            lines += ["Content-Type: application/sdp"]
        return _join([*lines, f"Content-Length: {len(body)}"]) + body.encode()

    def _offer(self, rtp_port: int) -> str:
        host, profile = self._local[0], "SAVP" if self._crypto else "AVP"
        lines = (
            "v=0",
            f"o=- {rtp_port} 1 IN IP4 {host}",
            "s=-",
            f"c=IN IP4 {host}",
            "t=0 0",
            f"m=audio {rtp_port} RTP/{profile} {self._encoding.partition(' ')[0]} 101",
            *([f"a=crypto:{self._crypto}"] if self._crypto else []),
            f"a=rtpmap:{self._encoding}",
            "a=rtpmap:101 telephone-event/8000",
            "a=ptime:20",
            "a=sendrecv",
        )
        return "\r\n".join(lines) + "\r\n"


def _join(lines: list[str]) -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
