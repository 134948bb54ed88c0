"""Reading session descriptions (RFC 8866) as far as one audio stream needs it.

Tolerant where telephones are sloppy (line ends, order of attributes, missing ``a=rtpmap`` for static payload
types), strict where guessing would give one-way audio (no address, no usable port). Everything that is not
understood is skipped. All limits are fixed, because the text comes from the network.
"""

from __future__ import annotations

import functools
import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from talkpath.sip.addresses import is_address

if TYPE_CHECKING:
    from collections.abc import Iterable

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

DIRECTIONS: tuple[Direction, ...] = ("sendrecv", "sendonly", "recvonly", "inactive")

MAX_SDP_CHARACTERS = 16_384
MAX_LINES = 512
MAX_MEDIA = 16
MAX_FORMATS = 64

STATIC_CODECS: dict[int, tuple[str, int]] = {
    0: ("PCMU", 8000),
    3: ("GSM", 8000),
    4: ("G723", 8000),
    8: ("PCMA", 8000),
    9: ("G722", 8000),
    13: ("CN", 8000),
    15: ("G728", 8000),
    18: ("G729", 8000),
}
"""Static audio payload types of RFC 3551, table 4, that are met on telephones."""


class SdpError(ValueError):
    """A session description cannot be read, or nothing in it can be used."""

    status = 400
    """SIP status to answer with."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload format. Names are upper case; ``G722`` has the clock rate 8000 (RFC 3551)."""

    payload_type: int
    name: str
    clock_rate: int
    parameters: str = ""


@dataclass(frozen=True, slots=True)
class Media:
    """One media line with its attributes; session-level values are filled in where the line has none.

    Attributes:
        kind: ``audio``, ``video``, ``image`` and so on.
        port: 0 means that the line is refused or switched off.
        protocol: ``RTP/AVP``, ``RTP/SAVP`` and so on, upper case.
        formats: The format list as it stood.
        codecs: The formats that are RTP payload types and have a known mapping, in order of preference.
        address: Connection address; may be a host name.
        direction: As the describing side sees it; a connection to ``0.0.0.0`` takes the receiving away.
        packet_time: Milliseconds per packet, or 0 when it says nothing.
        rtcp: Address and port of ``a=rtcp`` (RFC 3605); the address is empty when it names none, the port 0
            without the attribute.
        cryptos: Values of ``a=crypto`` (RFC 4568), in order. They hold keys, so no repr shows them.
    """

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    codecs: tuple[Codec, ...]
    address: str
    direction: Direction
    packet_time: int
    rtcp_mux: bool
    rtcp: tuple[str, int]
    cryptos: tuple[str, ...] = field(repr=False)

    def codec(self, name: str, clock_rate: int = 8000) -> Codec | None:
        """The first codec of this name and clock rate."""
        return next((c for c in self.codecs if c.name == name and c.clock_rate == clock_rate), None)


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A whole description: the origin line's value, and the media lines in order."""

    origin: str
    media: tuple[Media, ...]

    @property
    def audio(self) -> Media | None:
        """The first audio line that is not switched off."""
        return next((line for line in self.media if line.kind == "audio" and line.port), None)


@dataclass(slots=True)
class _Section:
    """Lines of the session level, or of one media line."""

    media: str = ""
    address: str = ""
    attributes: list[tuple[str, str]] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]


@functools.lru_cache(maxsize=64)
def parse(text: str) -> SessionDescription:
    """Read a session description. One exchange reads the same text several times, hence the small cache.

    Raises:
        SdpError: it is too large, has no ``v=`` line, or a media line cannot be read.
    """
    if len(text) > MAX_SDP_CHARACTERS:
        raise SdpError(f"the session description has {len(text)} characters, more than {MAX_SDP_CHARACTERS}")
    lines = list(filter(None, map(str.strip, text.replace("\r", "\n").split("\n"))))
    if not lines or not lines[0].startswith("v="):
        raise SdpError("the session description does not start with v=")
    if len(lines) > MAX_LINES:
        raise SdpError(f"the session description has more than {MAX_LINES} lines")
    session, sections = _sections(lines)
    media = tuple(_media(section, session) for section in sections)
    return SessionDescription(origin=origin_of(lines), media=media)


def origin_of(lines: Iterable[str]) -> str:
    """Value of the first origin line (``o=``), without its line end; empty when there is none."""
    return next((line[2:].strip() for line in lines if line.startswith("o=")), "")


