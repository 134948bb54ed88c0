import numpy as np
import pytest
from aiortc.rtp import RtpPacket
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from talkpath.codecs import rtp
from talkpath.codecs.rtp import ParsedPackets, RejectCause

PLAIN = bytes.fromhex("80000001000000a0deadbeef") + b"\xff" * 160


def rows_of(datagrams: list[bytes], width: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """Put datagrams into rows as a receive loop does, with rubbish behind each."""
    width = width or max(map(len, datagrams), default=0) + 3
    packets = np.full((len(datagrams), width), 0xA5, np.uint8)
    for row, datagram in zip(packets, datagrams, strict=True):
        row[: len(datagram)] = np.frombuffer(datagram, np.uint8)
    return packets, np.array([len(datagram) for datagram in datagrams], np.intp)


def parse(*datagrams: bytes) -> ParsedPackets:
    return rtp.parse(*rows_of(list(datagrams)))


def payload_of(datagram: bytes, parsed: ParsedPackets, row: int) -> bytes:
    start = int(parsed.payload_offset[row])
    return datagram[start : start + int(parsed.payload_length[row])]


def peer_verdict(datagram: bytes) -> RtpPacket | str:
    """What aiortc reads, or why it refuses."""
    try:
        return RtpPacket.parse(datagram)
    except ValueError as error:
        return str(error)


@st.composite
def valid_packets(draw: st.DrawFn) -> bytes:
    packet = RtpPacket(
        payload_type=draw(st.integers(0, 63) | st.integers(96, 127)),
        marker=draw(st.integers(0, 1)),
        sequence_number=draw(st.integers(0, 0xFFFF)),
        timestamp=draw(st.integers(0, 0xFFFFFFFF)),
        ssrc=draw(st.integers(0, 0xFFFFFFFF)),
        payload=draw(st.binary(max_size=200)),
    )
    packet.csrc = draw(st.lists(st.integers(0, 0xFFFFFFFF), max_size=15))
    packet.padding_size = draw(st.integers(0, 255))
    data = packet.serialize()
    words = draw(st.none() | st.integers(0, 20))
    if words is None:
        return data
    cut = 12 + 4 * len(packet.csrc)
    extension = (
        b"\x12\x34" + words.to_bytes(2, "big") + draw(st.binary(min_size=4 * words, max_size=4 * words))
    )
    return bytes((data[0] | 0x10,)) + data[1:cut] + extension + data[cut:]


# Reading


@given(st.lists(valid_packets(), min_size=1, max_size=8))
def test_valid_packets_read_as_their_peer_reads_them(datagrams: list[bytes]) -> None:
    parsed = parse(*datagrams)
    assert not parsed.reject.any()
    for row, datagram in enumerate(datagrams):
        theirs = RtpPacket.parse(datagram)
        assert parsed.marker[row] == theirs.marker
        assert parsed.payload_type[row] == theirs.payload_type
        assert parsed.sequence[row] == theirs.sequence_number
        assert parsed.timestamp[row] == theirs.timestamp
        assert parsed.ssrc[row] == theirs.ssrc
        assert payload_of(datagram, parsed, row) == theirs.payload


HOSTILE = st.binary(max_size=80) | st.builds(
    lambda flags, rest: bytes((0x80 | flags,)) + rest, st.integers(0, 63), st.binary(max_size=80)
)


@given(st.lists(HOSTILE, max_size=8), st.integers(0, 90))
@example([b"\xb0" + bytes(11)], 12)
def test_any_octets_are_read_or_refused_with_the_verdict_of_the_peer(
    datagrams: list[bytes], width: int
) -> None:
    datagrams = [datagram[:width] for datagram in datagrams]
    parsed = rtp.parse(*rows_of(datagrams, width))
    for row, datagram in enumerate(datagrams):
        cause = RejectCause(parsed.reject[row])
        theirs = peer_verdict(datagram)
        if isinstance(theirs, str):
            # The elements inside a header extension are not ours to judge: we skip it whole.
            assert cause is not RejectCause.OK or "header extension" in theirs, theirs
            continue
        if cause is RejectCause.RTCP:
            assert 192 <= datagram[1] < 224
            continue
        assert cause is RejectCause.OK
        assert payload_of(datagram, parsed, row) == theirs.payload


@pytest.mark.parametrize(
    ("datagram", "cause"),
    [
        (b"", RejectCause.TOO_SHORT),
        (PLAIN[:11], RejectCause.TOO_SHORT),
        (PLAIN[:12], RejectCause.OK),
        (PLAIN, RejectCause.OK),
        (b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12), RejectCause.BAD_VERSION),  # STUN
        (b"\x40" + PLAIN[1:], RejectCause.BAD_VERSION),
        (b"\xc0" + PLAIN[1:], RejectCause.BAD_VERSION),
        (b"\x81" + PLAIN[1:15], RejectCause.BAD_CSRC),
        (b"\x8f" + PLAIN[1:71], RejectCause.BAD_CSRC),
        (b"\x8f" + PLAIN[1:72], RejectCause.OK),
        (b"\x90" + PLAIN[1:15], RejectCause.BAD_EXTENSION),
        (b"\x90" + PLAIN[1:12] + b"\xbe\xde\x00\x01" + bytes(3), RejectCause.BAD_EXTENSION),
        (b"\x90" + PLAIN[1:12] + b"\xbe\xde\x00\x01" + bytes(4), RejectCause.OK),
        (b"\x90" + PLAIN[1:12] + b"\xbe\xde\xff\xff" + bytes(4), RejectCause.BAD_EXTENSION),
        (b"\xa0" + PLAIN[1:12] + b"\x00", RejectCause.BAD_PADDING),
        (b"\xa0" + PLAIN[1:12] + b"\x02", RejectCause.BAD_PADDING),
        (b"\xa0" + PLAIN[1:12] + b"\x01", RejectCause.OK),
        (b"\xa0" + PLAIN[1:12], RejectCause.BAD_PADDING),
        (bytes.fromhex("80c80006") + bytes(24), RejectCause.RTCP),
        (bytes.fromhex("81cb0001deadbeef"), RejectCause.RTCP),  # BYE is shorter than an RTP header
        (bytes.fromhex("80df0000"), RejectCause.RTCP),
        (bytes.fromhex("80e0") + PLAIN[2:], RejectCause.OK),  # payload type 96 with the marker
        (bytes.fromhex("80bf") + PLAIN[2:], RejectCause.OK),
        (bytes.fromhex("80c8"), RejectCause.TOO_SHORT),
    ],
)
def test_each_shape_has_its_cause(datagram: bytes, cause: RejectCause) -> None:
    parsed = parse(PLAIN, datagram, PLAIN)
    assert parsed.reject.tolist() == [RejectCause.OK, cause, RejectCause.OK]
    assert parsed.payload_length[[0, 2]].tolist() == [160, 160]
    if cause is not RejectCause.OK:
        assert parsed.payload_length[1] == 0


