"""Keys for SRTP in session descriptions: the attribute ``a=crypto`` (SDES, RFC 4568; RFC 7714 for GCM).

Pure. What is malformed, or asks for something that our SRTP does not do (an MKI, several keys, unencrypted
streams), is passed over, as RFC 4568, section 5.1.2 wants it: the peer has usually offered something else.
Keys never stand in a repr.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from talkpath.sip.messages import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SUITES: dict[str, int] = {
    "AES_CM_128_HMAC_SHA1_80": 16 + 14,
    "AEAD_AES_128_GCM": 16 + 12,
    "AEAD_AES_256_GCM": 32 + 12,
    "AES_CM_128_HMAC_SHA1_32": 16 + 14,
}
"""Suites in the order in which we offer them, with the bytes of master key and salt. The first is the one
that RFC 4568 makes mandatory; the last has a short tag and stands there for peers that want it."""

MAX_CRYPTO_CHARACTERS = 512
MAX_TAG = 999_999_999
MAX_LIFETIME = 2**48
"""Most packets under one key (RFC 3711, section 9.2)."""

_KEY_PARAMETERS = re.compile(r"inline:([A-Za-z0-9+/]+={0,2})(.*)", re.IGNORECASE)
_LIFETIME = re.compile(r"\|(2\^\d{1,2}|\d{1,15})(?=\||$)")
_MASKED = re.compile(r"(?im)^(a=crypto:[^\r\n]*?inline:)[^\s|;]+")
_HARMLESS_PARAMETERS = re.compile(r"WSH=\d+|-.*", re.IGNORECASE)
"""The window size hint, and extensions that are marked as optional (RFC 4568, sections 6.3.6 and 6.3.7)."""


class CryptoError(ValueError):
    """An ``a=crypto`` attribute that cannot be used. The text says why, without the key."""


@dataclass(frozen=True, slots=True)
class Crypto:
    """One key: its tag in the exchange, its suite, and master key and salt in base64."""

    tag: int
    suite: str
    key: str = field(repr=False)

    @property
    def attribute(self) -> str:
        """The whole line for a description of ours."""
        return f"a=crypto:{self.tag} {self.suite} inline:{self.key}"

    @property
    def value(self) -> Secret:
        """Suite and key as `MediaDescription` has them: ``SUITE inline:KEY``."""
        return Secret(f"{self.suite} inline:{self.key}")


def parse_crypto(value: str) -> Crypto:
    """Read the value of an ``a=crypto`` attribute: ``TAG SUITE inline:KEY[|LIFETIME] [PARAMETERS]``.

    Raises:
        CryptoError: it is malformed, or asks for something that we do not do.
    """
    parts = value[:MAX_CRYPTO_CHARACTERS].split()
    if len(parts) < 3 or not (parts[0].isascii() and parts[0].isdigit()) or len(parts[0]) > 9:
        raise CryptoError("not a crypto attribute")
    suite = parts[1].upper()
    if suite not in SUITES:
        raise CryptoError(f"the suite {suite[:40]} is not one of ours")
    if not all(_HARMLESS_PARAMETERS.fullmatch(parameter) for parameter in parts[3:]):
        raise CryptoError("it has a session parameter that we do not do")
    return Crypto(int(parts[0]), suite, _key(parts[2], SUITES[suite]))


def _key(text: str, size: int) -> str:
    """The key of key parameters, in canonical base64."""
    found = _KEY_PARAMETERS.fullmatch(text)
    if not found:
        raise CryptoError("its key is not inline base64")
    _check_rest(found[2])
    key = found[1].rstrip("=")
    try:
        raw = base64.b64decode(key + "=" * (-len(key) % 4), validate=True)
    except binascii.Error as error:
        raise CryptoError("its key is not base64") from error
    if len(raw) != size:
        raise CryptoError(f"its key has {len(raw)} bytes, the suite wants {size}")
    return base64.b64encode(raw).decode()


def _check_rest(text: str) -> None:
    """Check what follows a key. A lifetime is the sender's own business; an MKI would be in every packet."""
    if ";" in text:
        raise CryptoError("it has several keys")
    lifetime = _LIFETIME.match(text)
    if lifetime:
        text = text[lifetime.end() :]
        exponent = lifetime[1].removeprefix("2^")
        packets = 2 ** int(exponent) if exponent != lifetime[1] else int(exponent)
        if not 0 < packets <= MAX_LIFETIME:
            raise CryptoError("the lifetime of its key cannot be")
    if re.fullmatch(r"\|\d{1,10}:\d{1,3}", text):
        raise CryptoError("it has a master key identifier (MKI)")
    if text:
        raise CryptoError("what follows its key cannot be read")


def usable(values: Iterable[str]) -> list[Crypto]:
    """The attributes that we can use, in the order given."""
    found = []
    for value in values:
        try:
            found.append(parse_crypto(value))
        except CryptoError:
            continue
    return found


def problem_with(values: Iterable[str]) -> str:
    """Why none of the attributes can be used: the reason of the first one."""
    for value in values:
        try:
            parse_crypto(value)
        except CryptoError as error:
            return str(error)
    return "it has no a=crypto"


def pair(ours: Iterable[str], theirs: Iterable[str]) -> tuple[Crypto, Crypto] | None:
    """The two keys that an exchange settled: those of the same tag and suite, ours and the peer's."""
    known = {(crypto.tag, crypto.suite): crypto for crypto in usable(ours)}
    for crypto in usable(theirs):
        mine = known.get((crypto.tag, crypto.suite))
        if mine:
            return mine, crypto
    return None


def without_keys(text: str) -> str:
    """A description whose keys are replaced by stars."""
    return _MASKED.sub(r"\1***", text)


class OwnKeys:
    """Our keys of one dialog, one for each suite.

    A key stays for the life of the dialog: SRTP counts packets under it, and a new key in each re-INVITE
    would begin again (RFC 4568, section 7.1.4 lets it stay).

    Args:
        random: Gives so many random bytes.
    """

    def __init__(self, random: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._random = random
        self._keys: dict[str, str] = {}

    def answer_to(self, chosen: Crypto) -> Crypto:
        """Our key for the peer's choice, under the same tag."""
        return Crypto(chosen.tag, chosen.suite, self._key(chosen.suite))

    def offer(self) -> tuple[Crypto, ...]:
        """One key for each suite, tagged from 1."""
        return tuple(Crypto(tag, suite, self._key(suite)) for tag, suite in enumerate(SUITES, 1))

    def _key(self, suite: str) -> str:
        if suite not in self._keys:
            self._keys[suite] = base64.b64encode(self._random(SUITES[suite])).decode()
        return self._keys[suite]
