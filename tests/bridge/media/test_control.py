"""RTCP of a lane: what it reports, what it believes, and when."""

from __future__ import annotations

import itertools
import socket
from random import Random
from typing import Any

import numpy as np
import pytest

from talkpath.codecs import rtcp
from talkpath.codecs.opus import OpusEncoder
from tests.bridge.media.phone import Heard, Line, drain, frame, packet, udp


class Phone:
    """A lane with RTCP on a port of its own, and a phone that takes RTCP one port above its RTP."""

    def __init__(self, line: Line, **media: Any) -> None:
        self.line = line
        self.rtp, self.rtcp = pair()
        self.port, self.port_rtcp = udp(), udp()
        self.lane = line.plane.open_lane(self.port, "pcmu", line.now, self.port_rtcp)
        line.ports[self.lane], line.phones[self.lane] = self.port, self.rtp
        line.uplink[self.lane] = bytearray()
        line.configure(self.lane, **media)
        self.number = 0

    def talk(self, seconds: float, *, lose: int = 0) -> None:
        """Speak; every `lose`-th packet gets lost."""
        for _ in range(round(seconds * 50)):
            if not lose or self.number % lose:
                self.line.say(self.lane, packet(frame(self.number), self.number, 160 * self.number, ssrc=77))
            self.number += 1
            self.line.run(0.02)
            drain(self.rtp)

    def reports(self, sock: socket.socket | None = None) -> list[Any]:
        """What came to the phone's RTCP port."""
        items: list[Any] = []
        for datagram in drain(sock or self.rtcp):
            parsed = rtcp.parse(datagram)
            assert not isinstance(parsed, rtcp.RtcpRejectCause)
            items += parsed
        return items

    def say(self, report: bytes, sock: socket.socket | None = None) -> None:
        """Send RTCP to the lane."""
        (sock or self.rtcp).sendto(report, self.port_rtcp.getsockname())
        self.line.tick()

    def close(self) -> None:
        for sock in (self.rtcp, self.port_rtcp):
            sock.close()


