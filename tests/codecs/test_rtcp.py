import struct

import pytest
from aiortc.rtp import AnyRtcpPacket, RtcpByePacket, RtcpPacket, RtcpRrPacket, RtcpSdesPacket, RtcpSrPacket
from hypothesis import given
from hypothesis import strategies as st

from talkpath.codecs import rtcp
from talkpath.codecs.rtcp import Goodbye, ReceiverReport, ReportBlock, RtcpRejectCause, SenderReport

WORD = st.integers(0, 0xFFFFFFFF)
BLOCKS = st.builds(
    ReportBlock, WORD, st.integers(0, 255), st.integers(-(2**23), 2**23 - 1), WORD, WORD, WORD, WORD
)
BLOCK_LISTS = st.lists(BLOCKS, max_size=31).map(tuple)
SENDER_REPORTS = st.builds(SenderReport, WORD, st.integers(0, 2**64 - 1), WORD, WORD, WORD, BLOCK_LISTS)
RECEIVER_REPORTS = st.builds(ReceiverReport, WORD, BLOCK_LISTS)
CNAMES = st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=40)

BLOCK = ReportBlock(1, 0, 0, 0, 0)
EMPTY_REPORT = bytes.fromhex("80c9000100000001")


def same_blocks(ours: tuple[ReportBlock, ...], theirs: RtcpSrPacket | RtcpRrPacket) -> bool:
    return [
        (b.ssrc, b.fraction_lost, b.lost, b.highest_sequence, b.jitter, b.last_report, b.since_last_report)
        for b in ours
    ] == [
        (r.ssrc, r.fraction_lost, r.packets_lost, r.highest_sequence, r.jitter, r.lsr, r.dlsr)
        for r in theirs.reports
    ]


@given(SENDER_REPORTS, CNAMES)
def test_a_sender_report_reads_in_the_peer_and_back(report: SenderReport, cname: str) -> None:
    data = rtcp.build_report(report, cname)
    sender, description = RtcpPacket.parse(data)
    assert isinstance(sender, RtcpSrPacket)
    assert isinstance(description, RtcpSdesPacket)
    info = sender.sender_info
    assert (info.ntp_timestamp, info.rtp_timestamp) == (report.ntp, report.rtp_timestamp)
    assert (info.packet_count, info.octet_count) == (report.packets, report.octets)
    assert same_blocks(report.blocks, sender)
    assert description.chunks[0].ssrc == report.ssrc
    assert description.chunks[0].items == [(1, cname.encode())]
    assert rtcp.parse(data) == (report,)


@given(RECEIVER_REPORTS, CNAMES, st.text(max_size=20))
def test_a_goodbye_is_a_compound_that_begins_with_a_report(
    report: ReceiverReport, cname: str, reason: str
) -> None:
    data = rtcp.build_goodbye(report, cname, reason)
    receiver, description, goodbye = RtcpPacket.parse(data)
    assert isinstance(receiver, RtcpRrPacket)
    assert isinstance(description, RtcpSdesPacket)
    assert isinstance(goodbye, RtcpByePacket)
    assert same_blocks(report.blocks, receiver)
    assert goodbye.sources == [report.ssrc]
    assert rtcp.parse(data) == (report, Goodbye((report.ssrc,), reason.encode()))


@pytest.mark.parametrize("length", range(1, 9))
def test_the_items_of_a_description_end_with_a_zero_and_fill_whole_words(length: int) -> None:
    description = rtcp.build_report(ReceiverReport(1), "n" * length)[len(EMPTY_REPORT) :]
    assert len(description) % 4 == 0
    assert 1 <= len(description.split(b"n" * length)[1]) <= 4
    assert not any(description.split(b"n" * length)[1])
    assert int.from_bytes(description[2:4], "big") * 4 + 4 == len(description)


def test_counters_of_a_long_call_wrap() -> None:
    data = rtcp.build_report(SenderReport(1, 2, 3, 2**32 + 4, 2**33 + 5), "a@b")
    assert rtcp.parse(data) == (SenderReport(1, 2, 3, 4, 5),)


def peer_verdict(data: bytes) -> list[AnyRtcpPacket] | str:
    """What aiortc reads, or why it refuses."""
    try:
        return RtcpPacket.parse(data)
    except ValueError as error:
        return str(error)
    except struct.error:
        return "feedback that runs over the end"  # aiortc reads two octets at a time without looking


