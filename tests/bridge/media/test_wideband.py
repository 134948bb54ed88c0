"""Lanes of a wide-band codec, from socket to socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from talkpath.bridge.media.g711_law import LAWS
from talkpath.bridge.media.lane import Digit, DigitsSent, PlayoutDrained, SoundFinished
from talkpath.bridge.media.wideband import WIDE_FRAME, WIDE_RATE, widened
from talkpath.codecs import telephone_event
from talkpath.codecs.g722 import G722Decoder, G722Encoder
from tests.bridge.media.phone import Line, packet

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import ModelFormat, PhoneCodec
    from talkpath.bridge.media.recording_tap import Piece

G722: dict[str, Any] = {"codec": "G722", "payload_type": 9}
PAYLOAD_TYPES: dict[PhoneCodec, int] = {"PCMU": 0, "PCMA": 8, "G722": 9}
RATES: dict[ModelFormat, int] = {"pcm": 24_000, "pcmu": 8_000, "pcma": 8_000}


def tone(hertz: float, rate: int, seconds: float = 2.0) -> NDArray[np.int16]:
    time = np.arange(round(rate * seconds)) / rate
    return (8_000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)


def octets(samples: NDArray[np.int16]) -> list[bytes]:
    encoder = G722Encoder()
    return [encoder.encode(frame) for frame in samples.reshape(-1, WIDE_FRAME)]


def decoded(audio: bytes) -> NDArray[np.int16]:
    return G722Decoder().decode(audio)


def model_audio(samples: NDArray[np.int16], model: ModelFormat) -> bytes:
    if model == "pcm":
        return samples.tobytes()
    return LAWS["PCMU" if model == "pcmu" else "PCMA"].encode(samples).tobytes()


def heard_by(model: ModelFormat, audio: bytes) -> NDArray[np.int16]:
    if model == "pcm":
        return np.frombuffer(audio, "<i2")
    return LAWS["PCMU" if model == "pcmu" else "PCMA"].decode(np.frombuffer(audio, np.uint8))


def snr(samples: NDArray[np.int16], hertz: float, rate: int) -> float:
    """Decibels of a tone over everything else, the best fit of it taken away."""
    time = np.arange(samples.size) / rate
    basis = np.stack([np.sin(2 * np.pi * hertz * time), np.cos(2 * np.pi * hertz * time)], axis=1)
    wave = samples.astype(np.float64)
    weights = np.linalg.lstsq(basis, wave, rcond=None)[0]
    rest = wave - basis @ weights
    return float(10 * np.log10(np.square(basis @ weights).sum() / np.square(rest).sum()))


def steps(numbers: NDArray[Any], modulus: int) -> set[int]:
    return {int(step) % modulus for step in np.diff(numbers.astype(np.int64))}


def speak(line: Line, lane: int, said: list[bytes], lost: Collection[int] = ()) -> Callable[[int], None]:
    def each(slot: int) -> None:
        if slot < len(said) and slot not in lost:
            line.say(lane, packet(said[slot], slot, 160 * slot, payload_type=9))

    return each


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


def test_codecs_change_in_a_call_without_a_gap(line: Line) -> None:
    lane = line.open("pcm")
    wide, narrow = tone(1_004, WIDE_RATE, 3.0), tone(1_004, 8_000, 3.0)
    order: list[PhoneCodec] = ["PCMU", "G722", "PCMA", "G722", "PCMU", "PCMA"]
    line.plane.play(lane, "a", tone(1_004, 24_000, 3.0).tobytes(), line.now)
    encoder = G722Encoder()

    def each(slot: int) -> None:
        nonlocal encoder
        codec = order[slot // 25]
        if slot % 25 == 0:
            line.configure(lane, codec=codec, payload_type=PAYLOAD_TYPES[codec])
            encoder = G722Encoder()
        if codec == "G722":
            payload = encoder.encode(wide[320 * slot : 320 * slot + 320])
        else:
            payload = LAWS[codec].encode(narrow[160 * slot : 160 * slot + 160]).tobytes()
        line.say(lane, packet(payload, slot, 160 * slot, payload_type=PAYLOAD_TYPES[codec]))

    line.run(3.0, each)
    up = heard_by("pcm", bytes(line.uplink[lane]))
    assert up.size == 3 * 24_000
    assert loudest_gap(up, 24_000) <= 0.02
    heard = line.hear(lane)
    assert [int(kind) for kind in heard.parsed.payload_type] == [
        PAYLOAD_TYPES[order[slot // 25]] for slot in range(150)
    ]
    assert steps(heard.parsed.sequence, 2**16) == {1}
    assert steps(heard.parsed.timestamp, 2**32) == {160}
    assert len(set(heard.parsed.ssrc)) == 1
    down = np.concatenate(by_codec(heard.payloads, order))
    assert loudest_gap(down, WIDE_RATE) <= 0.02


def by_codec(payloads: NDArray[np.uint8], order: list[PhoneCodec]) -> list[NDArray[np.int16]]:
    """What a phone decodes that changes codecs every half second, at 16 kHz (G.711 without interpolation)."""
    decoder, heard = G722Decoder(), []
    for number, codec in enumerate(order):
        part = payloads[25 * number : 25 * number + 25, :160]
        if codec == "G722":
            heard.append(decoder.decode(part.tobytes()))
        else:
            heard.append(np.repeat(LAWS[codec].decode(part).reshape(-1), 2))
    return heard


def loudest_gap(samples: NDArray[np.int16], rate: int) -> float:
    """Seconds of the longest stretch without sound."""
    sounding = np.flatnonzero(np.abs(samples.astype(int)) > 1_000)
    return float(np.diff(sounding, prepend=0, append=samples.size).max() / rate)


def test_what_waits_behind_a_hole_is_heard_when_the_codec_changes(line: Line) -> None:
    lane = line.open("pcm", **G722)
    said = octets(tone(500, WIDE_RATE))
    line.run(0.4, speak(line, lane, said))
    line.say(lane, packet(said[21], 21, 160 * 21, payload_type=9))
    line.run(0.005)
    before = len(line.uplink[lane])
    line.configure(lane)
    line.run(0.005)
    assert len(line.uplink[lane]) - before == 2 * 960
    line.say(lane, packet(b"\xff" * 160, 22, 160 * 22))
    line.run(0.005)
    assert len(line.uplink[lane]) - before == 3 * 960


def test_lanes_of_all_codecs_share_a_plane(line: Line) -> None:
    wide, narrow = line.open("pcm", **G722), line.open("pcmu")
    mixed, other = line.open("pcmu", **G722), line.open("pcma", codec="PCMA", payload_type=8)
    said, codes = octets(tone(500, WIDE_RATE)), bytes(range(160))
    for lane, model in ((wide, "pcm"), (mixed, "pcmu")):
        line.plane.play(lane, "a", model_audio(tone(500, RATES[model]), model), line.now)  # type: ignore[index, arg-type]  # formats
    for lane in (narrow, other):
        line.plane.play(lane, "a", codes * 100, line.now)

    def each(slot: int) -> None:
        for lane in (wide, mixed):
            line.say(lane, packet(said[slot], slot, 160 * slot, payload_type=9))
        line.say(narrow, packet(codes, slot, 160 * slot))
        line.say(other, packet(codes, slot, 160 * slot, payload_type=8))

    line.run(1.0, each)
    for lane in (narrow, other):
        assert bytes(line.uplink[lane]) == codes * 50
        assert line.hear(lane).audio == codes * 50
    assert snr(heard_by("pcm", bytes(line.uplink[wide]))[6_000:], 500, 24_000) > 30
    assert snr(heard_by("pcmu", bytes(line.uplink[mixed]))[2_000:], 500, 8_000) > 30
    for lane in (wide, mixed):
        assert snr(decoded(line.hear(lane).audio)[4_000:], 500, WIDE_RATE) > 30


def test_a_lane_given_back_is_narrow_again(line: Line) -> None:
    lane = line.open("pcm", **G722)
    line.run(0.1, speak(line, lane, octets(tone(500, WIDE_RATE))))
    line.plane.close_lane(lane)
    line.ports[lane].close()
    line.phones[lane].close()
    line.run(0.02)
    again = line.open("pcmu")
    assert again == lane
    codes = bytes(range(160))
    pieces: list[Piece] = []
    line.plane.tap.start(again, pieces.append)
    line.run(0.4, lambda slot: line.say(again, packet(codes, slot, 160 * slot, ssrc=8)))
    line.plane.tap.stop(again)
    assert codes in b"".join(piece.caller for piece in pieces)
    assert bytes(line.uplink[again]).replace(codes, b"") in (b"", b"\xff" * 160)
    assert set(line.hear(again).audio) == {0xFF}


@pytest.mark.parametrize(("one", "other"), [("G722", "PCMU"), ("PCMA", "G722"), ("G722", "G722")])
def test_joined_lanes_hear_each_other_across_the_bands(
    line: Line, one: PhoneCodec, other: PhoneCodec
) -> None:
    codecs = (one, other)
    lanes = [line.open("pcm", codec=codec, payload_type=PAYLOAD_TYPES[codec]) for codec in codecs]
    line.plane.join(*lanes)
    said = [
        octets(tone(500, WIDE_RATE))
        if codec == "G722"
        else [LAWS[codec].encode(frame).tobytes() for frame in tone(500, 8_000).reshape(-1, 160)]
        for codec in codecs
    ]

    def each(slot: int) -> None:
        for lane, codec, frames in zip(lanes, codecs, said, strict=True):
            line.say(lane, packet(frames[slot], slot, 160 * slot, payload_type=PAYLOAD_TYPES[codec]))

    line.run(2.0, each)
    for lane, codec in zip(lanes, codecs, strict=True):
        assert not line.uplink[lane]
        audio = np.frombuffer(line.hear(lane).audio, np.uint8)
        samples = decoded(audio.tobytes()) if codec == "G722" else LAWS[codec].decode(audio)
        rate = WIDE_RATE if codec == "G722" else 8_000
        assert snr(samples[rate // 2 :], 500, rate) > 30


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
