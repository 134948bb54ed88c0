"""What a caller hears when the model is slower than real time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from talkpath.bridge.media.g711_law import ULAW
from talkpath.codecs.g722 import G722Decoder
from tests.bridge.media.phone import Line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

LEVEL = 8_000


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line(8)
    yield made
    made.close()


def tone(frames: int, rate: int) -> NDArray[np.int16]:
    """A loud tone whose frames end in the middle of a wave: 20 ms are 4.25 periods."""
    times = np.arange(frames * rate // 50) / rate
    wave = LEVEL * np.sin(2 * np.pi * 212.5 * times)
    return np.asarray(np.rint(wave), np.int16)


def audio(model_format: str, frames: int) -> bytes:
    if model_format == "pcm":
        return tone(frames, 24_000).tobytes()
    codes = ULAW.encode(tone(frames, 8_000))
    return codes.tobytes() if model_format == "pcmu" else ULAW.to_other[codes].tobytes()


def heard(line: Line, lane: int) -> NDArray[np.int32]:
    codes = line.hear(lane).payloads.reshape(-1)
    return np.asarray(ULAW.decode(codes), np.int32)


@pytest.mark.parametrize("model_format", ["pcmu", "pcma", "pcm"])
def test_an_underrun_is_faded_out_and_in_and_counted_once(line: Line, model_format: Any) -> None:
    lane = line.open(model_format)
    whole = audio(model_format, 8)  # which ends with a whole wave
    cut = len(whole) * 5 // 8
    line.plane.play(lane, "item", whole[:cut], line.now)
    line.run(0.2)
    line.plane.play(lane, "item", whole[cut:], line.now)
    line.plane.finish_item(lane, "item")
    line.run(0.2)
    samples = heard(line, lane)
    # 212.5 Hz at this level moves by 1336 from one sample to the next at most, and G.711 adds its steps.
    last = np.flatnonzero(np.abs(samples) > 100).max()
    assert np.abs(np.diff(samples[160 : last + 1])).max() < 1_900
    assert np.abs(samples).max() > 0.9 * LEVEL
    assert line.count(lane, "underruns") == 1
    assert line.count(lane, "frames_played") == 8
    assert line.count(lane, "frames_starved") >= 4


@pytest.mark.parametrize("model_format", ["pcmu", "pcm"])
def test_on_a_wide_lane_too_speech_falls_to_silence_and_rises_from_it(line: Line, model_format: Any) -> None:
    lane = line.open(model_format, codec="G722", payload_type=9)
    whole = audio(model_format, 8)
    cut = len(whole) * 5 // 8
    line.plane.play(lane, "item", whole[:cut], line.now)
    line.run(0.2)
    line.plane.play(lane, "item", whole[cut:], line.now)
    line.plane.finish_item(lane, "item")
    line.run(0.2)
    samples = G722Decoder().decode(line.hear(lane).payloads.tobytes()[: 20 * 160]).astype(np.int32)
    # At 16 kHz the tone moves by 668 from one sample to the next at most, and G.722 adds its noise.
    assert np.abs(np.diff(samples)).max() < 1_900
    assert np.abs(samples[6 * 320 + 160 : 9 * 320]).max() < 400
    assert line.count(lane, "underruns") == 1
    assert line.count(lane, "frames_played") == 8


def test_the_tail_takes_5_ms_and_the_rest_of_the_hole_is_silence(line: Line) -> None:
    lane = line.open("pcmu")
    line.plane.play(lane, "item", audio("pcmu", 2), line.now)
    line.run(0.2)
    samples = heard(line, lane)
    loud = np.flatnonzero(np.abs(samples) > 100)
    end = 2 * 160
    assert loud.max() < end + 40
    assert loud.max() > end + 20


def test_lanes_beside_it_and_items_that_end_are_left_alone(line: Line) -> None:
    lanes = [line.open("pcmu") for _ in range(8)]
    codes = bytes([1]) * 160
    for lane in lanes:
        line.plane.play(lane, "item", codes * 3, line.now)
        if lane:
            line.plane.finish_item(lane, "item")
    line.run(0.3)
    for lane in lanes:
        assert line.count(lane, "underruns") == (lane == 0)
        voice = line.hear(lane).audio.replace(b"\xff", b"")
        assert voice.startswith(codes * 3)
        assert (voice == codes * 3) is (lane != 0)


def test_an_item_that_begins_slowly_has_no_underrun(line: Line) -> None:
    lane = line.open("pcmu")
    line.plane.play(lane, "first", bytes([1]) * 160, line.now)
    line.plane.finish_item(lane, "first")
    line.run(0.1)
    line.plane.play(lane, "second", bytes([1]) * 80, line.now)
    line.run(0.1)
    assert line.count(lane, "underruns") == 0


def test_an_underrun_that_ends_in_a_flush_leaves_nothing_behind(line: Line) -> None:
    lane = line.open("pcmu")
    line.plane.play(lane, "item", bytes([1]) * 320, line.now)
    line.run(0.2)
    line.plane.flush(lane, line.now)
    line.run(0.1)
    line.hear(lane)
    line.plane.play(lane, "next", bytes([1]) * 160, line.now)
    line.plane.finish_item(lane, "next")
    line.run(0.1)
    assert bytes([1]) * 160 in line.hear(lane).audio
