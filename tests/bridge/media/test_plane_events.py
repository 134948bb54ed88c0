"""What the plane tells of its lanes: who speaks there, the keys that are pressed, and that nothing comes."""

from __future__ import annotations

import pytest

from talkpath.bridge.media.lane import (
    Digit,
    Latched,
    RtpResumed,
    RtpStopped,
)
from talkpath.codecs import telephone_event
from tests.bridge.media.phone import Line, frame, packet, speak, udp


def test_packets_of_third_parties_are_refused_until_the_source_is_silent(line: Line) -> None:
    lane = line.open()
    stranger = udp()
    line.run(0.2, speak(line, lane))
    line.say(lane, packet(b"\x77" * 160, 1_000, 160_000, ssrc=9), stranger)
    line.run(0.2, speak(line, lane, first=10))
    assert line.count(lane, "wrong_source") == 1
    assert 0x77 not in line.uplink[lane]
    line.run(1.2)
    line.say(lane, packet(b"\x77" * 160, 1_001, 160_160, ssrc=9), stranger)
    line.run(0.02)
    assert line.happened(Latched)[-1] == Latched(lane, *stranger.getsockname())
    line.hear(lane)
    line.run(0.1)
    assert not len(line.hear(lane))
    assert len(line.hear(lane, stranger)) == 5
    assert 0x77 in line.uplink[lane]
    stranger.close()


def test_media_behind_nat_is_latched_and_answered_there(line: Line) -> None:
    lane = line.open(remote_address="127.0.0.1", remote_port=9)
    line.say(lane, packet(frame(1), 1, 160))
    line.run(0.1)
    assert line.happened(Latched) == [Latched(lane, *line.phones[lane].getsockname())]
    assert len(line.hear(lane)) == 4


def test_only_negotiated_media_may_latch(line: Line) -> None:
    lane = line.open(remote_port=9)
    line.say(lane, packet(frame(1), 1, 160, payload_type=96))
    line.say(lane, b"\x00" * 40)
    line.run(0.02)
    assert line.happened(Latched) == []
    assert line.count(lane, "wrong_payload_type") == 1
    assert line.count(lane, "bad_version") == 1


def test_digits_are_reported_once_and_leave_silence_in_the_stream(line: Line) -> None:
    lane = line.open()
    line.run(0.1, speak(line, lane))
    for step, event in enumerate(telephone_event.schedule("5", duration=0.1)):
        line.say(lane, packet(event.payload, 5 + step, 800, payload_type=101, marker=event.marker))
        line.run(0.02)
    line.run(0.1, speak(line, lane, first=12))
    assert line.happened(Digit) == [Digit(lane, "5", 100)]
    assert len(line.uplink[lane]) == 17 * 160


def test_a_digit_whose_end_was_lost_is_released_by_time(line: Line) -> None:
    lane = line.open()
    first = telephone_event.schedule("#")[0]
    line.say(lane, packet(first.payload, 1, 800, payload_type=101, marker=True))
    line.run(0.5)
    assert [event.digit for event in line.happened(Digit)] == ["#"]


@pytest.mark.parametrize(
    "arrive",
    [slice(None), slice(1, None), slice(3, 5), slice(0, 1), slice(-1, None), slice(None, None, -1)],
    ids=["all", "no beginning", "middle", "first", "last end", "backwards"],
)
def test_of_a_press_without_marker_any_packet_is_enough_and_all_are_one(line: Line, arrive: slice) -> None:
    lane = line.open()
    line.run(0.1, speak(line, lane))
    for number, event in list(enumerate(telephone_event.schedule("5", duration=0.1)))[arrive]:
        line.say(lane, packet(event.payload, 5 + number, 800, payload_type=101))
        line.run(0.02)
    line.run(0.5, speak(line, lane, first=12))
    assert [event.digit for event in line.happened(Digit)] == ["5"]


def test_a_key_that_is_down_while_the_source_changes_is_reported(line: Line) -> None:
    lane = line.open()
    line.run(0.1, speak(line, lane))
    for number, event in enumerate(telephone_event.schedule("5", duration=0.1)[:3]):
        line.say(lane, packet(event.payload, 5 + number, 800, payload_type=101))
        line.run(0.02)
    line.say(lane, packet(frame(1), 900, 0, ssrc=8))
    line.run(0.5)
    assert [event.digit for event in line.happened(Digit)] == ["5"]


def test_a_stop_of_rtp_is_said_once_and_its_return_too(line: Line) -> None:
    lane = line.open()
    line.run(0.2, speak(line, lane))
    line.run(12.0)
    stopped = line.happened(RtpStopped)
    assert len(stopped) == 1
    assert 5.0 <= stopped[0].seconds < 5.5
    line.run(1.0, speak(line, lane, first=610))
    assert line.happened(RtpResumed) == [RtpResumed(lane)]


def test_hold_is_no_stop_of_rtp(line: Line) -> None:
    lane = line.open()
    line.configure(lane, receives=False)
    line.run(8.0)
    line.say(lane, packet(frame(1), 1, 160))
    line.run(0.1)
    assert line.events[1:] == []
    assert line.count(lane, "not_receiving") == 1
