"""RTCP (RFC 3550, section 6): the reports one lane sends and reads. One datagram at a time, seconds apart.

Reading never raises: a datagram is either understood to its end or refused with a cause. Packet types we
do not use (SDES, APP, feedback) are stepped over.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

_SENDER_REPORT: Final = 200
_RECEIVER_REPORT: Final = 201
_SOURCE_DESCRIPTION: Final = 202
_GOODBYE: Final = 203
_CNAME: Final = 1
_VERSION_2: Final = 0x80
_MOST_BLOCKS: Final = 31  # the count has five bits
_NTP_EPOCH: Final = 2_208_988_800  # seconds from 1900 to 1970

_HEADER: Final = struct.Struct("!BBH")
_SSRC: Final = struct.Struct("!L")
_SENDER_INFO: Final = struct.Struct("!QLLL")
_BLOCK: Final = struct.Struct("!LLLLLL")


class RtcpRejectCause(IntEnum):
    """Why a datagram is not taken as RTCP."""

    TOO_SHORT = 1
    """Nothing, or less than a header at the end."""
    BAD_VERSION = 2
    """The version of a packet is not 2."""
    BAD_LENGTH = 3
    """A packet is longer than the datagram, or shorter than what it says it holds."""
    BAD_PADDING = 4
    """The padding of a packet is empty, or longer than the packet."""


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What one receiver says of one source (section 6.4.1)."""

    ssrc: int
    fraction_lost: int
    """In 1/256 since the report before."""
    lost: int
    """Packets since the beginning, signed 24 bits."""
    highest_sequence: int
    jitter: int
    """RTP clock ticks."""
    last_report: int = 0
    """Middle 32 bits of the NTP time of the last sender report, 0 if none came."""
    since_last_report: int = 0
    """Time since that report, in 1/65,536 s."""


@dataclass(frozen=True, slots=True)
class SenderReport:
    """How much a source has sent, and what it received."""

    ssrc: int
    ntp: int
    """64-bit NTP time of the report, see `ntp_time`."""
    rtp_timestamp: int
    """The same moment on the RTP clock."""
    packets: int
    octets: int
    """Octets of payload."""
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """What a party that sends nothing received."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Sources that stop."""

    sources: tuple[int, ...]
    reason: bytes = b""


RtcpItem: TypeAlias = SenderReport | ReceiverReport | Goodbye


