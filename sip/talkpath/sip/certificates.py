"""The files of TLS: whether they can be used, and whether they have been exchanged.

Certificates are renewed every few weeks, by programs that write new files. They are looked at now and then,
so that nobody has to tell us.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from talkpath.sip.settings import TlsSettings

LOOK_SECONDS: Final = 2.0
"""How often the files are looked at. They must be the same twice: then nobody is writing them any more."""

Stamps = tuple[tuple[int, int, int] | None, ...]
"""For each file: inode, size, time of its last change; None: it is not there."""


def problem_with(tls: TlsSettings) -> str:
    """Why these files cannot be used, in a sentence; empty when they can.

    The stack itself would only say so at the next handshake, to whoever calls then.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        if tls.certificate_file:
            context.load_cert_chain(tls.certificate_file, tls.private_key_file or None, password="")
    except (OSError, ValueError) as error:
        return f"the certificate {tls.certificate_file} cannot be used with its key: {_reason(error)}"
    try:
        if tls.ca_file:
            context.load_verify_locations(tls.ca_file)
    except (OSError, ValueError) as error:
        return f"the authorities in {tls.ca_file} cannot be used: {_reason(error)}"
    return ""


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "no PEM data").replace("_", " ").lower()
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def stamps_of(tls: TlsSettings) -> Stamps:
    """What tells one state of the files from another."""
    return tuple(_stamp(name) for name in (tls.certificate_file, tls.private_key_file, tls.ca_file))


def _stamp(name: str) -> tuple[int, int, int] | None:
    try:
        found = Path(name).stat() if name else None
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found else None


class CertificateWatch:
    """Says when the files have been exchanged. Pure but for the stamps, which are given.

    Args:
        in_use: Stamps of the files that are in use.
    """

    def __init__(self, in_use: Stamps) -> None:
        self._in_use = self._last = in_use
        self._next_look = 0.0

    def due(self, now: float) -> bool:
        """Whether it is time to look at the files.

        Args:
            now: Monotonic seconds.
        """
        if now < self._next_look:
            return False
        self._next_look = now + LOOK_SECONDS
        return True

    def look(self, stamps: Stamps) -> bool:
        """Take the present stamps; True once when the files are others, and have come to rest."""
        settled, self._last = stamps == self._last, stamps
        if not settled or stamps == self._in_use:
            return False
        self._in_use = stamps  # good or bad: they are tried once
        return True
