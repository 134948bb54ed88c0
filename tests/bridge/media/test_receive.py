"""Hostile and odd datagrams at the socket of a lane."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from talkpath.bridge.media.counters import Cause
from talkpath.bridge.media.lane import Latched
from tests.bridge.media.phone import Line, drain, frame, packet, udp


@given(st.lists(st.one_of(st.binary(max_size=200), st.binary(min_size=11, max_size=14)), max_size=24))
@settings(max_examples=100, deadline=None)
def test_garbage_is_counted_and_never_raises(datagrams: list[bytes]) -> None:
    line = Line()
    lane = line.open()
    for datagram in datagrams:
        line.say(lane, datagram)
    line.run(0.04)
    line.say(lane, packet(frame(1), 1, 160, ssrc=3))
    line.say(lane, packet(frame(2), 2, 320, ssrc=3))
    line.run(0.1)
    counted = line.plane.counters.of(lane)
    causes = {cause.name.lower() for cause in list(Cause)[:14]}
    seen = sum(number for name, number in counted.items() if name in causes)
    assert seen >= len(datagrams) + 2
    assert frame(2) in line.uplink[lane]
    line.close()


@given(st.binary(min_size=12, max_size=400), st.integers(0, 399), st.integers(0, 255))
@settings(max_examples=150, deadline=None)
def test_a_damaged_packet_harms_no_other_lane(tail: bytes, at: int, value: int) -> None:
    line = Line()
    victim, other = line.open(), line.open()
    damaged = bytearray(packet(frame(1), 1, 160) + tail)
    damaged[at % len(damaged)] = value
    for number in range(5):
        line.say(victim, bytes(damaged))
        line.say(other, packet(frame(number), number, 160 * number))
        line.run(0.02)
    assert bytes(line.uplink[other]) == b"".join(frame(number) for number in range(5))
    line.close()


def test_header_extensions_contributing_sources_and_padding_are_stripped(line: Line) -> None:
    lane = line.open()
    plain = packet(frame(1), 1, 160)
    extended = bytes([0x90]) + plain[1:12] + b"\xbe\xde\x00\x01abcd" + frame(1)
    sources = bytes([0x82]) + packet(frame(2), 2, 320)[1:12] + bytes(8) + frame(2)
    padded = bytes([0xA0]) + packet(frame(3), 3, 480)[1:12] + frame(3) + b"\x00\x00\x03"
    for datagram in (extended, sources, padded):
        line.say(lane, datagram)
        line.tick()
    assert bytes(line.uplink[lane]) == frame(1) + frame(2) + frame(3)


def test_rtcp_on_the_rtp_port_is_counted_and_ignored(line: Line) -> None:
    lane = line.open()
    line.say(lane, bytes([0x80, 200, 0, 6]) + bytes(24))
    line.tick()
    assert line.count(lane, "rtcp") == 1
    assert line.events == []


def test_a_packet_that_was_cut_is_refused(line: Line) -> None:
    lane = line.open()
    line.say(lane, packet(frame(1, 1_200), 1, 160))
    line.tick()
    assert line.count(lane, "oversized") == 1


def test_comfort_noise_becomes_silence_in_stream_time(line: Line) -> None:
    lane = line.open()
    line.say(lane, packet(frame(1), 1, 160))
    line.tick()
    line.say(lane, packet(b"\x40", 2, 320, payload_type=13))
    line.run(0.2)
    line.say(lane, packet(frame(3), 3, 160 * 11))
    line.tick()
    assert bytes(line.uplink[lane]) == frame(1) + b"\xff" * 1_440 + frame(3)
    assert line.count(lane, "comfort_noise") == 1


def test_a_flood_on_one_lane_holds_nobody_up(line: Line) -> None:
    flooded, other = line.open(), line.open()
    for number in range(200):
        line.say(flooded, packet(frame(1), number, 160 * number))
    line.say(other, packet(frame(2), 1, 160))
    beat = line.tick()
    assert (other, frame(2)) in beat.uplink
    assert sum(lane == flooded for lane, _ in beat.uplink) <= 8


def test_a_hole_is_not_given_up_while_the_kernel_still_holds_packets(line: Line) -> None:
    lane = line.open()
    line.say(lane, packet(frame(0), 0, 0))
    line.tick()
    line.stall(0.3)
    for number in range(1, 16):
        line.say(lane, packet(frame(number), number, 160 * number))
    line.run(0.02)
    assert bytes(line.uplink[lane]) == b"".join(frame(number) for number in range(16))


def test_the_address_of_the_sdp_may_take_over_from_a_stranger(line: Line) -> None:
    lane = line.open()
    stranger = udp()
    line.say(lane, packet(frame(1), 1, 160, ssrc=99), stranger)
    line.tick()
    line.say(lane, packet(frame(2), 1, 160))
    line.tick()
    assert line.happened(Latched)[-1].port == line.phones[lane].getsockname()[1]
    assert line.count(lane, "relatched") == 1
    stranger.close()


def test_a_third_party_that_sprays_packets_is_neither_heard_nor_sent_to(line: Line) -> None:
    lane = line.open(
        remote_address="127.0.0.9"
    )  # loopback, and not where packets come from: all are strangers
    caller, sprayer = line.phones[lane], udp()

    def each(slot: int) -> None:
        line.say(lane, packet(b"\x77" * 160, 9 * slot, 0, ssrc=0xBAD), sprayer)
        if slot >= 25:
            line.say(lane, packet(frame(slot), slot, 160 * slot))

    line.run(2.0, each)
    assert 0x77 not in line.uplink[lane]
    assert [event.port for event in line.happened(Latched)] == [caller.getsockname()[1]]
    assert line.count(lane, "wrong_source") == 100 + 3
    assert not drain(sprayer)
    assert len(line.hear(lane)) > 50
    sprayer.close()


def test_mixed_formats_and_laws_share_a_beat() -> None:
    line = Line(lanes=8)
    lanes = {
        line.open("pcmu"): 160,
        line.open("pcm"): 960,
        line.open("pcma"): 160,
        line.open("pcm", codec="PCMA", payload_type=8): 960,
        line.open("pcmu", codec="PCMA", payload_type=8): 160,
    }
    random = np.random.default_rng(2)
    for slot in range(20):
        for lane, size in lanes.items():
            payload_type = 8 if list(lanes).index(lane) > 2 else 0
            said = random.integers(0, 255, 160, dtype=np.uint8).tobytes()
            line.say(lane, packet(said, slot, 160 * slot, payload_type=payload_type))
            line.plane.play(lane, "a", bytes(size), line.now)
        line.run(0.02)
    for lane, size in lanes.items():
        assert len(line.uplink[lane]) == 20 * size
        assert len(line.hear(lane)) == 20
        assert line.plane.close_lane(lane).played_ms == 400
    line.close()


def test_seeded_loss_reorder_and_duplicates_keep_the_stream_in_time(line: Line) -> None:
    lane = line.open()
    random = Random(7)  # noqa: S311 - a fixed seed is the point
    held: list[bytes] = []

    def each(slot: int) -> None:
        datagram = packet(frame(slot), 65_000 + slot, 2**32 - 16_000 + 160 * slot)
        fate = random.random()
        if fate < 0.05:
            return
        if fate < 0.15:
            held.append(datagram)
            return
        line.say(lane, datagram)
        if fate < 0.2:
            line.say(lane, datagram)
        while held:
            line.say(lane, held.pop())

    line.run(40.0, each)
    assert abs(len(line.uplink[lane]) - 40 * 8_000) <= 5 * 160
    statistics = line.plane.close_lane(lane)
    assert statistics.packets_expected in range(1_998, 2_001)
    assert statistics.counters["frames_lost_filled"] in range(70, 140)
    assert statistics.counters["duplicate"] > 50
    assert statistics.counters["reordered"] > 100
