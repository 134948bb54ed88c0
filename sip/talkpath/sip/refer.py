"""The texts of a transfer: Refer-To, Replaces, Referred-By, User-to-User, and the fragments in NOTIFY.

Pure. RFC 3515 (REFER), RFC 3891 (Replaces), RFC 3892 (Referred-By), RFC 3420 (message/sipfrag), RFC 7433
(User-to-User). What is built here goes into a header, so everything that could break out of it is escaped or
refused; what is read here came from the network and is refused rather than guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from talkpath.sip.addresses import join_host_port, split_host_port
from talkpath.sip.headers import parse_address, safe_text

if TYPE_CHECKING:
    from talkpath.sip.headers import SipText
    from talkpath.sip.messages import Header

Preset = Literal["asterisk", "freeswitch", "twilio", "telnyx", "generic"]

MAX_USER_TO_USER = 128
"""Octets of User-to-User data that every implementation takes (RFC 7433, section 4)."""
LONGEST_USER_TO_USER = 256
"""Octets that we write at most: hex doubles them."""

MAX_URI = 1024
MAX_FRAGMENT = 4096

_USER_IS_PHONE = frozenset({"twilio", "telnyx", "generic"})
"""Presets whose peers take ``user=phone`` for a number in the form ``+…``. To a PBX it is an extension."""

_UNRESERVED = "-_.!~*'()"
_USER_SAFE = _UNRESERVED + "+"
_URI_HEADER_SAFE = _UNRESERVED + "[]/?:+$"
"""Characters that stand unescaped in a user part, and in a header of a URI (RFC 3261, section 25.1). A user
part may have more of them, ``?`` and ``;`` among them, which simple parsers take for something else."""

_NUMBER = re.compile(r"\+[0-9]{3,15}")
_URI = re.compile(r"(?:sips?|tel):[^\s<>\"\x00-\x20\x7f]+", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9_.\-]+|[0-9A-Fa-f:.]+")
_STATUS_LINE = re.compile(r"SIP/2\.0[ \t]+([1-6][0-9]{2})(?:[ \t]+([^\r\n]*))?[ \t]*(?:\r?\n|$)")
_TOKEN = re.compile(r"[A-Za-z0-9.\-]+")
_SEPARATOR = re.compile(r"[\s().\-]+")


class ReferError(ValueError):
    """A target cannot be written, or a fragment cannot be read. The text says why."""


@dataclass(frozen=True, slots=True)
class DialogIds:
    """What names a dialog (RFC 3261, section 12), seen from us."""

    call_id: str
    local_tag: str
    remote_tag: str


def dialog_ids(message: SipText) -> DialogIds:
    """Read the ids of a dialog from a message of the peer: a request or a response.

    Raises:
        ReferError: it has no Call-ID or not both tags.
    """
    tags = [parse_address(message.first(name)).parameters.get("tag", "") for name in ("From", "To")]
    local, remote = tags if message.start_line.startswith("SIP/2.0 ") else reversed(tags)
    call_id = message.first("Call-ID")
    if not (call_id and local and remote):
        raise ReferError("the message does not name a dialog")
    return DialogIds(call_id, local, remote)


def target_uri(target: str, domain: str, preset: Preset = "generic") -> str:
    """Write the URI of a transfer target.

    Args:
        target: A number (``+49 30 901820``), an extension (``700``), or a whole ``sip:``, ``sips:`` or
            ``tel:`` URI, which stays as it is.
        domain: Host, or host and port, of the peer; stands behind a number or extension.
        preset: What the peer is. A carrier learns that a ``+`` number is a telephone number.

    Raises:
        ReferError: the target or the domain cannot stand in a URI.
    """
    text = target.strip()
    if ":" in text:
        return _checked(text)
    user = _SEPARATOR.sub("", text) if _NUMBER.fullmatch(_SEPARATOR.sub("", text)) else text
    host, port = split_host_port(domain.strip())
    if not user or not _HOST.fullmatch(host):
        raise ReferError(f"{target!r} at {domain!r} is no SIP address")
    where = join_host_port(host, port) if port else join_host_port(host, 0).removesuffix(":0")
    phone = ";user=phone" if preset in _USER_IS_PHONE and _NUMBER.fullmatch(user) else ""
    return _checked(f"sip:{quote(user, safe=_USER_SAFE)}@{where}{phone}")


def _checked(uri: str) -> str:
    if len(uri) > MAX_URI or not _URI.fullmatch(uri) or not uri.isascii():
        raise ReferError(f"{uri[:80]!r} is no sip, sips or tel address")
    return uri


def replaces(ids: DialogIds, *, early_only: bool = False) -> str:
    """The value of a Replaces header that names a dialog of ours to the peer of that dialog.

    The tags are seen from who gets the INVITE (RFC 3891, section 3): its *to-tag* is its own, our remote one.
    """
    value = f"{ids.call_id};to-tag={ids.remote_tag};from-tag={ids.local_tag}"
    return f"{value};early-only" if early_only else value


def refer_to(uri: str, headers: tuple[Header, ...] = ()) -> str:
    """The value of a Refer-To header.

    Args:
        uri: From :func:`target_uri`.
        headers: Headers that the new INVITE shall have (RFC 3261, section 19.1.5), Replaces among them.

    Raises:
        ReferError: the URI cannot stand there, or is a ``tel:`` one, which has no room for headers.
    """
    plain = _checked(uri)
    if not headers:
        return f"<{plain}>"
    if plain.lower().startswith("tel:"):
        raise ReferError(f"{plain} is a tel address: headers for the new call need a sip address")
    fields = "&".join(f"{_escape(name)}={_escape(value)}" for name, value in headers)
    return f"<{plain}{'&' if '?' in plain else '?'}{fields}>"


def _escape(text: str) -> str:
    return quote(text, safe=_URI_HEADER_SAFE)


def referred_by(uri: str) -> Header:
    """A Referred-By header: who asks for the transfer. Accepts a URI with or without angle brackets.

    Raises:
        ReferError: the URI cannot stand there.
    """
    return "Referred-By", f"<{_checked(parse_address(uri).uri if '<' in uri else uri.strip())}>"


def user_to_user(data: bytes, purpose: str = "", content: str = "") -> Header:
    """A User-to-User header, hex encoded.

    Args:
        data: At most `LONGEST_USER_TO_USER` bytes.
        purpose: Package name; empty for none, which is read as ``isdn-uui`` (RFC 7434).
        content: What the data is within the package, such as ``isdn-uui``; empty for none.

    Raises:
        ReferError: there is nothing in it, there is too much, or a parameter is no token.
    """
    if not data or len(data) > LONGEST_USER_TO_USER:
        raise ReferError(f"User-to-User data has {len(data)} bytes; 1 to {LONGEST_USER_TO_USER} fit")
    given = {name: value for name, value in (("purpose", purpose), ("content", content)) if value}
    for name, value in given.items():
        if not _TOKEN.fullmatch(value):
            raise ReferError(f"{value!r} is no User-to-User {name}")
    parameters = "".join(f";{name}={value}" for name, value in given.items())
    return "User-to-User", f"{data.hex()}{parameters};encoding=hex"


def parse_fragment(body: str) -> tuple[int, str]:
    """Read a ``message/sipfrag`` body that begins with a status line.

    Returns:
        Status and reason phrase.

    Raises:
        ReferError: there is no status line.
    """
    found = _STATUS_LINE.match(body[:MAX_FRAGMENT].lstrip("\r\n"))
    if not found:
        raise ReferError("the fragment has no status line")
    return int(found[1]), safe_text(found[2] or "")