def ntp_time(unix_seconds: float) -> int:
    """Return the 64-bit NTP time of a wall-clock time (section 4)."""
    return round((unix_seconds + _NTP_EPOCH) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF


def round_trip(block: ReportBlock, ntp: int) -> float | None:
    """Return the round-trip time in seconds from a report block that arrived at the NTP time `ntp`.

    None if the block names no sender report, or clocks that cannot be (a negative time, or above 60 s).
    """
    if not block.last_report:
        return None
    ticks = ((ntp >> 16) - block.last_report - block.since_last_report) & 0xFFFFFFFF
    return ticks / 65536 if ticks <= 60 * 65536 else None


def build_report(report: SenderReport | ReceiverReport, cname: str) -> bytes:
    """Return the compound packet that is sent at each interval: the report, then the CNAME.

    Raises:
        ValueError: more than 31 report blocks, or a CNAME longer than 255 octets.
    """
    return _report(report) + _description(report.ssrc, cname)


def build_goodbye(report: SenderReport | ReceiverReport, cname: str, reason: str = "") -> bytes:
    """Return the compound packet that ends a source: a last report, the CNAME, BYE (section 6.6).

    Raises:
        ValueError: more than 31 report blocks, or a CNAME or reason longer than 255 octets.
    """
    body = _SSRC.pack(report.ssrc)
    if reason:
        body += _text(reason)
    return build_report(report, cname) + _packet(_GOODBYE, 1, body)


def parse(data: bytes | bytearray | memoryview) -> tuple[RtcpItem, ...] | RtcpRejectCause:
    """Read a datagram; return its reports and goodbyes in order, or why it is refused."""
    data = bytes(data)
    items: list[RtcpItem] = []
    position = 0
    while position < len(data) or position == 0:
        if len(data) - position < _HEADER.size:
            return RtcpRejectCause.TOO_SHORT
        flags, kind, words = _HEADER.unpack_from(data, position)
        if flags & 0xC0 != _VERSION_2:
            return RtcpRejectCause.BAD_VERSION
        end = position + _HEADER.size + 4 * words
        if end > len(data):
            return RtcpRejectCause.BAD_LENGTH
        body = data[position + _HEADER.size : end]
        if flags & 0x20:
            if not body or not 0 < body[-1] <= len(body):
                return RtcpRejectCause.BAD_PADDING
            body = body[: -body[-1]]
        item = _item(kind, flags & 0x1F, body)
        if isinstance(item, RtcpRejectCause):
            return item
        if item is not None:
            items.append(item)
        position = end
    return tuple(items)


def _item(kind: int, count: int, body: bytes) -> RtcpItem | RtcpRejectCause | None:
    """Read one packet of a compound; None if it is of a type we do not use."""
    if kind == _GOODBYE:
        return _read_goodbye(count, body)
    if kind not in {_SENDER_REPORT, _RECEIVER_REPORT}:
        return None
    start = _SSRC.size + (_SENDER_INFO.size if kind == _SENDER_REPORT else 0)
    # What is behind the blocks is a profile's extension (section 6.4.3).
    if len(body) < start + count * _BLOCK.size:
        return RtcpRejectCause.BAD_LENGTH
    (ssrc,) = _SSRC.unpack_from(body)
    blocks = tuple(_read_block(body, start + number * _BLOCK.size) for number in range(count))
    if kind == _RECEIVER_REPORT:
        return ReceiverReport(ssrc, blocks)
    ntp, rtp_timestamp, packets, octets = _SENDER_INFO.unpack_from(body, _SSRC.size)
    return SenderReport(ssrc, ntp, rtp_timestamp, packets, octets, blocks)


def _read_block(body: bytes, position: int) -> ReportBlock:
    """Read one report block."""
    ssrc, loss, highest, jitter, last, since = _BLOCK.unpack_from(body, position)
    lost = loss & 0xFFFFFF
    lost -= (lost & 0x800000) << 1  # the sign of 24 bits
    return ReportBlock(ssrc, loss >> 24, lost, highest, jitter, last, since)


def _read_goodbye(count: int, body: bytes) -> Goodbye | RtcpRejectCause:
    """Read a BYE; a reason that runs over the end is cut there, for nothing depends on it."""
    if len(body) < count * _SSRC.size:
        return RtcpRejectCause.BAD_LENGTH
    sources = struct.unpack_from(f"!{count}L", body)
    text = body[count * _SSRC.size :]
    return Goodbye(sources, text[1 : 1 + text[0]] if text else b"")


def _report(report: SenderReport | ReceiverReport) -> bytes:
    """Write a report."""
    if len(report.blocks) > _MOST_BLOCKS:
        raise ValueError(f"{len(report.blocks)} report blocks; one RTCP packet holds at most {_MOST_BLOCKS}.")
    body = _SSRC.pack(report.ssrc)
    kind = _RECEIVER_REPORT
    if isinstance(report, SenderReport):
        kind = _SENDER_REPORT
        counts = (report.packets & 0xFFFFFFFF, report.octets & 0xFFFFFFFF)  # they wrap in a long call
        body += _SENDER_INFO.pack(report.ntp, report.rtp_timestamp, *counts)
    for block in report.blocks:
        loss = (block.fraction_lost << 24) | (block.lost & 0xFFFFFF)
        body += _BLOCK.pack(
            block.ssrc, loss, block.highest_sequence, block.jitter, block.last_report, block.since_last_report
        )
    return _packet(kind, len(report.blocks), body)


def _description(ssrc: int, cname: str) -> bytes:
    """Write an SDES packet with one CNAME; at least one zero octet ends the list of items."""
    return _packet(_SOURCE_DESCRIPTION, 1, _SSRC.pack(ssrc) + bytes((_CNAME,)) + _text(cname) + b"\0")


def _text(text: str) -> bytes:
    """Write a text with its length in one octet before it."""
    encoded = text.encode()
    if len(encoded) > 255:
        raise ValueError(f"An RTCP text of {len(encoded)} octets: at most 255 fit.")
    return bytes((len(encoded),)) + encoded


def _packet(kind: int, count: int, body: bytes) -> bytes:
    """Write a header before a body, which is filled up with zeros to whole words."""
    body += bytes(-len(body) % 4)
    return _HEADER.pack(_VERSION_2 | count, kind, len(body) // 4) + body
