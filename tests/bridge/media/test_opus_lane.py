"""Lanes of Opus, from socket to socket."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from talkpath.bridge.media.g711_law import LAWS
from talkpath.bridge.media.lane import Digit, DigitsSent, PlayoutDrained
from talkpath.bridge.media.srtp import Srtp
from talkpath.codecs import telephone_event
from talkpath.codecs.opus import OpusDecoder, OpusEncoder, OpusWishes
from tests.bridge.media.phone import Heard, Line, drain, packet
from tests.bridge.media.test_srtp import SUITE, key
from tests.bridge.media.wide import heard_by, loudest_gap, snr, steps, tone

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from numpy.typing import NDArray

    from talkpath.bridge.media.recording_tap import Piece

KIND = 111
OPUS: dict[str, Any] = {"codec": "OPUS", "payload_type": KIND}
RATE, FRAME = 16_000, 320
HERTZ = 600
FIRST = 0xFFFF_E000
"""A timestamp whose clock soon wraps."""


def packets_of(samples: NDArray[np.int16], wishes: OpusWishes | None = None) -> list[bytes]:
    encoder = OpusEncoder(wishes)
    return [encoder.encode(frame) for frame in samples.reshape(-1, FRAME)]


def heard(datagrams: list[bytes]) -> NDArray[np.int16]:
    decoder = OpusDecoder()
    return np.concatenate([decoder.decode(datagram[12:]) for datagram in datagrams])


def speak(line: Line, lane: int, said: list[bytes], lost: Collection[int] = ()) -> Callable[[int], None]:
    def each(slot: int) -> None:
        if slot < len(said) and slot not in lost:
            line.say(lane, packet(said[slot], slot, FIRST + 960 * slot, payload_type=KIND))

    return each


@pytest.mark.parametrize(("model", "rate"), [("pcm", 24_000), ("pcmu", 8_000), ("pcma", 8_000)])
def test_a_caller_is_heard_at_once_and_whole_while_the_clock_wraps(line: Line, model: Any, rate: int) -> None:
    lane = line.open(model, **OPUS)
    line.run(2.0, speak(line, lane, packets_of(tone(HERTZ, RATE))))
    samples = heard_by(model, bytes(line.uplink[lane]))
    assert samples.size == 2 * rate
    assert snr(samples[rate // 2 :], HERTZ, rate) > 25
    assert line.count(lane, "resynchronised") == line.count(lane, "frames_concealed") == 0


def test_a_model_is_heard_in_packets_of_its_own_clock(line: Line) -> None:
    lane = line.open("pcm", **OPUS)
    line.plane.play(lane, "a", tone(HERTZ, 24_000).tobytes(), line.now)
    line.plane.finish_item(lane, "a")
    line.run(2.2)
    sent = line.hear(lane)
    assert set(sent.parsed.payload_type) == {KIND}
    assert steps(sent.parsed.timestamp, 2**32) == {960}
    assert steps(sent.parsed.sequence, 2**16) == {1}
    assert len({len(datagram) for datagram in sent.datagrams}) > 1
    samples = heard(sent.datagrams)
    assert samples.size == 2.2 * RATE
    assert snr(samples[RATE // 2 : 2 * RATE - 640], HERTZ, RATE) > 25
    assert np.abs(samples[2 * RATE + 640 :]).max() < 30
    assert line.happened(PlayoutDrained) == [PlayoutDrained(lane, "a")]


def test_every_packet_is_decoded_once_and_in_order_whatever_the_network_does(line: Line) -> None:
    lane = line.open("pcm", **OPUS)
    said = packets_of(tone(HERTZ, RATE))
    swapped = list(range(len(said)))
    for place in range(10, 90, 7):
        swapped[place], swapped[place + 1] = swapped[place + 1], swapped[place]

    def each(slot: int) -> None:
        for _ in range(1 + (slot % 5 == 0)):
            speak(line, lane, said)(swapped[slot])

    line.run(2.0, each)
    assert line.count(lane, "frames_concealed") == 0
    assert line.count(lane, "reordered") > 5
    direct = Line()
    other = direct.open("pcm", **OPUS)
    direct.run(2.0, speak(direct, other, said))
    assert bytes(line.uplink[lane]) == bytes(direct.uplink[other])
    direct.close()


@pytest.mark.parametrize("milliseconds", ["2.5", "5", "10", "40", "60"])
def test_every_packet_time_is_taken_from_an_encoder_that_we_did_not_write(
    line: Line, milliseconds: str
) -> None:
    lane, seconds = line.open("pcm", **OPUS), float(milliseconds) / 1_000
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "mono", "s16"
    encoder.options = {"frame_duration": milliseconds, "application": "lowdelay"}
    size, whole = round(48_000 * seconds), tone(HERTZ, 48_000)
    for number in range(whole.size // size):
        frame = av.AudioFrame.from_ndarray(whole[None, number * size : (number + 1) * size], "s16", "mono")
        frame.sample_rate, frame.pts = 48_000, number * size
        for coded in encoder.encode(frame):
            line.say(lane, packet(bytes(coded), number, size * number, payload_type=KIND))
        while line.now < number * seconds:
            line.tick()
    line.run(0.2)
    samples = heard_by("pcm", bytes(line.uplink[lane]))
    assert samples.size > 46_000
    assert snr(samples[12_000:44_000], HERTZ, 24_000) > 20


@pytest.mark.parametrize(("copies", "burst", "least"), [(False, 1, 8), (True, 1, 10), (True, 2, 6)])
def test_a_tone_survives_losses_without_a_click(line: Line, copies: bool, burst: int, least: float) -> None:
    lane = line.open("pcm", **OPUS)
    lost = {first + more for first in range(20, 95, 15) for more in range(burst)}
    said = packets_of(tone(HERTZ, RATE), OpusWishes(recovers=copies))
    line.run(2.0, speak(line, lane, said, lost))
    samples = heard_by("pcm", bytes(line.uplink[lane]))[6_000:46_000]
    steepest = np.abs(np.diff(tone(HERTZ, 24_000).astype(np.int32))).max()
    assert line.count(lane, "frames_concealed") == len(lost)
    assert np.abs(np.diff(samples.astype(np.int32))).max() < 3 * steepest
    assert snr(samples, HERTZ, 24_000) > least


def test_what_is_missing_of_a_frame_is_made_up_and_the_time_kept(line: Line) -> None:
    lane = line.open("pcm", **OPUS)
    line.run(0.4, speak(line, lane, packets_of(tone(HERTZ, RATE))))
    for number, place in ((22, 21 * 960 + 360), (23, 22 * 960 + 360)):
        line.say(lane, packet(packets_of(tone(HERTZ, RATE))[9], number, FIRST + place, payload_type=KIND))
    line.run(0.4)
    assert abs(len(line.uplink[lane]) - 40 * 960) <= 3 * 960


def test_a_pause_is_silence_in_stream_time(line: Line) -> None:
    lane = line.open("pcm", **OPUS)
    said = packets_of(tone(HERTZ, RATE))
    line.run(1.0, speak(line, lane, said[:25]))

    def resume(slot: int) -> None:
        line.say(lane, packet(said[slot], 25 + slot, FIRST + 960 * (50 + slot), payload_type=KIND))

    line.run(0.5, resume)
    samples = heard_by("pcm", bytes(line.uplink[lane]))
    assert abs(samples.size - 36_000) <= 4 * 480
    assert not samples[14_000:22_000].any()
    assert np.abs(np.diff(samples.astype(np.int32)))[11_000:14_000].max() < 3_000
    assert snr(samples[26_000:35_000], HERTZ, 24_000) > 20


def test_packets_without_sound_in_them_are_taken_for_what_they_are(line: Line) -> None:
    lane = line.open("pcm", **OPUS)
    said = [*packets_of(tone(HERTZ, RATE))[:50], *[bytes([9 << 3])] * 25]  # DTX: nothing but the first octet
    line.run(1.5, speak(line, lane, said))
    assert len(line.uplink[lane]) == 75 * 960
    assert line.count(lane, "bad_payload") == line.count(lane, "frames_concealed") == 0


def test_damaged_packets_are_counted_and_hurt_nobody(line: Line) -> None:
    lane, beside, random = line.open("pcm", **OPUS), line.open("pcmu"), Random(5)  # noqa: S311 - a fixed seed is the point
    said = packets_of(tone(HERTZ, RATE))

    def each(slot: int) -> None:
        payload = bytearray(said[slot % 100])
        if slot % 3 == 0:
            payload = bytearray(random.randbytes(random.randrange(900)))
        elif slot % 3 == 1:
            payload[random.randrange(len(payload))] ^= 1 << random.randrange(8)
        kind = packet(bytes(payload), slot, 960 * slot + random.choice((0, 0, 0, 7, 480)), payload_type=KIND)
        line.say(lane, kind)
        line.say(beside, packet(bytes(160), slot, 160 * slot))

    line.run(6.0, each)
    assert line.count(lane, "bad_payload") > 10
    assert 260 < len(line.uplink[lane]) / 960 < 1.1 * 300 + 140
    assert len(line.uplink[beside]) == 300 * 160


def test_packets_that_overlap_are_bounded_in_memory_and_time(line: Line) -> None:
    lane = line.open("pcm", **OPUS)
    long = bytes([1 << 3 | 3, 6]) + bytes(6)  # 120 ms
    for slot in range(2_000):
        line.say(lane, packet(long, slot, 960 * slot, payload_type=KIND))
        if slot % 8 == 7:
            line.tick()
    frames = len(line.uplink[lane]) / 960
    assert frames < 1.1 * line.now * 50 + 140
    assert line.count(lane, "overrun") > 1_000


@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_keys_are_heard_in_the_clock_that_was_agreed(line: Line, rate: int) -> None:
    lane = line.open("pcm", dtmf_clock_rate=rate, **OPUS)
    said = packets_of(tone(HERTZ, RATE, 3.0))
    each = speak(line, lane, said)
    line.run(0.4, each)
    for number, event in enumerate(telephone_event.schedule("5", duration=2.0, clock_rate=rate)):
        start = FIRST + 960 * 20 + event.timestamp_offset
        line.say(lane, packet(event.payload, 20 + number, start, payload_type=101, marker=event.marker))
        line.run(0.02)
    assert line.happened(Digit) == [Digit(lane, "5", 2_000)]
    line.run(0.4, lambda slot: each(122 + slot))
    assert abs(len(line.uplink[lane]) / 960 - 142) < 4


@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_keys_are_sent_in_the_clock_that_was_agreed(line: Line, rate: int) -> None:
    lane = line.open("pcm", dtmf_clock_rate=rate, **OPUS)
    line.plane.dial(lane, "7", line.now)
    line.run(1.0)
    sent = line.hear(lane)
    events = [datagram for datagram in sent.datagrams if datagram[1] & 0x7F == 101]
    durations = [int.from_bytes(event[14:16], "big") for event in events]
    assert durations == [rate // 50 * step for step in (1, 2, 3, 4, 5, 5, 5)]
    assert len({event[4:8] for event in events}) == 1
    assert steps(sent.parsed.sequence, 2**16) == {1}
    assert line.happened(DigitsSent) == [DigitsSent(lane, complete=True)]


def test_codecs_change_in_a_call_without_a_gap(line: Line) -> None:
    lane = line.open("pcm")
    wide, narrow = tone(1_004, RATE, 3.0), tone(1_004, 8_000, 3.0)
    order = ["PCMU", "OPUS", "PCMU", "OPUS", "OPUS", "PCMU"]
    line.plane.play(lane, "a", tone(1_004, 24_000, 3.0).tobytes(), line.now)
    encoder = OpusEncoder()

    def each(slot: int) -> None:
        nonlocal encoder
        codec = order[slot // 25]
        if slot % 25 == 0:
            line.configure(lane, **(OPUS if codec == "OPUS" else {}))
            encoder = OpusEncoder()
        if codec == "OPUS":
            payload = encoder.encode(wide[FRAME * slot : FRAME * slot + FRAME])
            line.say(lane, packet(payload, slot, 960 * slot, payload_type=KIND, ssrc=8))
        else:
            codes = LAWS["PCMU"].encode(narrow[160 * slot : 160 * slot + 160]).tobytes()
            line.say(lane, packet(codes, slot, 160 * slot))

    line.run(3.0, each)
    up = heard_by("pcm", bytes(line.uplink[lane]))
    assert up.size == 3 * 24_000
    assert loudest_gap(up, 24_000) <= 0.02
    sent = line.hear(lane)
    kinds = [KIND if order[slot // 25] == "OPUS" else 0 for slot in range(150)]
    assert [int(kind) for kind in sent.parsed.payload_type] == kinds
    assert steps(sent.parsed.sequence, 2**16) == {1}
    sources = [int(ssrc) for ssrc in sent.parsed.ssrc]
    assert len(set(sources)) == 5, "RFC 7160, section 4.1: another clock rate, another SSRC"
    assert len(set(sources[75:125])) == 1
    opus = [datagram for datagram in sent.datagrams if datagram[1] & 0x7F == KIND]
    assert loudest_gap(heard(opus[:25]), RATE) <= 0.02
    assert loudest_gap(heard(opus[25:]), RATE) <= 0.02


def test_srtp_joins_and_recordings_know_nothing_of_packets(line: Line) -> None:
    near = line.open("pcm", local_crypto=key(1, SUITE), remote_crypto=key(2, SUITE), **OPUS)
    far = line.open("pcm")
    pieces: list[Piece] = []
    line.plane.tap.start(near, pieces.append)
    line.plane.join(near, far)
    srtp = Srtp(lambda _: None)
    srtp.configure(key(2, SUITE), key(1, SUITE))
    said, codes = packets_of(tone(HERTZ, RATE)), LAWS["PCMU"].encode(tone(HERTZ, 8_000)).reshape(-1, 160)

    def each(slot: int) -> None:
        line.say(near, srtp.protect(packet(said[slot], slot, 960 * slot, payload_type=KIND)))
        line.say(far, packet(codes[slot].tobytes(), slot, 160 * slot))

    line.run(2.0, each)
    opened = [srtp.unprotect(datagram) for datagram in drain(line.phones[near])]
    assert snr(heard([each for each in opened if each])[RATE // 2 :], HERTZ, RATE) > 25
    narrow = LAWS["PCMU"].decode(np.frombuffer(line.hear(far).audio, np.uint8))
    assert snr(narrow[4_000:], HERTZ, 8_000) > 25
    line.plane.tap.stop(near)
    for side in (b"".join(piece.caller for piece in pieces), b"".join(piece.agent for piece in pieces)):
        recorded = LAWS["PCMU"].decode(np.frombuffer(side, np.uint8))
        assert recorded.size >= 15_000
        assert snr(recorded[4_000:15_000], HERTZ, 8_000) > 25


def test_a_lane_given_back_is_narrow_again(line: Line) -> None:
    lane = line.open("pcm", **OPUS)
    line.run(0.1, speak(line, lane, packets_of(tone(HERTZ, RATE))))
    line.plane.close_lane(lane)
    line.ports[lane].close()
    line.phones[lane].close()
    line.run(0.02)
    again = line.open("pcmu")
    assert again == lane
    codes = bytes(range(160))
    line.run(0.4, lambda slot: line.say(again, packet(codes, slot, 160 * slot, ssrc=8)))
    assert bytes(line.uplink[again]).replace(codes, b"") in (b"", b"\xff" * 160)
    sent: Heard = line.hear(again)
    assert set(sent.audio) == {0xFF}
    assert steps(sent.parsed.timestamp, 2**32) == {160}