def pair() -> tuple[socket.socket, socket.socket]:
    """Sockets on a port and on the next one."""
    while True:
        first, second = udp(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        second.setblocking(False)
        try:
            second.bind(("127.0.0.1", first.getsockname()[1] + 1))
        except (OSError, OverflowError):
            first.close()
            second.close()
        else:
            return first, second


@pytest.fixture
def phone(line: Line) -> Any:
    phone = Phone(line)
    yield phone
    phone.close()


def test_reports_go_where_the_sdp_says(line: Line) -> None:
    elsewhere = udp()
    phone = Phone(line, remote_rtcp=elsewhere.getsockname())
    phone.talk(8.0)
    assert phone.reports(elsewhere)
    assert not phone.reports()
    phone.say(rtcp.build_report(rtcp.ReceiverReport(9, ()), "phone"), elsewhere)
    assert line.plane.statistics(phone.lane).peer.reports_received == 1
    phone.close()
    elsewhere.close()


def test_a_sender_report_says_what_was_sent_and_received(phone: Phone) -> None:
    phone.talk(8.0, lose=10)
    reports = phone.reports()
    assert reports
    last = reports[-1]
    assert isinstance(last, rtcp.SenderReport)
    assert 100 <= last.packets <= 400
    assert last.octets == 160 * last.packets
    (block,) = last.blocks
    assert block.ssrc == 77
    assert block.fraction_lost == pytest.approx(25, abs=3)
    assert block.lost == pytest.approx(last.packets / 10, abs=4)


def test_reports_come_about_every_five_seconds_and_never_in_step(phone: Phone) -> None:
    times = []
    for _ in range(60 * 50):
        phone.line.run(0.02)
        times += [phone.line.now] * len(phone.reports())
        drain(phone.rtp)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert 2.4 <= min(gaps) <= max(gaps) <= 7.6
    assert len({round(gap, 1) for gap in gaps}) > 3
    assert times[0] < 4


def test_what_the_peer_reports_is_in_the_statistics(phone: Phone) -> None:
    phone.talk(6.0)
    report = [item for item in phone.reports() if isinstance(item, rtcp.SenderReport)][-1]
    phone.line.run(0.1)
    block = rtcp.ReportBlock(
        ssrc=report.ssrc,
        fraction_lost=64,
        lost=12,
        highest_sequence=9,
        jitter=80,
        last_report=(report.ntp >> 16) & 0xFFFFFFFF,
        since_last_report=0,
    )
    sent_at = report.ntp / 2**32
    phone.say(rtcp.build_report(rtcp.ReceiverReport(77, (block,)), "phone"))
    peer = phone.line.plane.statistics(phone.lane).peer
    assert (peer.packets_lost, peer.fraction_lost, peer.jitter_ms) == (12, 0.25, 10.0)
    assert peer.round_trip_ms == pytest.approx((phone.line.now - sent_at) * 1000, abs=1)
    assert peer.reports_received == 1


def test_our_report_lets_the_peer_compute_its_round_trip(phone: Phone) -> None:
    phone.talk(1.0)
    phone.say(rtcp.build_report(rtcp.SenderReport(77, 0x1234_5678_9ABC_DEF0, 0, 50, 8_000), "phone"))
    heard_at = phone.line.now
    phone.talk(8.0)
    (block,) = phone.reports()[-1].blocks
    assert block.last_report == 0x5678_9ABC
    assert 0 < block.since_last_report / 65_536 <= phone.line.now - heard_at


def test_a_lane_that_sends_nothing_reports_as_a_receiver(phone: Phone) -> None:
    phone.line.configure(phone.lane, sends=False)
    phone.talk(8.0)
    assert {type(item) for item in phone.reports()} == {rtcp.ReceiverReport}


def test_the_end_of_a_call_is_a_bye(phone: Phone) -> None:
    phone.talk(8.0)
    ours = phone.reports()[-1].ssrc
    phone.line.plane.close_lane(phone.lane)
    assert phone.reports()[-1] == rtcp.Goodbye((ours,))


def test_rtcp_of_strangers_and_garbage_are_counted_and_believed_by_nobody(phone: Phone) -> None:
    phone.talk(0.1)
    line, lane = phone.line, phone.lane
    for datagram in (b"", b"\x80", b"\x80\xc8\x00\xff" + bytes(20), bytes(30), bytes(1_400)):
        phone.say(datagram)
    assert line.count(lane, "rtcp_malformed") == 5
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.bind(("127.0.0.2", 0))
    phone.say(rtcp.build_goodbye(rtcp.ReceiverReport(77), "phone"), stranger)
    stranger.close()
    assert line.count(lane, "wrong_source") == 1
    assert not line.plane.statistics(lane).peer.said_goodbye


def test_a_goodbye_of_the_peer_is_noted(phone: Phone) -> None:
    phone.talk(0.1)
    phone.say(rtcp.build_goodbye(rtcp.ReceiverReport(77), "phone"))
    assert phone.line.plane.statistics(phone.lane).peer.said_goodbye


def test_with_rtcp_mux_reports_share_the_rtp_port(line: Line) -> None:
    lane = line.open(rtcp_mux=True)
    datagrams: list[bytes] = []
    for number in range(400):
        line.say(lane, packet(frame(number), number, 160 * number, ssrc=77))
        line.run(0.02)
        datagrams += drain(line.phones[lane])
    reports = [datagram for datagram in datagrams if datagram[1] == 200]
    assert reports
    line.say(lane, rtcp.build_report(rtcp.SenderReport(77, 1 << 40, 0, 50, 8_000), "phone"))
    line.tick()
    assert line.plane.statistics(lane).peer.reports_received == 1
    assert line.count(lane, "rtcp") == 1
    assert bytes(line.uplink[lane]) == b"".join(frame(number) for number in range(400))


def test_a_lane_without_rtcp_sends_none(line: Line) -> None:
    lane = line.open()
    line.run(12.0)
    assert {datagram[1] & 0x7F for datagram in drain(line.phones[lane])} == {0}
    assert line.count(lane, "rtcp_sent") == 0


def test_behind_nat_reports_go_where_the_peers_come_from(line: Line) -> None:
    phone = Phone(line)
    other = udp()
    phone.talk(0.1)
    phone.say(rtcp.build_report(rtcp.ReceiverReport(77), "phone"), other)
    phone.talk(8.0)
    assert phone.reports() == []
    assert phone.reports(other)
    other.close()
    phone.close()


def test_reports_about_opus_are_in_its_clock(line: Line) -> None:
    phone = Phone(line, codec="OPUS", payload_type=111)
    said, random = OpusEncoder().encode(np.zeros(320, np.int16)), Random(3)  # noqa: S311 - a fixed seed is the point
    datagrams: list[bytes] = []
    for number in range(500):
        line.say(phone.lane, packet(said, number, 960 * number, payload_type=111, ssrc=77))
        line.run(random.choice((0.015, 0.02, 0.025)))
        datagrams += drain(phone.rtp)
    sent = Heard(datagrams)
    report = [item for item in phone.reports() if isinstance(item, rtcp.SenderReport)][-1]
    assert report.ssrc == int(sent.parsed.ssrc[-1])
    before = sent.datagrams[: report.packets]
    assert report.octets == sum(len(datagram) - 12 for datagram in before) < 160 * len(before)
    passed = report.rtp_timestamp - int(sent.parsed.timestamp[0])
    assert passed % 2**32 == pytest.approx(960 * len(before), abs=2 * 960)
    jitter = line.plane.statistics(phone.lane).jitter_ms
    assert report.blocks[0].jitter / 48 == pytest.approx(jitter, abs=2.0)
    assert jitter > 1.5
    block = rtcp.ReportBlock(report.ssrc, 0, 0, 0, 480)
    phone.say(rtcp.build_report(rtcp.ReceiverReport(77, (block,)), "x"))
    assert line.plane.statistics(phone.lane).peer.jitter_ms == 10.0
    phone.close()