def _sections(lines: list[str]) -> tuple[_Section, list[_Section]]:
    """Split the lines into the session level and one section for each media line."""
    session = current = _Section()
    sections: list[_Section] = []
    for line in lines:
        kind, value = line[:2], line[2:]
        if kind == "m=":
            current = _Section(media=value)
            sections.append(current)
        elif kind == "c=":
            current.address = _connection_address(value)
        elif kind == "a=":
            name, _, attribute = value.partition(":")
            current.attributes.append((name.strip().lower(), attribute.strip()))
    if len(sections) > MAX_MEDIA:
        raise SdpError(f"the session description has more than {MAX_MEDIA} media lines")
    return session, sections


def _connection_address(value: str) -> str:
    """Address of a ``c=`` line: ``IN IP4 192.0.2.1/127`` without its suffix."""
    parts = value.split()
    if len(parts) != 3 or parts[0].upper() != "IN" or parts[1].upper() not in {"IP4", "IP6"}:
        raise SdpError(f"not a connection line: c={value[:60]}")
    return parts[2].partition("/")[0]


def _media(section: _Section, session: _Section) -> Media:
    parts = section.media.split()
    if len(parts) < 4:
        raise SdpError(f"not a media line: m={section.media[:60]}")
    port = _number(parts[1].partition("/")[0], 65_535)
    if port is None:
        raise SdpError(f"not a port: m={section.media[:60]}")
    formats = tuple(parts[3 : 3 + MAX_FORMATS])
    address = section.address or session.address
    if port and not address and parts[0].lower() == "audio":
        raise SdpError("the audio line has no connection address (c=)")
    return Media(
        kind=parts[0].lower(),
        port=port,
        protocol=parts[2].upper(),
        formats=formats,
        codecs=_codecs(formats, section),
        address=address,
        direction=_direction(section, session, address),
        packet_time=_packet_time(section, session),
        rtcp_mux=bool(section.values("rtcp-mux")),
        rtcp=_rtcp(section),
        cryptos=tuple(section.values("crypto")[:8]),
    )


def _rtcp(section: _Section) -> tuple[str, int]:
    """``53020`` or ``53020 IN IP4 192.0.2.1``; nothing when it is malformed, or names a host."""
    for value in section.values("rtcp")[:1]:
        number, *rest = value.split()[:4] or [""]
        port = _number(number, 65_535) or 0
        address = rest[2] if len(rest) == 3 else ""
        if not address or is_address(address):
            return address, port
    return "", 0


def _codecs(formats: tuple[str, ...], section: _Section) -> tuple[Codec, ...]:
    mapping = dict(filter(None, (_rtpmap(value) for value in section.values("rtpmap"))))
    parameters = {
        value.partition(" ")[0]: value.partition(" ")[2].strip() for value in section.values("fmtp")
    }
    found = []
    for text in formats:
        payload_type = _number(text, 127)
        if payload_type is None:
            continue
        known = mapping.get(payload_type) or STATIC_CODECS.get(payload_type)
        if known:
            found.append(Codec(payload_type, known[0], known[1], parameters.get(text, "")))
    return tuple(found)


def _rtpmap(value: str) -> tuple[int, tuple[str, int]] | None:
    """``0 PCMU/8000/1`` to number, name and clock rate; None when it is malformed."""
    number, _, encoding = value.partition(" ")
    name, _, rest = encoding.strip().partition("/")
    payload_type = _number(number, 127)
    clock_rate = _number(rest.partition("/")[0], 1_000_000)
    if payload_type is None or not clock_rate or not name:
        return None
    return payload_type, (name.upper(), clock_rate)


def _direction(section: _Section, session: _Section, address: str) -> Direction:
    named = [*_directions(section), *_directions(session), "sendrecv"][0]
    direction: Direction = next(known for known in DIRECTIONS if known == named)
    if not is_unspecified(address):
        return direction
    # RFC 3264, section 8.4: the old way to put a call on hold is the address 0.0.0.0.
    return "sendonly" if direction in {"sendrecv", "sendonly"} else "inactive"


def _directions(section: _Section) -> list[str]:
    return [name for name, _ in section.attributes if name in DIRECTIONS]


def _packet_time(section: _Section, session: _Section) -> int:
    """``a=ptime`` in whole milliseconds; 0 when it is absent or senseless."""
    for value in [*section.values("ptime"), *session.values("ptime")]:
        number = _number(value.partition(".")[0], 200)
        if number:
            return number
    return 0


def _number(text: str, largest: int) -> int | None:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        return None
    number = int(text)
    return number if number <= largest else None


@functools.lru_cache(maxsize=256)
def is_unspecified(address: str) -> bool:
    """Whether an address is ``0.0.0.0`` or ``::``. A host name is not."""
    try:
        return ipaddress.ip_address(address).is_unspecified
    except ValueError:
        return False
