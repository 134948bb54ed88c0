"""A lane with SRTP between sockets and model, in virtual time, beside lanes without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.media.counters import Cause, Counters
from talkpath.bridge.media.lane import Digit, Latched
from talkpath.bridge.media.srtp import Srtp
from talkpath.codecs import rtcp, telephone_event
from tests.bridge.media.phone import Heard, Line, drain, frame, packet, udp
from tests.bridge.media.test_srtp import SIZES, SUITE, key

if TYPE_CHECKING:
    import socket


class Phone:
    """The far end of an encrypted lane: the lane's telephone, with keys."""

    def __init__(self, line: Line, *, suite: str = SUITE, keys: tuple[int, int] = (1, 2)) -> None:
        self.line = line
        self.lane = line.open(local_crypto=key(keys[0], suite), remote_crypto=key(keys[1], suite))
        self.counters = Counters(1)
        self.srtp = Srtp(lambda cause: self.counters.add(0, cause))
        self.srtp.configure(key(keys[1], suite), key(keys[0], suite))

    def rekey(self, ours: int, theirs: int) -> None:
        self.srtp.configure(key(theirs), key(ours))

    def seal(self, number: int) -> bytes:
        return self.srtp.protect(packet(frame(number), number, 160 * number))

    def say(self, number: int, via: socket.socket | None = None) -> None:
        self.line.say(self.lane, self.seal(number), via)

    def hear(self) -> Heard:
        opened = [self.srtp.unprotect(datagram) for datagram in drain(self.line.phones[self.lane])]
        assert None not in opened
        return Heard([datagram for datagram in opened if datagram is not None])

    def count(self, cause: str) -> int:
        return self.line.count(self.lane, cause)


@pytest.mark.parametrize("suite", SIZES)
def test_an_encrypted_call_is_heard_and_hears(line: Line, suite: str) -> None:
    phone = Phone(line, suite=suite)
    line.plane.play(phone.lane, "a", frame(5) * 50, line.now)
    line.run(1.0, phone.say)
    assert bytes(line.uplink[phone.lane]) == b"".join(frame(number) for number in range(50))
    heard = phone.hear()
    assert heard.audio == frame(5) * 50
    assert not any(phone.counters.of(0).values())


def test_its_packets_go_to_the_model_in_the_beat_they_came_in(line: Line) -> None:
    phone = Phone(line)
    line.run(0.1, phone.say)
    phone.say(5)
    assert line.tick().uplink == [(phone.lane, frame(5))]


def test_plain_lanes_beside_it_stay_as_they_are(line: Line) -> None:
    phone, plain = Phone(line), line.open()
    stranger = udp()

    def each(slot: int) -> None:
        phone.say(slot)
        line.say(phone.lane, packet(frame(9), slot, 160 * slot, ssrc=9), stranger)
        line.say(plain, packet(frame(slot), slot, 160 * slot))

    line.run(1.0, each)
    stranger.close()
    expected = b"".join(frame(number) for number in range(50))
    assert bytes(line.uplink[phone.lane]) == bytes(line.uplink[plain]) == expected
    assert phone.count("srtp_unauthenticated") == 50
    assert line.count(plain, "srtp_unauthenticated") == 0
    assert set(line.hear(plain).parsed.payload_type) == {0}


def test_plain_rtp_neither_latches_nor_is_heard(line: Line) -> None:
    phone, stranger = Phone(line), udp()
    line.run(0.2, lambda slot: line.say(phone.lane, packet(frame(slot), slot, 160 * slot), stranger))
    assert not line.happened(Latched)
    assert set(line.uplink[phone.lane]) <= {0xFF}, "silence in stream time"
    assert drain(stranger) == []
    assert phone.count("srtp_unauthenticated") == 10
    behind_nat = udp()
    phone.say(1, via=behind_nat)
    line.tick()
    assert [event.port for event in line.happened(Latched)] == [behind_nat.getsockname()[1]]
    stranger.close()
    behind_nat.close()