PACKETS = st.builds(
    lambda flags, kind, body, lie: struct.pack("!BBH", flags, kind, max(0, len(body) // 4 + lie)) + body,
    st.sampled_from([0x80, 0x81, 0x82, 0xA0, 0xA1, 0x41]),
    st.integers(199, 207),
    st.binary(max_size=60).map(lambda body: body[: len(body) // 4 * 4]),
    st.sampled_from([0, 0, 0, 0, 1, -1]),
)


@given(st.binary(max_size=60) | st.lists(PACKETS, max_size=4).map(b"".join))
def test_any_octets_are_read_or_refused_and_never_differ_from_the_peer(data: bytes) -> None:
    ours = rtcp.parse(data)
    theirs = peer_verdict(data)
    if isinstance(theirs, str):
        # Types that we step over, and extensions behind the blocks of a report, are no fault for us.
        foreign = any(word in theirs for word in ("SDES", "feedback", "report length"))
        assert isinstance(ours, RtcpRejectCause) or foreign, theirs
        return
    if not data:
        assert ours is RtcpRejectCause.TOO_SHORT
        return
    assert not isinstance(ours, RtcpRejectCause)
    used = [packet for packet in theirs if isinstance(packet, RtcpSrPacket | RtcpRrPacket | RtcpByePacket)]
    assert len(ours) == len(used)
    for item, packet in zip(ours, used, strict=True):
        if isinstance(packet, RtcpByePacket):
            assert isinstance(item, Goodbye)
            assert list(item.sources) == packet.sources
        else:
            assert isinstance(item, SenderReport | ReceiverReport)
            assert item.ssrc == packet.ssrc
            assert same_blocks(item.blocks, packet)


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", RtcpRejectCause.TOO_SHORT),
        (b"\x80\xc9\x00", RtcpRejectCause.TOO_SHORT),
        (EMPTY_REPORT + b"\x80", RtcpRejectCause.TOO_SHORT),
        (b"\x40\xc9\x00\x00", RtcpRejectCause.BAD_VERSION),
        (b"\x80\xc9\x00\x02" + bytes(4), RtcpRejectCause.BAD_LENGTH),
        (b"\x80\xc9\x00\x00", RtcpRejectCause.BAD_LENGTH),
        (b"\x81\xc8\x00\x06" + bytes(24), RtcpRejectCause.BAD_LENGTH),
        (b"\x82\xcb\x00\x01" + bytes(4), RtcpRejectCause.BAD_LENGTH),
        (b"\xa0\xc9\x00\x00", RtcpRejectCause.BAD_PADDING),
        (b"\xa0\xc9\x00\x01" + bytes(4), RtcpRejectCause.BAD_PADDING),
        (b"\xa0\xc9\x00\x01\x00\x00\x00\x05", RtcpRejectCause.BAD_PADDING),
    ],
)
def test_each_malformed_shape_has_its_cause(data: bytes, cause: RtcpRejectCause) -> None:
    assert rtcp.parse(data) is cause


def test_padding_and_a_profile_extension_are_stepped_over() -> None:
    padded = b"\xa0\xc9\x00\x02\x00\x00\x00\x07\x00\x00\x00\x04"
    extended = b"\x80\xc9\x00\x02\x00\x00\x00\x07\xaa\xbb\xcc\xdd"
    assert rtcp.parse(padded + extended) == (ReceiverReport(7), ReceiverReport(7))


def test_a_goodbye_may_name_nobody_or_cut_its_reason() -> None:
    assert rtcp.parse(b"\x80\xcb\x00\x00") == (Goodbye(()),)
    assert rtcp.parse(b"\x81\xcb\x00\x02\x00\x00\x00\x07\x40bye") == (Goodbye((7,), b"bye"),)


def test_ntp_time_counts_from_1900() -> None:
    assert rtcp.ntp_time(0.0) == 2_208_988_800 << 32
    assert rtcp.ntp_time(0.5) & 0xFFFFFFFF == 1 << 31


def test_the_round_trip_is_what_neither_end_waited() -> None:
    sent = rtcp.ntp_time(1_800_000_000.0)
    block = ReportBlock(1, 0, 0, 0, 0, (sent >> 16) & 0xFFFFFFFF, since_last_report=2 * 65536)
    measured = rtcp.round_trip(block, rtcp.ntp_time(1_800_000_002.125))
    assert measured == pytest.approx(0.125, abs=1e-4)
    assert rtcp.round_trip(block, rtcp.ntp_time(1_800_000_001.0)) is None
    assert rtcp.round_trip(BLOCK, sent) is None


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match="at most 31"):
        rtcp.build_report(ReceiverReport(1, (BLOCK,) * 32), "a@b")
    with pytest.raises(ValueError, match="at most 255"):
        rtcp.build_report(ReceiverReport(1), "a" * 256)
