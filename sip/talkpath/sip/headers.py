"""SIP header fields as text: reading a raw message, name-addr values, and the headers that we write.

The SIP stack has parsed the message already; this module reads the same text again because the call logic
wants all headers as they stood, in order, with duplicates, and nothing of the stack's own types. It reads
what RFC 3261, section 7.3 allows: folded lines, compact names, any letter case, duplicates. Sizes are
bounded, because the text comes from the network.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from talkpath.sip.messages import Header

MAX_MESSAGE_CHARACTERS = 65_536
"""Largest message text that is read; the largest UDP datagram."""

MAX_HEADERS = 256
"""More header fields than this is an attack, not a call."""

COMPACT_NAMES = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}
"""Compact header names of the IANA registry."""

SECRET_HEADERS = frozenset({"authorization", "proxy-authorization"})

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
"""Controls, and what is left of octets that are no UTF-8."""
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_REASON_TEXT = re.compile(r';\s*text\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,]+))', re.IGNORECASE)


class HeaderError(ValueError):
    """A SIP message or header value cannot be read. The text says what was wrong."""


@dataclass(frozen=True, slots=True)
class SipText:
    """One SIP message taken apart.

    Attributes:
        start_line: Request line or status line.
        headers: Names in their long form and values, unfolded, in the order of the message.
        body: What follows the empty line.
    """

    start_line: str
    headers: tuple[Header, ...]
    body: str

    @property
    def method(self) -> str:
        """Method of a request; ``SIP/2.0`` for a response."""
        return self.start_line.partition(" ")[0]

    @property
    def request_uri(self) -> str:
        """Request-URI, or an empty string when the request line has none."""
        parts = self.start_line.split(" ")
        return parts[1] if len(parts) == 3 else ""

    def first(self, name: str) -> str:
        """Value of the first header of this name, or an empty string."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")


@dataclass(frozen=True, slots=True)
class NameAddress:
    """A From, To or Contact value: display name, URI, and the parameters behind the URI."""

    name: str
    uri: str
    parameters: dict[str, str]


def parse_message(text: str) -> SipText:
    """Take a raw SIP message apart.

    Args:
        text: The whole message. Bare line feeds are accepted as line ends.

    Raises:
        HeaderError: it is too long, has too many headers, or a line is no header.
    """
    if len(text) > MAX_MESSAGE_CHARACTERS:
        raise HeaderError(f"the message has {len(text)} characters, more than {MAX_MESSAGE_CHARACTERS}")
    head, gap, body = text.lstrip("\r\n").partition("\r\n\r\n")
    if not gap:
        head, _, body = head.partition("\n\n")
    lines = head.replace("\r\n", "\n").split("\n")
    return SipText(start_line=lines[0].strip(), headers=_headers(lines[1:]), body=body)


def _headers(lines: list[str]) -> tuple[Header, ...]:
    """Unfold the header lines (RFC 3261, section 7.3.1) and split them into name and value."""
    unfolded: list[str] = []
    for line in lines:
        if line[:1] in {" ", "\t"} and unfolded:
            unfolded[-1] += " " + line.strip()
        elif line.strip():
            unfolded.append(line)
    if len(unfolded) > MAX_HEADERS:
        raise HeaderError(f"the message has {len(unfolded)} headers, more than {MAX_HEADERS}")
    return tuple(_header(line) for line in unfolded)


def _header(line: str) -> Header:
    name, colon, value = line.partition(":")
    name = name.strip()
    if not colon or not name or " " in name:
        raise HeaderError(f"not a header line: {line[:40]!r}")
    return COMPACT_NAMES.get(name.lower(), name), value.strip()


def without_secrets(headers: tuple[Header, ...]) -> tuple[Header, ...]:
    """The headers without those that carry credentials."""
    return tuple(header for header in headers if header[0].lower() not in SECRET_HEADERS)


def parse_address(value: str) -> NameAddress:
    """Read a name-addr or addr-spec (RFC 3261, section 20.10). Never raises: odd input gives odd fields.

    In the form without angle brackets the parameters belong to the header, not to the URI.
    """
    text = value.strip()
    name = ""
    quoted = _QUOTED.match(text)
    if quoted:
        name = _ESCAPED.sub(r"\1", quoted[1])
        text = text[quoted.end() :].lstrip()
    before, bracket, rest = text.partition("<")
    if bracket:
        uri, _, parameters = rest.partition(">")
        return NameAddress(name or before.strip(), uri.strip(), _parameters(parameters))
    uri, _, parameters = text.partition(";")
    return NameAddress(name, uri.strip(), _parameters(parameters))


def _parameters(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";")[:64])
    return {key.strip().lower(): value.strip() for key, _, value in pairs if key.strip()}


def uri_host(uri: str) -> str:
    """Host of a SIP URI without port, brackets and parameters; empty when there is none.

    >>> uri_host("sip:alice@[2001:db8::1]:5070;transport=tcp")
    '2001:db8::1'
    """
    rest = uri.partition(":")[2] or uri
    rest = rest.partition("?")[0].partition(";")[0]
    host = rest.rpartition("@")[2]
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def uri_user(uri: str) -> str:
    """User part of a SIP URI, or the number of a tel URI; empty when there is none."""
    scheme, _, rest = uri.partition(":")
    if scheme.lower() == "tel":
        return rest.partition(";")[0]
    user, at, _ = rest.partition("@")
    return user.partition(":")[0].partition(";")[0] if at else ""


def safe_text(text: str, limit: int = 200) -> str:
    """One line of printable characters, so that a reason can never break out of its header."""
    return _UNSAFE.sub(" ", text).strip()[:limit]


def reason_header(cause: int, text: str, protocol: str = "SIP") -> Header:
    """A Reason header (RFC 3326): why the call was refused or ended."""
    quoted = safe_text(text).replace("\\", "\\\\").replace('"', '\\"')
    return "Reason", f'{protocol};cause={cause};text="{quoted}"'


def reason_text(value: str) -> str:
    """The ``text`` of a Reason header, or an empty string."""
    found = _REASON_TEXT.search(value)
    if not found:
        return ""
    return safe_text(_ESCAPED.sub(r"\1", found[1] if found[1] is not None else found[2]))


def retry_after_header(seconds: int) -> Header:
    """A Retry-After header (RFC 3261, section 20.33)."""
    return "Retry-After", str(max(1, seconds))
