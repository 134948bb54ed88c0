"""Concealment in the path: what a model hears around a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkpath.bridge.media.g711_law import LAWS
from tests.bridge.media.phone import Line, packet

if TYPE_CHECKING:
    from collections.abc import Collection

    from talkpath.bridge.media.lane import ModelFormat, PhoneCodec

SECONDS = 0.6
FRAMES = round(SECONDS * 50)
PAYLOAD_TYPES: dict[PhoneCodec, int] = {"PCMU": 0, "PCMA": 8}


def voice(codec: PhoneCodec) -> np.ndarray:
    """A hum of 125 Hz with overtones, as codes (frames, 160)."""
    time = np.arange(FRAMES * 160) / 8_000
    wave = np.sum([np.sin(2 * np.pi * 125 * part * time) / part for part in (1, 2, 3, 5)], axis=0)
    return LAWS[codec].encode((6_000 * wave).astype(np.int16)).reshape(FRAMES, 160)


def call(
    lost: Collection[int], codec: PhoneCodec = "PCMU", *, until: int = FRAMES, pause: bytes = b""
) -> tuple[Line, bytes]:
    """A call with some of its packets lost: what the model heard, in the law of the phone.

    Its source is silent from frame `until` on, of which the comfort noise `pause` tells.
    """
    line = Line()
    lane = line.open("pcmu" if codec == "PCMU" else "pcma", codec=codec, payload_type=PAYLOAD_TYPES[codec])
    said = voice(codec)

    def each(slot: int) -> None:
        if slot not in lost and slot < until:
            payload_type = PAYLOAD_TYPES[codec]
            line.say(lane, packet(said[slot].tobytes(), slot, 160 * slot, payload_type=payload_type))
        elif slot == until and pause:
            line.say(lane, packet(pause, slot, 160 * slot, payload_type=13))

    line.run(SECONDS if until == FRAMES else 2 * SECONDS, each)
    return line, bytes(line.uplink[lane])


def linear(codes: bytes | np.ndarray, codec: PhoneCodec = "PCMU") -> np.ndarray:
    return LAWS[codec].decode(np.frombuffer(bytes(codes), np.uint8)).astype(np.float64)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_a_lost_frame_sounds_like_what_was_lost(codec: PhoneCodec) -> None:
    line, heard = call({15}, codec)
    said = voice(codec)
    hole = linear(heard[15 * 160 : 16 * 160], codec)
    truth = linear(said[15], codec)
    assert np.square(truth).mean() > 10 * np.square(hole - truth).mean()
    assert line.count(0, "frames_concealed") == line.count(0, "frames_lost_filled") == 1
    line.close()


def test_everything_but_the_loss_and_three_milliseconds_after_it_is_untouched() -> None:
    line, heard = call({15})
    said = voice("PCMU").tobytes()
    assert heard[: 15 * 160] == said[: 15 * 160]
    after = 16 * 160 + 24
    assert heard[after:] == said[after : len(heard)]
    assert len(heard) > 25 * 160
    line.close()


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
@pytest.mark.parametrize("lost", [{30}, {31}, {30, 31}, {31, 32}, {31, 33, 34, 36}])
def test_packets_of_half_a_frame_get_lost_without_a_click(codec: PhoneCodec, lost: set[int]) -> None:
    line = Line()
    model: ModelFormat = "pcmu" if codec == "PCMU" else "pcma"
    lane = line.open(model, codec=codec, payload_type=PAYLOAD_TYPES[codec])
    said = voice(codec).reshape(-1, 80)

    def each(slot: int) -> None:
        for number in {2 * slot, 2 * slot + 1} - lost:
            half = packet(said[number].tobytes(), number, 80 * number, payload_type=PAYLOAD_TYPES[codec])
            line.say(lane, half)

    line.run(SECONDS, each)
    heard = np.frombuffer(bytes(line.uplink[lane]), np.uint8)
    truth = said.reshape(-1)[: len(heard)]
    assert np.abs(np.diff(linear(heard, codec))).max() < 1.15 * np.abs(np.diff(linear(truth, codec))).max()
    untouched = np.ones(len(heard), np.bool_)
    for number in lost:
        untouched[80 * number : 80 * number + 80 + 24] = False
    assert np.array_equal(heard[untouched], truth[untouched])
    line.close()


def test_two_lanes_with_and_without_a_loss_do_not_mix() -> None:
    line = Line()
    lanes = [line.open(), line.open()]
    said = voice("PCMU")

    def each(slot: int) -> None:
        for number, lane in enumerate(lanes):
            if slot != 15 or number:
                line.say(lane, packet(said[slot].tobytes(), slot, 160 * slot))

    line.run(SECONDS, each)
    assert bytes(line.uplink[lanes[1]]) == said.tobytes()
    assert line.count(lanes[0], "frames_concealed") == 1
    line.close()


def test_silence_suppression_stays_silence() -> None:
    line, heard = call((), until=15, pause=b"\x40")
    assert len(heard) > 50 * 160
    assert set(heard[15 * 160 :]) == {0xFF}
    assert line.count(0, "frames_concealed") == 0
    assert line.count(0, "frames_gap_filled") > 5
    line.close()


def test_a_loss_that_goes_on_fades_within_sixty_milliseconds() -> None:
    line, heard = call({15}, until=17)
    hole = linear(heard[17 * 160 :]).reshape(-1, 160)
    assert len(hole) > 30
    assert np.abs(hole[:2]).max(axis=1).all()
    assert np.abs(hole[3:]).max() == 0
    assert line.count(0, "frames_concealed") == 4
    line.close()
