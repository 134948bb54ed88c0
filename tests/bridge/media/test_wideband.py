"""Lanes of a wide-band codec, from socket to socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from talkpath.bridge.media.lane import Digit, DigitsSent, PlayoutDrained, SoundFinished
from talkpath.bridge.media.wideband import WIDE_FRAME, WIDE_RATE, widened
from talkpath.codecs import telephone_event
from tests.bridge.media.phone import Line, packet
from tests.bridge.media.wide import (
    G722,
    RATES,
    decoded,
    heard_by,
    model_audio,
    octets,
    snr,
    speak,
    steps,
    tone,
)

if TYPE_CHECKING:
    from talkpath.bridge.media.lane import ModelFormat
    from talkpath.bridge.media.recording_tap import Piece


@pytest.mark.parametrize(
    ("model", "hertz", "least"),
    [("pcm", 5_003, 20), ("pcm", 1_004, 33), ("pcmu", 1_004, 30), ("pcma", 1_004, 30)],
)
def test_a_caller_is_heard_in_the_band_of_the_model(
    line: Line, model: ModelFormat, hertz: float, least: float
) -> None:
    lane = line.open(model, **G722)
    line.run(2.0, speak(line, lane, octets(tone(hertz, WIDE_RATE))))
    rate = RATES[model]
    heard = heard_by(model, bytes(line.uplink[lane]))
    assert heard.size == 2 * rate
    assert snr(heard[rate // 2 :], hertz, rate) > least


@pytest.mark.parametrize(
    ("model", "hertz", "least"),
    [("pcm", 5_003, 20), ("pcm", 1_004, 33), ("pcmu", 1_004, 30), ("pcma", 1_004, 30)],
)
def test_a_model_is_heard_in_its_own_band(line: Line, model: ModelFormat, hertz: float, least: float) -> None:
    lane = line.open(model, **G722)
    line.plane.play(lane, "a", model_audio(tone(hertz, RATES[model]), model), line.now)
    line.plane.finish_item(lane, "a")
    line.run(2.2)
    heard = line.hear(lane)
    assert set(heard.parsed.payload_type) == {9}
    assert steps(heard.parsed.timestamp, 2**32) == {160}
    samples = decoded(heard.audio)
    assert snr(samples[WIDE_RATE // 2 : 2 * WIDE_RATE - 640], hertz, WIDE_RATE) > least
    assert np.abs(samples[2 * WIDE_RATE + 640 :]).max() < 30
    assert line.happened(PlayoutDrained) == [PlayoutDrained(lane, "a")]


def test_every_frame_is_decoded_once_and_in_order_whatever_the_network_does(line: Line) -> None:
    lane = line.open("pcm", **G722)
    said = octets(tone(1_004, WIDE_RATE))
    swapped = list(range(len(said)))
    for place in range(10, 90, 7):
        swapped[place], swapped[place + 1] = swapped[place + 1], swapped[place]

    def each(slot: int) -> None:
        number = swapped[slot]
        for _ in range(1 + (slot % 5 == 0)):
            line.say(lane, packet(said[number], number, 160 * number, payload_type=9))

    line.run(2.0, each)
    assert line.count(lane, "frames_concealed") == 0
    assert line.count(lane, "reordered") > 5
    direct = Line()
    other = direct.open("pcm", **G722)
    direct.run(2.0, speak(direct, other, said))
    assert bytes(line.uplink[lane]) == bytes(direct.uplink[other])
    direct.close()


@pytest.mark.parametrize("size", [80, 240, 320, 480])
def test_every_packet_time_is_taken(line: Line, size: int) -> None:
    lane = line.open("pcm", **G722)
    said = b"".join(octets(tone(1_004, WIDE_RATE)))
    for number in range(len(said) // size):
        part = said[number * size : (number + 1) * size]
        line.say(lane, packet(part, number, size * number, payload_type=9))
        line.run(size / 8_000)
    heard = heard_by("pcm", bytes(line.uplink[lane]))
    assert heard.size > 40_000
    assert snr(heard[12_000:], 1_004, 24_000) > 33


@pytest.mark.parametrize("burst", [1, 2])
def test_a_tone_survives_losses_without_a_click(line: Line, burst: int) -> None:
    lane = line.open("pcm", **G722)
    lost = {first + more for first in range(20, 95, 15) for more in range(burst)}
    line.run(2.0, speak(line, lane, octets(tone(500, WIDE_RATE)), lost))
    heard = heard_by("pcm", bytes(line.uplink[lane]))[6_000:46_000].astype(np.int32)
    steepest = np.abs(np.diff(tone(500, 24_000).astype(np.int32))).max()
    assert line.count(lane, "frames_concealed") == len(lost)
    assert np.abs(np.diff(heard)).max() < 3 * steepest
    assert np.abs(heard).max() < 10_000
    assert snr(heard.astype(np.int16), 500, 24_000) > (9 if burst == 1 else 6)
    line.close()


def test_after_a_long_loss_the_decoder_does_not_come_back_with_a_bang(line: Line) -> None:
    lane = line.open("pcm", **G722)
    loud, soft = tone(500, WIDE_RATE, 0.5), tone(500, WIDE_RATE, 1.5) // 40
    said = octets(np.concatenate((loud, soft)))
    line.run(2.0, speak(line, lane, said, set(range(25, 45))))
    heard = np.abs(heard_by("pcm", bytes(line.uplink[lane])).astype(int)).reshape(-1, 480).max(axis=1)
    assert heard[30:44].max() == 0
    assert heard[44:60].max() < 3 * 200


def test_what_is_missing_of_a_frame_is_made_up_and_the_rest_of_it_kept(line: Line) -> None:
    lane = line.open("pcm", **G722)
    said = b"".join(octets(tone(500, WIDE_RATE)))

    def each(slot: int) -> None:
        for half in (0, 1):
            number = 2 * slot + half
            if number != 51:
                part = said[80 * number : 80 * number + 80]
                line.say(lane, packet(part, number, 80 * number, payload_type=9))

    line.run(2.0, each)
    heard = heard_by("pcm", bytes(line.uplink[lane]))[12_000:42_000]
    assert line.count(lane, "frames_concealed") == 1
    assert snr(heard, 500, 24_000) > 15


def test_silence_suppression_becomes_silence_in_stream_time(line: Line) -> None:
    lane = line.open("pcm", **G722)
    said = octets(tone(500, WIDE_RATE, 0.5))
    line.run(1.5, speak(line, lane, said))
    heard = heard_by("pcm", bytes(line.uplink[lane]))
    assert abs(heard.size - 36_000) <= 3 * 480
    assert not heard[14_000:].any()
    assert line.count(lane, "frames_concealed") == 3  # 60 ms, in which the voice fades


def test_a_pause_between_two_packets_is_filled_with_near_silence(line: Line) -> None:
    lane = line.open("pcm", **G722)
    said = octets(tone(500, WIDE_RATE, 0.5))
    line.run(0.5, speak(line, lane, said))
    line.say(lane, packet(said[0], 25, 160 * 30, payload_type=9))
    line.run(0.1)
    heard = heard_by("pcm", bytes(line.uplink[lane]))
    assert line.count(lane, "dtx_filled_bytes") + 160 * line.count(lane, "frames_gap_filled") >= 800
    assert np.abs(heard[12_960:14_000]).max() < 100


@pytest.mark.parametrize(("mode", "size"), [("silence", 48_000), ("nothing", 0)])
def test_a_model_that_does_not_listen_costs_the_decoder_nothing_of_its_state(
    line: Line, mode: Any, size: int
) -> None:
    lane = line.open("pcm", **G722)
    each = speak(line, lane, octets(tone(1_004, WIDE_RATE, 4.0)))
    line.plane.set_uplink(lane, mode)
    line.run(1.0, each)
    assert line.uplink[lane] == bytes(size)
    line.plane.set_uplink(lane, "caller")
    line.run(1.0, lambda slot: each(slot + 50))
    heard = heard_by("pcm", bytes(line.uplink[lane])[size:])
    assert snr(heard[240:], 1_004, 24_000) > 33  # nothing to learn anew: only the resampler's 5 ms


def test_barge_in_fades_within_five_milliseconds(line: Line) -> None:
    lane = line.open("pcm", **G722)
    line.plane.play(lane, "a", tone(500, 24_000).tobytes(), line.now)
    line.run(0.2)
    played = line.plane.flush(lane, line.now)
    assert [item.played_ms for item in played] == [200]
    line.run(0.2)
    samples = np.abs(decoded(line.hear(lane).audio).astype(int))
    end = 10 * WIDE_FRAME + WIDE_RATE * 5 // 1000 + 64
    assert samples[10 * WIDE_FRAME : 10 * WIDE_FRAME + 40].max() > 5_000
    assert samples[end:].max() < 100


def test_a_lane_without_audio_sends_silence_in_its_codec(line: Line) -> None:
    lane = line.open("pcm", **G722)
    line.run(1.0)
    heard = line.hear(lane)
    assert len(heard) == 50
    assert np.abs(decoded(heard.audio).astype(int)).max() < 30


def test_sounds_are_widened_and_their_end_is_said(line: Line) -> None:
    lane = line.open("pcm", **G722)
    line.plane.play_sound(lane, tone(1_004, 8_000, 1.0), loop=False, now=line.now)
    line.run(1.2)
    samples = decoded(line.hear(lane).audio)
    assert snr(samples[4_000:15_500], 1_004, WIDE_RATE) > 33
    assert np.abs(samples[16_500:]).max() < 100
    assert line.happened(SoundFinished) == [SoundFinished(lane)]


def test_a_sound_that_loops_has_no_seam() -> None:
    period = tone(1_000, 8_000, 0.1)
    wide = np.tile(widened(period), 10)
    assert snr(wide, 1_000, WIDE_RATE) > 50
    assert np.corrcoef(wide[: 2 * period.size : 2], period)[0, 1] > 0.9999


def test_keys_are_kept_out_of_the_audio(line: Line) -> None:
    lane = line.open("pcm", **G722)
    said = octets(tone(500, WIDE_RATE))
    payload = telephone_event.build_event(5, end=False, volume=10, duration=160)

    def each(slot: int) -> None:
        if 20 <= slot < 25:
            line.say(lane, packet(payload, slot, 160 * 20, payload_type=101, marker=slot == 20))
        else:
            line.say(lane, packet(said[slot], slot, 160 * slot, payload_type=9))

    line.run(1.0, each)
    heard = heard_by("pcm", bytes(line.uplink[lane]))
    assert line.count(lane, "dtmf_packets") == 5
    assert abs(heard.size - 24_000) <= 480
    assert np.abs(heard[20 * 480 + 960 : 25 * 480]).max() < 200


def test_speech_that_waits_is_silence_on_a_wide_lane(line: Line) -> None:
    lane = line.open("pcm", **G722)
    line.plane.play(lane, "a", tone(500, 24_000).tobytes(), line.now)
    line.run(0.2)
    line.plane._downlink.wait(lane, waits=True)
    line.run(0.2)
    line.plane._downlink.wait(lane, waits=False)
    line.run(0.2)
    level = np.abs(decoded(line.hear(lane).audio).astype(int)).reshape(-1, WIDE_FRAME).max(axis=1)
    assert level[2:10].min() > 7_000
    assert level[12:20].max() < 100
    assert level[22:].min() > 7_000


def test_a_recording_has_both_sides_of_a_wide_lane_in_the_telephone_band(line: Line) -> None:
    lane = line.open("pcm", **G722)
    pieces: list[Piece] = []
    line.plane.tap.start(lane, pieces.append)
    line.plane.play(lane, "a", tone(700, 24_000).tobytes(), line.now)
    line.run(2.0, speak(line, lane, octets(tone(500, WIDE_RATE))))
    line.plane.close_lane(lane)
    assert {piece.codec for piece in pieces} == {"PCMU"}
    for side, hertz in (("caller", 500), ("agent", 700)):
        codes = b"".join(getattr(piece, side) for piece in pieces)
        heard = heard_by("pcmu", codes)
        assert heard.size > 15_000
        assert snr(heard[2_000:14_000], hertz, 8_000) > 30


def test_keys_of_a_caller_are_told_and_ours_are_sent_on_a_wide_lane(line: Line) -> None:
    lane = line.open("pcm", **G722)
    line.plane.play(lane, "a", tone(500, 24_000, 3.0).tobytes(), line.now)
    for slot in range(8):
        payload = telephone_event.build_event(5, end=slot >= 5, volume=10, duration=160 * min(slot + 1, 5))
        line.say(lane, packet(payload, slot, 4_000, payload_type=101, marker=slot == 0))
        line.run(0.02)
    assert [event.digit for event in line.happened(Digit)] == ["5"]
    line.plane.finish_item(lane, "a")
    line.plane.dial(lane, "12", line.now)
    line.run(4.0)
    assert line.happened(DigitsSent) == [DigitsSent(lane, complete=True)]
    heard = line.hear(lane)
    kinds = heard.parsed.payload_type.tolist()
    assert set(kinds) == {9, 101}
    assert steps(heard.parsed.sequence, 2**16) == {1}
    detector = telephone_event.DigitDetector()
    pressed = [
        digit.digit
        for index, kind in enumerate(kinds)
        if kind == 101
        for digit in detector.feed(
            heard.datagrams[index][12:], int(heard.parsed.timestamp[index]), index * 0.02
        )
    ]
    assert pressed == ["1", "2"]
    voice = [index for index, kind in enumerate(kinds) if kind == 9]
    samples = decoded(heard.payloads[voice].tobytes()[: len(voice) * 160])
    assert line.count(lane, "frames_played") == 150, "all that was queued before the keys"
    assert np.abs(samples.astype(int)).max() > 5_000
