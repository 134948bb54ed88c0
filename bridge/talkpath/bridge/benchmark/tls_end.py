"""The model's end of TLS in a measurement: from bytes to bytes, and a certificate for 127.0.0.1."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

_ROOM: Final = 65_536


class TlsEnd:
    """The server's end of one connection, without its socket.

    Args:
        context: With a certificate.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)

    def opened(self, data: bytes | memoryview) -> bytes:
        """What was said in all that has come, `data` being the last of it."""
        self._in.write(data)
        pieces = []
        try:
            while piece := self._tls.read(_ROOM):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        return b"".join(pieces)

    def sealed(self, data: bytes) -> bytes:
        """What to write to the socket to say something, and what TLS has to say of its own before it."""
        if data:
            self._tls.write(data)
        return self._out.read()


@dataclass(frozen=True, slots=True)
class Identity:
    """Files of a server: `private` holds its key and certificate, `public` what its clients trust."""

    private: Path
    public: Path

    def context(self) -> ssl.SSLContext:
        """A context for the server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.private)
        return context


def make_identity(folder: Path) -> Identity:
    """Make a key and a certificate for 127.0.0.1, good for a day."""
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
    return Identity(both, public)