def test_a_recorded_packet_does_not_latch_its_sender(line: Line) -> None:
    phone, thief = Phone(line), udp()
    recorded = phone.seal(1)
    line.say(phone.lane, recorded)
    line.run(2.0)
    line.say(phone.lane, recorded, thief)
    line.tick()
    assert len(line.happened(Latched)) == 1
    assert phone.count("srtp_replayed") == 1
    thief.close()


def test_keys_change_in_a_re_invite_without_a_lost_packet(line: Line) -> None:
    phone = Phone(line)
    line.run(0.2, phone.say)
    line.configure(phone.lane, local_crypto=key(1), remote_crypto=key(3))
    line.run(0.2, lambda slot: phone.say(slot + 10))
    phone.rekey(1, 3)
    line.run(0.2, lambda slot: phone.say(slot + 20))
    assert bytes(line.uplink[phone.lane]) == b"".join(frame(number) for number in range(30))
    assert phone.count("srtp_old_key") == 10
    assert len(phone.hear()) == 30


def test_a_re_invite_may_end_and_begin_encryption(line: Line) -> None:
    phone = Phone(line)
    line.run(0.2, phone.say)
    assert len(phone.hear()) == 10
    line.configure(phone.lane)
    line.run(0.2, lambda slot: line.say(phone.lane, packet(frame(slot), slot + 10, 160 * slot + 1600)))
    assert set(line.hear(phone.lane).audio) == {0xFF}
    line.configure(phone.lane, local_crypto=key(4), remote_crypto=key(5))
    phone.srtp = Srtp(lambda cause: phone.counters.add(0, cause))
    phone.rekey(4, 5)
    line.run(0.2, lambda slot: phone.say(slot + 20))
    assert len(line.uplink[phone.lane]) == 30 * 160
    assert len(phone.hear()) == 10


def test_a_lane_that_carried_srtp_is_plain_for_the_next_call(line: Line) -> None:
    phone = Phone(line)
    line.run(0.1, phone.say)
    line.plane.close_lane(phone.lane)
    line.phones[phone.lane].close()
    line.ports[phone.lane].close()
    lane = line.open()
    assert lane == phone.lane
    line.run(0.1, lambda slot: line.say(lane, packet(frame(slot), slot, 160 * slot)))
    assert len(line.uplink[lane]) == 5 * 160
    assert set(line.hear(lane).audio) == {0xFF}


def test_digits_come_encrypted_too(line: Line) -> None:
    phone = Phone(line)
    for number in range(3):
        data = telephone_event.build_event(5, end=number == 2, volume=10, duration=160 * (number + 1))
        phone.line.say(phone.lane, phone.srtp.protect(packet(data, number, 0, payload_type=101)))
        line.run(0.02)
    assert [event.digit for event in line.happened(Digit)] == ["5"]


def test_reports_travel_encrypted_on_a_shared_port(line: Line) -> None:
    phone = Phone(line)
    line.configure(phone.lane, local_crypto=key(1), remote_crypto=key(2), rtcp_mux=True)
    report = rtcp.build_report(rtcp.ReceiverReport(9, ()), "phone")
    phone.say(0)
    line.tick()
    line.say(phone.lane, phone.srtp.protect_control(report))
    line.say(phone.lane, report)
    line.run(8.0)
    opened = [phone.srtp.unprotect(datagram) for datagram in drain(line.phones[phone.lane])]
    reports = [datagram for datagram in opened if datagram and 192 <= datagram[1] <= 223]
    assert reports
    assert not isinstance(rtcp.parse(reports[0]), rtcp.RtcpRejectCause)
    assert phone.count("srtcp_refused") == 1
    assert line.plane.statistics(phone.lane).peer.reports_received == 1


def test_the_metrics_name_every_cause_of_srtp() -> None:
    from talkpath.bridge.observe.feed import ANOMALIES  # noqa: PLC0415 - the one test that needs it

    causes = {cause.name.lower() for cause in Cause if cause.name.startswith(("SRTP", "SRTCP"))}
    assert causes <= ANOMALIES
