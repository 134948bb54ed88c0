"""A telephone of a few lines: raw SIP over UDP, so that a test can also say what no real telephone would."""

from __future__ import annotations

import re
import socket
import time
import uuid
from typing import TYPE_CHECKING, Self

from talkpath.sip.headers import SipText, parse_message

if TYPE_CHECKING:
    import ssl

OFFER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)

PATIENCE = 20.0

_COPIED = frozenset({"Via", "From", "To", "Call-ID", "CSeq"})


class Phone:
    """One UDP socket that calls a SIP process."""

    transport = "UDP"

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.host = host
        self.socket = self.connect(port)
        self.socket.settimeout(PATIENCE)
        self.target = ("127.0.0.1", port)
        self.call_id = uuid.uuid4().hex
        self.branch = f"z9hG4bK{uuid.uuid4().hex}"
        self.to_tag = ""

    def connect(self, port: int) -> socket.socket:  # noqa: ARG002  for those that do connect
        """The socket to talk over."""
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((self.host, 0))
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def request(
        self, method: str, body: str = "", *, cseq: int = 1, headers: str = "", branch: str = ""
    ) -> bytes:
        """One request, ready to send. ``headers`` are whole lines."""
        host, port = self.target
        kind = "Content-Type: application/sdp\r\n" if body else ""
        tag = f";tag={self.to_tag}" if self.to_tag else ""
        return (
            f"{method} sip:600@{host}:{port} SIP/2.0\r\n"
            f"Via: SIP/2.0/{self.transport} {self.host}:{self.port};branch={branch or self.branch};rport\r\n"
            "Max-Forwards: 70\r\n"
            f'From: "Ann \\"A\\" Lee" <sip:ann@127.0.0.1>;tag=from\r\nTo: <sip:600@{host}>{tag}\r\n'
            f"Call-ID: {self.call_id}\r\nCSeq: {cseq} {method}\r\n"
            f"Contact: <sip:ann@{self.host}:{self.port};transport={self.transport.lower()}>\r\n"
            f"{headers}{kind}"
            f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
        ).encode()

    def send(self, datagram: bytes) -> None:
        self.socket.sendto(datagram, self.target)

    def read(self) -> str:
        """The text of the next message."""
        return self.socket.recv(65_536).decode("utf-8", "replace")

    def receive(self) -> SipText:
        """The next message; raises TimeoutError when none comes."""
        message = parse_message(self.read())
        found = re.search(r";tag=(\S+)", message.first("To"))
        if found and status_of(message) > 100 and message.first("CSeq").endswith("INVITE"):
            self.to_tag = found[1]
        return message

    def final(self, method: str) -> SipText:
        """The next final response to a method; provisional and other responses are passed over."""
        while True:
            message = self.receive()
            if status_of(message) >= 200 and message.first("CSeq").endswith(method):
                return message

    def hears_nothing(self, seconds: float = 0.3) -> bool:
        """Whether no SIP arrives for a while; a stray packet may be for whoever had this port before."""
        end = time.monotonic() + seconds
        try:
            while (left := end - time.monotonic()) > 0:
                self.socket.settimeout(left)
                heard = self.socket.recv(65_536)
                if not heard or b"SIP/2.0" in heard:
                    return False
        except TimeoutError:
            pass
        finally:
            self.socket.settimeout(PATIENCE)
        return True


class StreamPhone(Phone):
    """The same over one TCP connection, or TLS when there is a context. It listens on no port."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        self.context = context
        self.transport = "TLS" if context else "TCP"
        self.buffer = ""
        super().__init__(port)

    def connect(self, port: int) -> socket.socket:
        plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
        return self.context.wrap_socket(plain, server_hostname="127.0.0.1") if self.context else plain

    def send(self, datagram: bytes) -> None:
        self.socket.sendall(datagram)

    def read(self) -> str:
        """Framed by Content-Length (RFC 3261, section 18.3)."""
        while True:
            head, gap, rest = self.buffer.partition("\r\n\r\n")
            size = int(parse_message(head + gap).first("Content-Length") or 0) if gap else 0
            if gap and len(rest) >= size:
                self.buffer = rest[size:].lstrip("\r\n")
                return head + gap + rest[:size]
            received = self.socket.recv(65_536)
            if not received:
                raise ConnectionError("the SIP process closed the connection")
            self.buffer += received.decode()


def ok_to(request: SipText, *, status: str = "200 OK", headers: str = "", body: str = "") -> bytes:
    """A response to a request that was received. ``headers`` are whole lines."""
    kept = [f"{name}: {value}" for name, value in request.headers if name in _COPIED]
    kept = [f"{line};tag=phone" if line.startswith("To:") and ";tag=" not in line else line for line in kept]
    head = f"SIP/2.0 {status}\r\n" + "\r\n".join(kept)
    return f"{head}\r\n{headers}Content-Length: {len(body.encode())}\r\n\r\n{body}".encode()


def status_of(message: SipText) -> int:
    """Status of a response, 0 for a request."""
    parts = message.start_line.split(" ", 2)
    return int(parts[1]) if parts[0] == "SIP/2.0" else 0
