"""The plane from socket to socket, in virtual time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from talkpath.bridge.media.lane import (
    LaneMedia,
    NoFreeLane,
    PlayoutDrained,
    PlayoutStarted,
    SoundFinished,
)
from talkpath.codecs import g711
from tests.bridge.media.phone import Line, frame, packet, speak, udp

SILENCE = b"\xff" * 160


def test_a_packet_in_order_reaches_the_model_in_the_same_beat(line: Line) -> None:
    lane = line.open()
    line.tick()
    line.say(lane, packet(frame(1), 1, 160))
    assert line.tick().uplink == [(lane, frame(1))]


@pytest.mark.parametrize(("sequence", "timestamp"), [(0, 0), (65_530, 2**32 - 800)])
def test_the_models_audio_is_what_was_said_across_every_wrap(
    line: Line, sequence: int, timestamp: int
) -> None:
    lane = line.open()
    line.run(2.0, speak(line, lane, sequence=sequence, timestamp=timestamp))
    assert bytes(line.uplink[lane]) == b"".join(frame(number) for number in range(100))
    statistics = line.plane.close_lane(lane)
    assert (statistics.packets_expected, statistics.packets_lost) == (100, 0)


@pytest.mark.parametrize("size", [80, 240, 320, 480])
def test_every_packet_time_is_taken(line: Line, size: int) -> None:
    lane = line.open()
    said = bytearray()
    for number in range(60):
        line.say(lane, packet(frame(number, size), number, size * number))
        said += frame(number, size)
        line.run(size / 8000)
    assert bytes(line.uplink[lane]) == bytes(said)


def test_packets_that_came_twice_do_not_hide_those_that_never_came(line: Line) -> None:
    lane = line.open()

    def each(slot: int) -> None:
        if slot % 10 != 5:
            for _ in range(2):
                line.say(lane, packet(frame(slot), slot, 160 * slot))

    line.run(2.0, each)
    statistics = line.plane.close_lane(lane)
    assert (statistics.packets_expected, statistics.packets_lost) == (100, 10)


def test_a_lane_sends_silence_all_the_time_in_one_continuous_stream(line: Line) -> None:
    lane = line.open()
    line.run(1.0)
    heard = line.hear(lane)
    assert len(heard) == 50
    assert heard.audio == SILENCE * 50
    assert {int(step) % 65_536 for step in np.diff(heard.parsed.sequence.astype(np.int64))} == {1}
    assert {int(step) % 2**32 for step in np.diff(heard.parsed.timestamp.astype(np.int64))} == {160}
    assert len(set(heard.parsed.ssrc)) == 1
    assert not heard.parsed.marker.any()


def test_silence_follows_the_law_of_the_lane(line: Line) -> None:
    lane = line.open(codec="PCMA", payload_type=8)
    line.run(0.1)
    heard = line.hear(lane)
    assert set(heard.audio) == {0xD5}
    assert set(heard.parsed.payload_type) == {8}


def test_model_audio_is_played_in_order_whatever_the_sizes(line: Line) -> None:
    lane = line.open()
    said = bytes(number % 200 for number in range(4_001))
    for start in range(0, len(said), 333):
        line.plane.play(lane, "a", said[start : start + 333], line.now)
    line.plane.finish_item(lane, "a")
    line.run(0.6)
    heard = line.hear(lane)
    assert heard.audio[: len(said)] == said
    assert set(heard.audio[len(said) :]) == {0xFF}
    assert heard.parsed.marker.tolist() == [True] + [False] * 29
    assert line.happened(PlayoutDrained) == [PlayoutDrained(lane, "a")]
    assert line.happened(PlayoutStarted) == [PlayoutStarted(lane, "a", 0.0)]
    assert line.plane.idle(lane)


def test_a_talkspurt_after_silence_is_marked(line: Line) -> None:
    lane = line.open()
    line.run(0.1)
    line.plane.play(lane, "a", frame(1) * 2, line.now)
    line.plane.finish_item(lane, "a")
    line.run(0.1)
    line.plane.play(lane, "b", frame(2) * 2, line.now)
    line.run(0.1)
    marked = np.flatnonzero(line.hear(lane).parsed.marker)
    assert len(marked) == 2


def test_the_next_item_continues_in_the_same_frame(line: Line) -> None:
    lane = line.open()
    line.plane.play(lane, "a", b"\x01" * 100, line.now)
    line.plane.finish_item(lane, "a")
    line.plane.play(lane, "b", b"\x02" * 220, line.now)
    line.plane.finish_item(lane, "b")
    line.run(0.1)
    assert line.hear(lane).audio[:320] == b"\x01" * 100 + b"\x02" * 220
    assert [event.item_id for event in line.happened(PlayoutDrained)] == ["a", "b"]


def test_a_slow_model_starves_and_its_audio_stays_whole(line: Line) -> None:
    lane = line.open()
    line.plane.play(lane, "a", b"\x01" * 200, line.now)
    line.run(0.1)
    assert line.count(lane, "frames_starved") == 4
    line.plane.play(lane, "a", b"\x02" * 120, line.now)
    line.plane.finish_item(lane, "a")
    line.run(0.1)
    frames = line.hear(lane).payloads
    frames = frames[[bool(set(frame.tolist()) - {0xFF, 0x7F}) for frame in frames]]
    assert len(frames) == 3, "a whole one, its end, and the rest, whose beginning rises from silence"
    assert frames[0].tobytes() == b"\x01" * 160
    assert frames[2, 40:].tobytes() == b"\x02" * 120
    assert line.count(lane, "frames_starved") == 4
    assert line.count(lane, "frames_played") == 2


def test_barge_in_stops_at_once_with_a_short_fade(line: Line) -> None:
    lane = line.open()
    loud = int(g711.linear_to_ulaw(np.array([8_000], np.int16))[0])
    line.plane.play(lane, "a", bytes([loud]) * 8_000, line.now)
    line.run(0.2)
    line.hear(lane)
    played = line.plane.flush(lane, line.now)
    assert [(item.item_id, item.played_ms, item.received_ms) for item in played] == [("a", 200, 1000)]
    line.run(0.1)
    after = g711.ulaw_to_linear(line.hear(lane).payloads).reshape(-1)
    assert after[0] > 7_000
    assert (np.diff(after[:41]) <= 0).all()
    assert not after[40:].any()
    assert line.plane.idle(lane)
    assert line.plane.flush(lane, line.now) == []


def test_pcm_models_hear_and_speak_at_24_khz(line: Line) -> None:
    lane = line.open("pcm")
    time = np.arange(16_000) / 8_000
    tone = g711.linear_to_ulaw((8_000 * np.sin(2 * np.pi * 1_020 * time)).astype(np.int16)).tobytes()

    def each(slot: int) -> None:
        line.say(lane, packet(tone[160 * slot : 160 * slot + 160], slot, 160 * slot))
        model = bytes(line.uplink[lane])
        line.plane.play(lane, "echo", model[960 * (slot - 1) : 960 * slot] if slot else b"", line.now)

    line.run(2.0, each)
    assert len(line.uplink[lane]) == 2 * 48_000
    heard = g711.ulaw_to_linear(line.hear(lane).payloads).reshape(-1)[4_000:12_000].astype(float)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(8_000)))
    peak = slice(1_015, 1_026)
    noise = np.sqrt((spectrum**2).sum() - (spectrum[peak] ** 2).sum())
    assert 20 * np.log10(np.sqrt((spectrum[peak] ** 2).sum()) / noise) > 33


@pytest.mark.parametrize(("codec", "model"), [("PCMU", "pcma"), ("PCMA", "pcmu")])
def test_laws_are_translated_where_the_model_speaks_the_other(line: Line, codec: str, model: str) -> None:
    lane = line.open(model, codec=codec, payload_type=8)  # type: ignore[arg-type]  # literals of the table
    to_model, to_phone = (
        (g711.ulaw_to_alaw, g711.alaw_to_ulaw) if codec == "PCMU" else (g711.alaw_to_ulaw, g711.ulaw_to_alaw)
    )
    codes = np.arange(160, dtype=np.uint8)
    line.say(lane, packet(codes.tobytes(), 1, 160, payload_type=8))
    line.plane.play(lane, "a", codes.tobytes(), line.now)
    line.tick()
    assert bytes(line.uplink[lane]) == to_model(codes).tobytes()
    assert line.hear(lane).audio == to_phone(codes).tobytes()


def test_a_codec_change_keeps_the_stream_and_translates_what_is_queued(line: Line) -> None:
    lane = line.open()
    codes = (np.arange(480) % 100).astype(np.uint8)
    line.plane.play(lane, "a", codes.tobytes(), line.now)
    line.run(0.02)
    line.configure(lane, codec="PCMA", payload_type=8)
    line.run(0.04)
    heard = line.hear(lane)
    assert heard.parsed.payload_type.tolist() == [0, 8, 8]
    assert heard.audio == codes[:160].tobytes() + g711.ulaw_to_alaw(codes[160:]).tobytes()
    assert {int(step) % 65_536 for step in np.diff(heard.parsed.sequence.astype(np.int64))} == {1}
    assert len(set(heard.parsed.ssrc)) == 1
    line.say(lane, packet(codes[:160].tobytes(), 1, 160, payload_type=8))
    assert line.tick().uplink == [(lane, g711.alaw_to_ulaw(codes[:160]).tobytes())]


def test_hold_pauses_packets_and_playout_while_the_timestamp_runs(line: Line) -> None:
    lane = line.open()
    line.plane.play(lane, "a", frame(1) * 4, line.now)
    line.run(0.04)
    before = line.hear(lane)
    line.configure(lane, sends=False)
    line.run(0.5)
    assert not len(line.hear(lane))
    line.configure(lane)
    line.run(0.04)
    after = line.hear(lane)
    assert after.audio == frame(1) * 2
    assert after.parsed.marker.tolist() == [True, False]
    assert int(after.parsed.sequence[0]) - int(before.parsed.sequence[-1]) in (1, -65_535)
    assert (int(after.parsed.timestamp[0]) - int(before.parsed.timestamp[-1])) % 2**32 == 160 * 26


def test_a_held_models_uplink_is_silence_in_stream_time_or_nothing(line: Line) -> None:
    lane = line.open()
    line.plane.set_uplink(lane, "silence")
    line.run(0.2, speak(line, lane))
    assert bytes(line.uplink[lane]) == SILENCE * 10
    line.plane.set_uplink(lane, "nothing")
    line.run(0.2, speak(line, lane, first=10))
    assert len(line.uplink[lane]) == 1_600
    line.plane.set_uplink(lane, "caller")
    line.run(0.2, speak(line, lane, first=20))
    assert bytes(line.uplink[lane])[1_600:] == b"".join(frame(number) for number in range(20, 30))


def test_a_model_that_hears_again_hears_nothing_of_what_it_missed(line: Line) -> None:
    lane = line.open("pcm")
    line.run(0.1, speak(line, lane))
    line.plane.set_uplink(lane, "nothing")
    line.run(0.5)
    line.plane.set_uplink(lane, "caller")
    line.uplink[lane].clear()
    line.run(0.1)
    assert line.uplink[lane]
    assert not any(line.uplink[lane])


@pytest.mark.parametrize("size", [160, 480])
def test_a_lost_packet_in_what_waits_after_a_stall_costs_no_more_than_itself(line: Line, size: int) -> None:
    lane = line.open()
    packets = [packet(frame(number, size), number, size * number) for number in range(110 * 160 // size)]
    early, lost = 10 * 160 // size, 20 * 160 // size
    for datagram in packets[:early]:
        line.say(lane, datagram)
        line.run(size / 8_000)
    line.stall(2.0)
    for number, datagram in enumerate(packets[early:], early):
        if number != lost:
            line.say(lane, datagram)
    line.run(0.4)
    said = b"".join(frame(number, size) for number in range(len(packets)))
    heard = bytes(line.uplink[lane])
    assert line.count(lane, "resynchronised") == 0
    assert heard[: size * lost] == said[: size * lost]
    behind = heard.find(frame(lost + 2, size))
    assert abs(behind - size * (lost + 2)) <= 160
    assert heard[behind : behind + len(said) - size * (lost + 2)] == said[size * (lost + 2) :]


def test_sounds_play_only_without_model_audio(line: Line) -> None:
    lane = line.open()
    samples = np.full(400, 1_000, np.int16)
    line.plane.play_sound(lane, samples, True, line.now)
    line.plane.play(lane, "a", frame(1) * 2, line.now)
    line.plane.finish_item(lane, "a")
    line.run(0.1)
    code = g711.linear_to_ulaw(samples[:1]).tobytes()
    assert line.hear(lane).audio == frame(1) * 2 + code * 480
    line.plane.stop_sound(lane)
    line.run(0.1)
    fading, silent = (part := line.hear(lane).audio)[:160], part[160:]
    assert fading[0] == code[0]
    assert fading[-1] in SILENCE
    assert silent == SILENCE * 4
    line.plane.play_sound(lane, samples, False, line.now)
    line.run(0.1)
    assert line.hear(lane).audio == code * 400 + b"\xff" * 400
    assert line.happened(SoundFinished) == [SoundFinished(lane)]


def test_a_late_beat_catches_up_and_a_very_late_one_skips_time(line: Line) -> None:
    lane = line.open()
    line.plane.play(lane, "a", b"".join(frame(number) for number in range(100)), line.now)
    line.run(0.1)
    line.stall(0.04)
    line.run(0.02)
    heard = line.hear(lane)
    assert len(heard) == 8
    assert heard.audio == b"".join(frame(number) for number in range(8))
    line.stall(1.0)
    line.run(0.04)
    later = line.hear(lane)
    assert len(later) <= 3
    assert later.audio == b"".join(frame(number) for number in range(8, 8 + len(later)))
    step = (int(later.parsed.timestamp[-1]) - int(heard.parsed.timestamp[-1])) % 2**32
    assert step == 160 * round(1.04 / 0.02)
    assert later.parsed.marker[0]
    assert line.count(lane, "frames_skipped") == 52 - len(later)
    assert line.plane.lateness.skipped > 200


def test_lanes_are_spread_over_the_phases_and_given_back() -> None:
    line = Line(lanes=8)
    lanes = [line.open() for _ in range(8)]
    assert sorted(lane % 4 for lane in lanes) == [0, 0, 1, 1, 2, 2, 3, 3]
    with pytest.raises(NoFreeLane, match="8 media lanes"):
        line.plane.open_lane(udp_once := udp(), "pcmu", 0.0)
    udp_once.close()
    line.plane.play(lanes[3], "a", frame(1) * 50, 0.0)
    line.run(0.1)
    assert line.plane.close_lane(lanes[3]).played_ms == 100
    assert len(line.plane) == 7
    line.ports.pop(lanes[3]).close()
    line.phones.pop(lanes[3]).close()
    again = line.open()
    assert again == lanes[3]
    assert line.plane.idle(again)
    line.run(0.1)
    assert line.hear(again).audio == SILENCE * 5
    assert line.plane.counters.totals()["frames_played"] == 5
    line.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"remote_address": "pbx.example.org"},
        {"remote_port": 70_000},
        {"payload_type": 200},
        {"dtmf_payload_type": -1},
    ],
)
def test_media_that_cannot_be_sent_is_refused_at_once(line: Line, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"does not appear|must be"):
        line.open(**wrong)


def test_nothing_is_sent_before_a_lane_is_configured(line: Line) -> None:
    port, phone = udp(), udp()
    lane = line.plane.open_lane(port, "pcmu", 0.0)
    phone.sendto(packet(frame(1), 1, 160), port.getsockname())
    line.run(0.2)
    assert line.uplink == {}
    assert line.count(lane, "not_receiving") == 1
    line.plane.configure_lane(lane, LaneMedia("PCMU", 0, "127.0.0.1", phone.getsockname()[1]), line.now)
    line.plane.close_lane(lane)
    port.close()
    phone.close()
