"""A stream socket that may be encrypted, for the model's side of a measurement: never blocks."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    import socket
    from pathlib import Path

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
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = tls.wrap_bio(self._in, self._out, server_side=True) if tls else None

    def recv(self) -> bytes:
        """What has come.

        Raises:
            BlockingIOError: Nothing has.
        """
        data = self._sock.recv(_ROOM)
        if self._tls is None:
            return data
        self._in.write(data)
        try:
            plain = self._tls.read(_ROOM)
        except ssl.SSLWantReadError:
            plain = b""
        if sealed := self._out.read():
            self._sock.send(sealed)
        if not plain:
            raise BlockingIOError
        return plain

    def send(self, data: bytes) -> None:
        """Send all of it."""
        if self._tls is not None:
            self._tls.write(data)
            data = self._out.read()
        if self._sock.send(data) < len(data):
            raise BufferError("The worker did not read.")

    def close(self) -> None:
        """Close it."""
        self._sock.close()


def server_context(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A context for 127.0.0.1, and the file with its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "model")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    both = folder / "model.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    both.write_bytes(private + certificate.public_bytes(pem))
    public = folder / "authority.pem"
    public.write_bytes(certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context, public
