"""Gain, limiter and noise, on lanes of every codec that share a plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkpath.bridge.media.g711_law import LAWS
from talkpath.bridge.media.lane import LaneSound
from talkpath.codecs.g722 import G722Decoder
from talkpath.codecs.levels import level
from talkpath.codecs.limiter import CEILING
from tests.bridge.media.phone import Line, frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import ModelFormat, PhoneCodec

PAYLOAD_TYPES: dict[PhoneCodec, int] = {"PCMU": 0, "PCMA": 8, "G722": 9}
KINDS: list[tuple[ModelFormat, PhoneCodec]] = [
    ("pcmu", "PCMU"),
    ("pcma", "PCMU"),
    ("pcma", "PCMA"),
    ("pcm", "PCMU"),
    ("pcm", "PCMA"),
    ("pcmu", "G722"),
    ("pcm", "G722"),
]


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.close()


def opened(line: Line, model: ModelFormat, codec: PhoneCodec, sound: LaneSound) -> int:
    lane = line.open(model, codec=codec, payload_type=PAYLOAD_TYPES[codec])
    line.plane.shape(lane, sound)
    return lane


def audio(model: ModelFormat, amplitude: float, seconds: float = 1.0) -> bytes:
    rate = 24_000 if model == "pcm" else 8_000
    wave = amplitude * np.sin(2 * np.pi * 500 * np.arange(int(seconds * rate)) / rate)
    samples = wave.astype(np.int16)
    if model == "pcm":
        return samples.tobytes()
    return LAWS["PCMU" if model == "pcmu" else "PCMA"].encode(samples).tobytes()


def heard(line: Line, lane: int, codec: PhoneCodec) -> NDArray[np.int16]:
    octets = line.hear(lane).audio
    if codec == "G722":
        return G722Decoder().decode(octets)
    return LAWS[codec].decode(np.frombuffer(octets, np.uint8))


@pytest.mark.parametrize(("model", "codec"), KINDS)
def test_a_gain_makes_the_agent_louder_by_so_much(line: Line, model: ModelFormat, codec: PhoneCodec) -> None:
    lanes = [opened(line, model, codec, LaneSound(gain)) for gain in (0.0, 6.0, -6.0)]
    for lane in lanes:
        line.plane.play(lane, "a", audio(model, 2_000), line.now)
    line.run(1.0)
    plain, louder, softer = (level(heard(line, lane, codec)[4_000:]) for lane in lanes)
    assert louder - plain == pytest.approx(6, abs=0.3)
    assert softer - plain == pytest.approx(-6, abs=0.3)


@pytest.mark.parametrize(("model", "codec"), KINDS)
def test_a_gain_that_is_too_much_is_held_at_the_ceiling(
    line: Line, model: ModelFormat, codec: PhoneCodec
) -> None:
    lane = opened(line, model, codec, LaneSound(12.0))
    line.plane.play(lane, "a", audio(model, 20_000), line.now)
    line.run(1.0)
    samples = np.abs(heard(line, lane, codec)[4_000:].astype(int))
    assert samples.max() <= CEILING * 1.04  # a law's step, or what G.722 adds
    assert samples.max() > 20_000


def test_a_limiter_leaves_what_is_not_loud_alone(line: Line) -> None:
    lane = opened(line, "pcmu", "PCMU", LaneSound(limits=True))
    line.plane.play(lane, "a", frame(40) * 20, line.now)
    line.run(0.4)
    assert line.hear(lane).audio == frame(40) * 20


def test_lanes_beside_one_with_a_gain_are_passed_through(line: Line) -> None:
    opened(line, "pcmu", "PCMU", LaneSound(6.0))
    beside, pcm = line.open("pcmu"), line.open("pcm")
    line.plane.play(beside, "a", frame(40) * 10, line.now)
    line.plane.play(pcm, "a", audio("pcm", 2_000), line.now)
    line.run(0.2)
    assert line.hear(beside).audio == frame(40) * 10
    assert level(heard(line, pcm, "PCMU")[800:]) == pytest.approx(-27.3, abs=0.3)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA", "G722"])
def test_silence_becomes_noise_of_the_level_asked_for_and_speech_stays_speech(
    line: Line, codec: PhoneCodec
) -> None:
    lane, plain = (opened(line, "pcm", codec, LaneSound(noise=noise)) for noise in (-50.0, None))
    line.run(1.0)
    quiet = heard(line, lane, codec)
    assert level(quiet[2_000:]) == pytest.approx(-50, abs=1.5)
    assert np.abs(heard(line, plain, codec).astype(int)).max() < 30
    line.plane.play(lane, "a", audio("pcm", 8_000), line.now)
    line.run(0.5)
    assert level(heard(line, lane, codec)[2_000:]) == pytest.approx(-15.3, abs=0.3)


def test_sounds_have_no_noise_and_a_lane_given_back_has_none(line: Line) -> None:
    lane = opened(line, "pcmu", "PCMU", LaneSound(noise=-50.0))
    line.plane.play_sound(lane, np.full(160, 1_000, np.int16), loop=True, now=line.now)
    line.run(0.2)
    assert len(set(line.hear(lane).audio)) == 1
    line.plane.close_lane(lane)
    line.ports.pop(lane).close()
    line.phones.pop(lane).close()
    again = line.open("pcmu")
    assert again == lane
    line.run(0.2)
    assert set(line.hear(again).audio) == {0xFF}
