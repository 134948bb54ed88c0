"""A registrar of a few lines: answers each REGISTER with the next line of its script."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from talkpath.sip.headers import parse_message
from tests.sip.phone import Phone, ok_to

if TYPE_CHECKING:
    from talkpath.sip.headers import SipText

NONCE = 'realm="pbx", nonce="{nonce}", algorithm=MD5, qop="auth"'


def challenge(nonce: str, *, proxy: bool = False, stale: bool = False) -> tuple[str, str]:
    """Status and headers that ask for credentials."""
    status, header = (
        ("407 Proxy Authentication Required", "Proxy-Authenticate")
        if proxy
        else ("401 Unauthorized", "WWW-Authenticate")
    )
    more = ", stale=true" if stale else ""
    return status, f"{header}: Digest {NONCE.format(nonce=nonce)}{more}\r\n"


OK = ("200 OK", "")
"""Registered for as long as was asked."""


class Registrar:
    """Runs a script on a thread of its own; what it received is in ``requests``.

    Args:
        script: Status and header lines of each answer; the last is repeated.
        expires: Lifetime that is granted, in seconds; 0 grants what was asked.
    """

    def __init__(self, *script: tuple[str, str], expires: int = 0) -> None:
        self.requests: list[SipText] = []
        self._script = script
        self._expires = expires
        self._phone = Phone(9)
        self._phone.socket.settimeout(0.05)
        self._running = True
        self._thread = threading.Thread(target=self._run)

    @property
    def uri(self) -> str:
        return f"sip:127.0.0.1:{self._phone.port}"

    @property
    def port(self) -> int:
        return self._phone.port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._running = False
        self._thread.join()
        self._phone.socket.close()

    def _run(self) -> None:
        while self._running:
            try:
                datagram, self._phone.target = self._phone.socket.recvfrom(65_536)
            except TimeoutError:
                continue
            self._answer(datagram)

    def _answer(self, datagram: bytes) -> None:
        request = parse_message(datagram.decode())
        status, headers = self._script[min(len(self.requests), len(self._script) - 1)]
        self.requests.append(request)
        if status.startswith("200"):
            asked = request.first("Expires")
            lifetime = self._expires if self._expires and asked != "0" else int(asked)
            contact = request.first("Contact").partition(";expires")[0]
            headers += f"Contact: {contact};expires={lifetime}\r\n" if lifetime else ""
        self._phone.send(ok_to(request, status=status, headers=headers))
