"""A stream socket that may be encrypted, for the model's side of a measurement: never blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from talkpath.bridge.benchmark.tls_end import TlsEnd

if TYPE_CHECKING:
    import socket
    import ssl

_ROOM: Final = 65_536


class ModelSocket:
    """The server's end of a connection.

    Args:
        sock: Connected; is made non-blocking.
        tls: Encrypts, if given.
    """

    def __init__(self, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._tls = TlsEnd(tls) if tls else None

    def recv(self) -> bytes:
        """What has come.

        Raises:
            BlockingIOError: Nothing has.
        """
        data = self._sock.recv(_ROOM)
        if self._tls is None:
            return data
        plain = self._tls.opened(data)
        if sealed := self._tls.sealed(b""):
            self._sock.send(sealed)
        if not plain:
            raise BlockingIOError
        return plain

    def send(self, data: bytes) -> None:
        """Send all of it."""
        if self._tls is not None:
            data = self._tls.sealed(data)
        if self._sock.send(data) < len(data):
            raise BufferError("The worker did not read.")

    def close(self) -> None:
        """Close it."""
        self._sock.close()
