"""Codecs of both bands on one plane: one after the other in a call, beside each other, and joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkpath.bridge.media.g711_law import LAWS
from talkpath.bridge.media.wideband import WIDE_RATE
from talkpath.codecs.g722 import G722Decoder, G722Encoder
from tests.bridge.media.phone import Line, packet
from tests.bridge.media.wide import (
    G722,
    PAYLOAD_TYPES,
    RATES,
    decoded,
    heard_by,
    loudest_gap,
    model_audio,
    octets,
    snr,
    speak,
    steps,
    tone,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import PhoneCodec
    from talkpath.bridge.media.recording_tap import Piece


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
