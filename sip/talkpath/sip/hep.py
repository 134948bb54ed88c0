"""HEP3, the capture protocol of Homer: one SIP message with its addresses in one datagram. Pure.

After "HEP3 Network Protocol Specification, revision 36" (sipcapture): the letters HEP3, the total length, and
chunks of vendor, type, length and value, all in network order.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from talkpath.sip.addresses import split_host_port

if TYPE_CHECKING:
    from collections.abc import Iterator

GENERIC: Final = 0
"""Vendor of the chunks that everybody knows."""

_FAMILY, _PROTOCOL = 1, 2
_SOURCE_V4, _TARGET_V4, _SOURCE_V6, _TARGET_V6 = 3, 4, 5, 6
_SOURCE_PORT, _TARGET_PORT = 7, 8
_SECONDS, _MICROSECONDS = 9, 10
_KIND, _CAPTURE_ID, _KEY, _PAYLOAD, _CORRELATION = 11, 12, 14, 15, 17

_AF_INET, _AF_INET6 = 2, 10
_UDP: Final = 17
_SIP: Final = 1

MAX_PAYLOAD: Final = 60_000
"""Octets of a message that fit a datagram beside the other chunks; the rest is cut off."""


class Packet(NamedTuple):
    """One captured message.

    Attributes:
        source, target: ``host:port``, both of one address family.
        at: Unix seconds.
        correlation: What joins the packets of a call; the Call-ID.
        text: The message.
    """

    source: str
    target: str
    at: float
    correlation: str
    text: str


def encode(packet: Packet, capture_id: int, key: str = "") -> bytes:
    """Encode a packet.

    Args:
        packet: The message.
        capture_id: Number of this node at the server.
        key: What the server asks for; empty: nothing.

    Raises:
        ValueError: an address is none, or the two are of different families.
    """
    body = b"".join(_chunk(kind, value) for kind, value in _values(packet, capture_id, key))
    return b"HEP3" + struct.pack("!H", 6 + len(body)) + body


def _values(packet: Packet, capture_id: int, key: str) -> Iterator[tuple[int, bytes]]:
    (source, source_port), (target, target_port) = map(split_host_port, (packet.source, packet.target))
    ours, theirs = ipaddress.ip_address(source), ipaddress.ip_address(target)
    if ours.version != theirs.version:
        raise ValueError(f"{source} and {target} are of different families")
    v4 = ours.version == 4
    yield _FAMILY, bytes([_AF_INET if v4 else _AF_INET6])
    yield _PROTOCOL, bytes([_UDP])
    yield (_SOURCE_V4 if v4 else _SOURCE_V6), ours.packed
    yield (_TARGET_V4 if v4 else _TARGET_V6), theirs.packed
    yield _SOURCE_PORT, struct.pack("!H", source_port or 0)
    yield _TARGET_PORT, struct.pack("!H", target_port or 0)
    microseconds = round(packet.at * 1e6)
    yield _SECONDS, struct.pack("!I", microseconds // 1_000_000)
    yield _MICROSECONDS, struct.pack("!I", microseconds % 1_000_000)
    yield _KIND, bytes([_SIP])
    yield _CAPTURE_ID, struct.pack("!I", capture_id)
    if key:
        yield _KEY, key.encode()
    if packet.correlation:
        yield _CORRELATION, packet.correlation.encode()[:255]
    yield _PAYLOAD, packet.text.encode("utf-8", "replace")[:MAX_PAYLOAD]


def _chunk(kind: int, value: bytes) -> bytes:
    return struct.pack("!HHH", GENERIC, kind, 6 + len(value)) + value
