"""The short way of packets that are exactly what comes next, and that it leads to the same place."""

from __future__ import annotations

import numpy as np
import pytest

from talkpath.bridge.media.in_order import InOrder, placed
from tests.bridge.media.phone import Line, frame, packet

ROW = np.zeros(1, np.intp)


def heads(*datagrams: bytes) -> tuple[np.ndarray, np.ndarray]:
    rows = np.stack([np.frombuffer(datagram, np.uint8) for datagram in datagrams])
    return rows[:, :8].copy().view(">u8")[:, 0].astype(np.uint64), rows[:, 8:12].copy().view(">u4")[:, 0]


def expecting(sequence: int, timestamp: int) -> InOrder:
    in_order = InOrder(1)
    in_order.expect(
        ROW, np.array([8], np.int16), np.array([sequence]), np.array([timestamp]), np.array([7], np.int64)
    )
    return in_order


@pytest.mark.parametrize("octet", [0x00, 0xFF])
def test_a_lane_that_expects_nothing_recognises_nothing(octet: int) -> None:
    head, ssrc = heads(bytes([octet]) * 172)
    assert not InOrder(1).recognise(ROW, head, ssrc).any()


def test_only_the_exact_next_header_is_recognised() -> None:
    in_order = expecting(5, 800)
    near_misses = (
        packet(frame(1), 6, 800, payload_type=8),
        packet(frame(1), 5, 960, payload_type=8),
        packet(frame(1), 5, 800, payload_type=0),
        packet(frame(1), 5, 800, payload_type=8, ssrc=8),
        packet(frame(1), 5, 800, payload_type=8, marker=True),
        b"\x90" + packet(frame(1), 5, 800, payload_type=8)[1:],
    )
    for datagram in near_misses:
        assert not in_order.recognise(ROW, *heads(datagram)).any()
    assert in_order.recognise(ROW, *heads(packet(frame(1), 5, 800, payload_type=8))).all()
    in_order.advance(ROW)
    assert in_order.recognise(ROW, *heads(packet(frame(1), 6, 960, payload_type=8))).all()


def test_settling_tells_each_step_once() -> None:
    in_order = expecting(65_530, 0)
    for _ in range(5):
        in_order.advance(ROW)
    rows, steps = in_order.settle(ROW)
    assert (rows.tolist(), steps.tolist()) == ([0], [5])
    assert in_order.settle(ROW)[0].size == 0


def test_a_place_holds_sequence_and_timestamp() -> None:
    place = placed(np.array([0xABCD], np.uint16), np.array([0x12345678], np.uint32))
    assert int(place[0]) == 0xABCD_1234_5678


def test_what_was_recognised_is_known_when_it_comes_again(line: Line) -> None:
    lane = line.open()
    for number in range(80):
        line.say(lane, packet(frame(number), number, 160 * number))
        line.run(0.02)
    for number in (79, 40, 17):
        line.say(lane, packet(frame(number), number, 160 * number))
        line.tick()
    assert line.count(lane, "duplicate") == 3
    assert bytes(line.uplink[lane]) == b"".join(frame(number) for number in range(80))


def test_frames_towards_the_model_are_counted_whichever_way_they_took(line: Line) -> None:
    lane = line.open()
    for number in (0, 1, 2, 3, 5, 4, 6):
        line.say(lane, packet(frame(number), number, 160 * number))
        line.run(0.02)
    assert line.count(lane, "frames_uplink") == len(line.uplink[lane]) // 160 == 7


def test_a_perfect_stream_that_is_too_fast_is_cut_too(line: Line) -> None:
    lane = line.open()
    for number in range(4_000):
        line.say(lane, packet(frame(number), number, 160 * number))
        line.tick()
    assert len(line.uplink[lane]) < line.now * 8_800 + 16_000 + 8_000
    assert line.count(lane, "overrun") > 1_000


def test_hold_stops_the_short_way_too(line: Line) -> None:
    lane = line.open()
    for number in range(6):
        if number == 3:
            line.configure(lane, receives=False)
        line.say(lane, packet(frame(number), number, 160 * number))
        line.tick()
    assert bytes(line.uplink[lane]) == frame(0) + frame(1) + frame(2)
    assert line.count(lane, "not_receiving") == 3


def test_a_stranger_with_the_expected_header_is_refused(line: Line) -> None:
    lane, other = line.open(), line.open()
    for number in range(3):
        line.say(lane, packet(frame(number), number, 160 * number))
        line.tick()
    line.say(lane, packet(frame(99), 3, 480), line.phones[other])
    line.say(lane, packet(frame(3), 3, 480))
    line.run(0.01)
    assert bytes(line.uplink[lane]) == b"".join(frame(number) for number in range(4))
    assert line.count(lane, "wrong_source") == 1
