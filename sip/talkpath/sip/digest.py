"""Digest authentication of callers, without memory: RFC 7616 (SHA-256) and RFC 2617 (MD5). Pure.

The nonce is its own witness: the time, and an HMAC over the time, the caller's address and the Call-ID. So it
cannot be made up, is good for a short time only, and what is overheard is of no use for another call.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.sip.messages import Header

NONCE_SECONDS = 30.0
"""How long a caller may take to answer a challenge; also the longest life of an INVITE on its way (32 s)."""

MAX_HEADER = 2048

ALGORITHMS: dict[str, Callable[[bytes], str]] = {
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}
"""In the order in which we ask for them (RFC 8760, section 2.4). MD5 is what most PBXs still know."""

Finding = Literal["missing", "malformed", "stale", "wrong", "good"]

_PARAMETER = re.compile(r'([A-Za-z0-9_\-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))\s*(?:,|$)')


@dataclass(frozen=True, slots=True)
class Account:
    """Who may call: user name, password and realm. The password stands in no repr."""

    username: str
    password: str
    realm: str

    def __repr__(self) -> str:
        return f"Account({self.username!r}, realm={self.realm!r})"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that may carry credentials: where it is from, its method, Call-ID and Authorization value."""

    source: str
    method: str
    call_id: str
    authorization: str


class Authenticator:
    """Challenges and verifies.

    Args:
        secret: Key of the nonces; with another key, all of them are stale.
        lifetime: Seconds that a nonce is good for.
    """

    def __init__(self, secret: bytes, lifetime: float = NONCE_SECONDS) -> None:
        self._secret = secret
        self._lifetime = lifetime

    def challenge(
        self, attempt: Attempt, realm: str, now: float, *, stale: bool = False
    ) -> tuple[Header, ...]:
        """WWW-Authenticate headers, one for each algorithm.

        Args:
            attempt: The request to challenge.
            realm: Realm to name.
            now: Monotonic seconds.
            stale: The caller's nonce was too old, its password may be right: it need not ask a person.
        """
        nonce = self._nonce(int(now), attempt)
        rest = f'realm="{_quoted(realm)}", nonce="{nonce}", qop="auth"' + (", stale=true" if stale else "")
        return tuple(("WWW-Authenticate", f"Digest {rest}, algorithm={name}") for name in ALGORITHMS)

    def verify(self, attempt: Attempt, account: Account, now: float) -> Finding:
        """Judge a request.

        A nonce that is not ours, of another call, or too old is ``stale`` whatever the password.
        """
        if not attempt.authorization:
            return "missing"
        given = parameters(attempt.authorization)
        if given is None:
            return "malformed"
        if not self._is_fresh(given["nonce"], attempt, now):
            return "stale"
        wanted = response(given, account.password, attempt.method)
        names = hmac.compare_digest(given["username"].encode(), account.username.encode())
        right = hmac.compare_digest(given["response"].lower().encode(), wanted.encode())
        return "good" if names and right and given["realm"] == account.realm else "wrong"

    def _nonce(self, second: int, attempt: Attempt) -> str:
        text = "\n".join((str(second), attempt.source, attempt.call_id))
        return f"{second}.{hmac.new(self._secret, text.encode('utf-8', 'replace'), 'sha256').hexdigest()}"

    def _is_fresh(self, nonce: str, attempt: Attempt, now: float) -> bool:
        second = nonce.partition(".")[0]
        if not (second.isascii() and second.isdigit() and len(second) <= 12):
            return False
        genuine = hmac.compare_digest(
            nonce.encode("utf-8", "replace"), self._nonce(int(second), attempt).encode()
        )
        return genuine and 0 <= now - int(second) <= self._lifetime


def parameters(authorization: str) -> dict[str, str] | None:
    """Parameters of an Authorization value; None when it is no digest that we can check."""
    scheme, _, rest = authorization[:MAX_HEADER].strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    found = {
        name.lower(): re.sub(r"\\(.)", r"\1", quoted) or plain
        for name, quoted, plain in _PARAMETER.findall(rest)
    }
    found["algorithm"] = found.get("algorithm", "MD5").upper()
    needed = {"username", "realm", "nonce", "uri", "response"} | (
        {"nc", "cnonce"} if "qop" in found else set()
    )
    if (
        not needed <= found.keys()
        or found["algorithm"] not in ALGORITHMS
        or found.get("qop", "auth") != "auth"
    ):
        return None
    return found


def response(given: dict[str, str], password: str, method: str) -> str:
    """The response that the right password gives (RFC 7616, section 3.4.1; without qop as in RFC 2069)."""
    digest = ALGORITHMS[given["algorithm"]]

    def over(*parts: str) -> str:
        return digest(":".join(parts).encode("utf-8", "replace"))

    secret = over(given["username"], given["realm"], password)
    request = over(method, given["uri"])
    if "qop" not in given:
        return over(secret, given["nonce"], request)
    return over(secret, given["nonce"], given["nc"], given["cnonce"], given["qop"], request)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