def test_a_length_beyond_the_row_or_below_zero_is_limited() -> None:
    packets, _ = rows_of([PLAIN, PLAIN], width=len(PLAIN))
    parsed = rtp.parse(packets, np.array([9999, -5], np.intp))
    assert parsed.payload_length.tolist() == [160, 0]
    assert parsed.reject.tolist() == [RejectCause.OK, RejectCause.TOO_SHORT]


def test_rows_may_be_a_part_of_a_wider_array() -> None:
    ring = np.zeros((4, 2048), np.uint8)
    ring[1::2, 8 : 8 + len(PLAIN)] = np.frombuffer(PLAIN, np.uint8)
    parsed = rtp.parse(ring[1::2, 8:], np.full(2, len(PLAIN), np.intp))
    assert parsed.ssrc.tolist() == [0xDEADBEEF] * 2
    assert parsed.timestamp.tolist() == [160] * 2


# Writing


def test_built_packets_read_back_in_the_peer() -> None:
    payloads = np.arange(480, dtype=np.uint8).reshape(3, 160)
    packets = rtp.build(
        payloads,
        np.array([0, 8, 101]),
        np.array([65535, 65536, -1]),
        np.array([2**32 - 1, 2**32 + 7, 5]),
        np.array([1, 2, 2**32 - 1]),
        np.array([True, False, True]),
    )
    read = [RtpPacket.parse(row.tobytes()) for row in packets]
    assert [p.payload_type for p in read] == [0, 8, 101]
    assert [p.sequence_number for p in read] == [65535, 0, 65535]
    assert [p.timestamp for p in read] == [2**32 - 1, 7, 5]
    assert [p.ssrc for p in read] == [1, 2, 2**32 - 1]
    assert [p.marker for p in read] == [1, 0, 1]
    assert b"".join(p.payload for p in read) == payloads.tobytes()


@given(st.integers(0, 127), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.booleans())
def test_what_is_written_is_read(payload_type: int, sequence: int, number: int, marker: bool) -> None:
    out = np.full((2, 172), 0xEE, np.uint8)
    rtp.write_headers(out, payload_type, sequence, number, number ^ 0xFFFF, marker)
    parsed = rtp.parse(out, np.full(2, 172, np.intp))
    assert (out[:, 12:] == 0xEE).all()
    if marker and 64 <= payload_type < 96:
        assert (parsed.reject == RejectCause.RTCP).all()  # RFC 5761 reserves these payload types
    else:
        assert not parsed.reject.any()
    assert (parsed.payload_type == payload_type).all()
    assert (parsed.sequence == sequence).all()
    assert (parsed.timestamp == number).all()
    assert (parsed.ssrc == number ^ 0xFFFF).all()
    assert (parsed.marker == marker).all()


# Arithmetic across the wrap


@given(st.integers(0, 0xFFFF), st.integers(-(2**15), 2**15 - 1))
def test_sequence_numbers_wrap(start: int, step: int) -> None:
    later = np.array([(start + step) % 2**16], np.uint16)
    assert rtp.sequence_distance(later, np.array([start], np.uint16)).tolist() == [step]


@given(st.integers(0, 0xFFFFFFFF), st.integers(-(2**31), 2**31 - 1))
def test_timestamps_wrap(start: int, step: int) -> None:
    later = np.array([(start + step) % 2**32], np.uint32)
    assert rtp.timestamp_distance(later, np.array([start], np.uint32)).tolist() == [step]
    assert rtp.timestamp_distance(int(later[0]), start) == step
