"""RTP packets (RFC 3550, section 5), many at once.

Packets are the rows of one array, as a receive loop fills it; the headers of all of them are read in a few
array operations. Nothing here raises on what came from the network: a row that is not RTP gets a cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from talkpath.codecs.types import Codes, Rows

HEADER_LENGTH: Final = 12
"""Octets of a header without contributing sources and without an extension."""

_VERSION_2: Final = 0x80
_PADDING_BIT: Final = 0x20
_EXTENSION_BIT: Final = 0x10
_HEADER: Final = np.dtype(
    [("flags", "u1"), ("kind", "u1"), ("sequence", ">u2"), ("timestamp", ">u4"), ("ssrc", ">u4")]
)


class RejectCause(IntEnum):
    """Why a datagram on an RTP port is not taken as media."""

    OK = 0
    """It is an RTP packet."""
    TOO_SHORT = 1
    """Shorter than the fixed header."""
    BAD_VERSION = 2
    """The version is not 2: STUN, DTLS, T.38 or noise."""
    BAD_CSRC = 3
    """The list of contributing sources runs over the end."""
    BAD_EXTENSION = 4
    """The header extension runs over the end."""
    BAD_PADDING = 5
    """The padding is empty, or longer than what is left for the payload."""
    RTCP = 6
    """RTCP on the media port (RFC 5761): the second octet is 192 to 223."""


@dataclass(frozen=True, slots=True, eq=False)
class ParsedPackets:
    """The fields of k packets, one array each; the fields of a rejected packet mean nothing."""

    reject: NDArray[np.uint8]
    """RejectCause of each packet, 0 = accepted."""
    marker: NDArray[np.bool_]
    payload_type: NDArray[np.uint8]
    sequence: NDArray[np.uint16]
    timestamp: NDArray[np.uint32]
    ssrc: NDArray[np.uint32]
    payload_offset: Rows
    """First octet of the payload within the packet."""
    payload_length: Rows
    """Octets of payload, without padding; 0 in a rejected packet."""


def parse(packets: Codes, lengths: Rows) -> ParsedPackets:
    """Read the headers of many packets.

    Args:
        packets: uint8 (k, width), one datagram per row, rest of the row undefined.
        lengths: octets received in each row (k,); values outside 0 to width are limited to it.

    Returns:
        The fields and, for each packet, whether it is RTP.
    """
    count, width = packets.shape
    if width < HEADER_LENGTH:
        packets, narrow = np.zeros((count, HEADER_LENGTH), np.uint8), packets
        packets[:, :width] = narrow
    lengths = np.minimum(np.maximum(lengths, 0), width)
    header = np.ascontiguousarray(packets[:, :HEADER_LENGTH]).view(_HEADER)[:, 0]
    flags, kind = header["flags"], header["kind"]
    reject = np.zeros(count, np.uint8)
    offset = np.full(count, HEADER_LENGTH, np.intp)
    length = lengths - HEADER_LENGTH
    unusual = (flags != _VERSION_2) | ((kind >= 192) & (kind < 224)) | (length < 0)
    if unusual.any():
        rows = np.flatnonzero(unusual)
        reject[rows], offset[rows], length[rows] = _parse_unusual(packets[rows], lengths[rows])
    return ParsedPackets(
        reject=reject,
        marker=kind >= 0x80,
        payload_type=np.bitwise_and(kind, 0x7F, dtype=np.uint8),
        sequence=header["sequence"].astype(np.uint16),
        timestamp=header["timestamp"].astype(np.uint32),
        ssrc=header["ssrc"].astype(np.uint32),
        payload_offset=offset,
        payload_length=length,
    )


def _parse_unusual(packets: Codes, size: Rows) -> tuple[Rows, Rows, Rows]:
    """Return, of packets with more or less than a bare header, the cause, payload offset and length."""
    flags, kind = packets[:, 0].astype(np.intp), packets[:, 1]
    start, truncated_sources = _skip_sources(flags, size)
    start, truncated_extension = _skip_extension(packets, flags, start, size)
    padding, bad_padding = _padding(packets, flags, start, size)
    version_2 = (flags & 0xC0) == _VERSION_2
    # The first cause that holds is the cause.
    cause = np.select(
        [
            version_2 & (kind >= 192) & (kind < 224) & (size >= 4),
            size < HEADER_LENGTH,
            ~version_2,
            truncated_sources,
            truncated_extension,
            bad_padding,
        ],
        [
            RejectCause.RTCP,
            RejectCause.TOO_SHORT,
            RejectCause.BAD_VERSION,
            RejectCause.BAD_CSRC,
            RejectCause.BAD_EXTENSION,
            RejectCause.BAD_PADDING,
        ],
        RejectCause.OK,
    )
    accepted = cause == RejectCause.OK
    return cause, np.where(accepted, start, 0), np.where(accepted, size - start - padding, 0)


def _skip_sources(flags: Rows, size: Rows) -> tuple[Rows, NDArray[np.bool_]]:
    """Return where the contributing sources end, and whether that is beyond the packet."""
    end = HEADER_LENGTH + 4 * (flags & 0x0F)
    return end, end > size


def _skip_extension(packets: Codes, flags: Rows, start: Rows, size: Rows) -> tuple[Rows, NDArray[np.bool_]]:
    """Return where the header extension ends, if there is one, and whether that is beyond the packet."""
    present = (flags & _EXTENSION_BIT) != 0
    rows, last = np.arange(len(packets)), packets.shape[1] - 1
    high = packets[rows, np.minimum(start + 2, last)].astype(np.intp)
    low = packets[rows, np.minimum(start + 3, last)]
    fits = start + 4 <= size
    end = np.where(present & fits, start + 4 + 4 * ((high << 8) | low), start)
    return end, present & (~fits | (end > size))


def _padding(packets: Codes, flags: Rows, start: Rows, size: Rows) -> tuple[Rows, NDArray[np.bool_]]:
    """Return the octets of padding at the end, and whether their number is impossible."""
    present = (flags & _PADDING_BIT) != 0
    final = packets[np.arange(len(packets)), np.maximum(size - 1, 0)]
    count = np.where(present, final, 0).astype(np.intp)
    return count, present & ((count == 0) | (count > size - start))


def build(  # noqa: PLR0917 - the fields in the order of the header
    payloads: Codes,
    payload_type: ArrayLike,
    sequence: ArrayLike,
    timestamp: ArrayLike,
    ssrc: ArrayLike,
    marker: ArrayLike,
) -> Codes:
    """Put headers before payloads (k, n); return packets, uint8 (k, 12 + n). See `write_headers`."""
    count, length = payloads.shape
    packets = np.empty((count, HEADER_LENGTH + length), np.uint8)
    write_headers(packets, payload_type, sequence, timestamp, ssrc, marker)
    packets[:, HEADER_LENGTH:] = payloads
    return packets


def write_headers(  # noqa: PLR0917 - the fields in the order of the header
    out: Codes,
    payload_type: ArrayLike,
    sequence: ArrayLike,
    timestamp: ArrayLike,
    ssrc: ArrayLike,
    marker: ArrayLike,
) -> None:
    """Write headers into the first 12 octets of each row of `out`, uint8 (k, >= 12), in place.

    Each field is one number for all rows or an array (k,); arrays of wider integers are cut to the width
    of the field, so that counters may simply run on.
    """
    header = out[:, :HEADER_LENGTH].view(_HEADER)[:, 0]
    header["flags"] = _VERSION_2
    kind = np.asarray(payload_type).astype(np.uint8) & 0x7F
    header["kind"] = kind | (np.asarray(marker).astype(np.uint8) << 7)
    header["sequence"] = sequence
    header["timestamp"] = timestamp
    header["ssrc"] = ssrc


def sequence_distance(later: ArrayLike, earlier: ArrayLike) -> NDArray[np.int16]:
    """Return `later - earlier` of sequence numbers, across the wrap: -32,768 to 32,767."""
    return (np.asarray(later, np.int64) - np.asarray(earlier, np.int64)).astype(np.int16)


def timestamp_distance(later: ArrayLike, earlier: ArrayLike) -> NDArray[np.int32]:
    """Return `later - earlier` of timestamps, across the wrap: -2**31 to 2**31 - 1."""
    return (np.asarray(later, np.int64) - np.asarray(earlier, np.int64)).astype(np.int32)
