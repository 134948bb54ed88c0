"""One connection of the benchmark's model."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from talkpath.bridge.benchmark import marks

if TYPE_CHECKING:
    import socket

    from talkpath.bridge.benchmark.model_wire import Session
    from talkpath.bridge.benchmark.tls_end import TlsEnd


@dataclass(slots=True)
class Lane:
    """A connection, its session, and where it stands.

    Attributes:
        broken: Whether a part of something was written: the stream is of no use any more.
    """

    sock: socket.socket
    number: int
    session: Session
    tls: TlsEnd | None = None
    broken: bool = False
    rest: bytearray = field(default_factory=bytearray)
    upgraded: bool = False
    mode: marks.AudioMode = "pcmu"
    pending: list[bytes] = field(default_factory=list)
    started: bool = False
    call: int = marks.NO_MARK
    turn_at: float = 0.0
    turn_step: int = 0
    answered_ns: int = 0

    def opened(self, data: memoryview) -> bytes | memoryview:
        """What was said in what came; TLS answers what is for itself."""
        if self.tls is None:
            return data
        try:
            said = self.tls.opened(data)
        except ssl.SSLError:  # what follows cannot be read
            self.broken = True
            return b""
        if answer := self.tls.sealed(b""):
            self._write(answer)
        return said

    def send(self, data: bytes) -> bool:
        """Say something; whether all of it was taken."""
        return self._write(data if self.tls is None else self.tls.sealed(data))

    def _write(self, data: bytes) -> bool:
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return True  # it is gone; reading will tell
        # A record of TLS that was not written is missed by the next.
        self.broken |= sent < len(data) and (sent > 0 or self.tls is not None)
        return sent == len(data)
