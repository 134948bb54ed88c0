"""Turn detection by level, with literal positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkpath.bridge.simulator.audio import PCM, PCMU, tone
from talkpath.bridge.simulator.input_buffer import InputBuffer
from talkpath.bridge.simulator.vad import EnergyVad, SpeechStarted, SpeechStopped, VadSettings

if TYPE_CHECKING:
    from talkpath.bridge.simulator.reply import Samples

RATE = 8000


def sound(milliseconds: int, dbfs: float = -20.0) -> Samples:
    return tone(400, milliseconds, dbfs, RATE)


def silence(milliseconds: int) -> Samples:
    return np.zeros(RATE * milliseconds // 1000, dtype=np.int16)


def test_start_is_moved_back_by_the_padding_and_stop_includes_the_silence() -> None:
    vad = EnergyVad(VadSettings(prefix_padding_ms=300, silence_duration_ms=400), RATE)
    found = vad.feed(np.concatenate((silence(1000), sound(600), silence(1000))))
    assert found == [SpeechStarted(700), SpeechStopped(2000)]


def test_the_padding_never_reaches_before_the_stream_or_the_last_turn() -> None:
    vad = EnergyVad(VadSettings(prefix_padding_ms=300, silence_duration_ms=200), RATE)
    found = vad.feed(np.concatenate((sound(200), silence(260), sound(200), silence(200))))
    assert found == [SpeechStarted(0), SpeechStopped(400), SpeechStarted(400), SpeechStopped(860)]


def test_a_pause_shorter_than_the_silence_does_not_end_a_turn() -> None:
    vad = EnergyVad(VadSettings(silence_duration_ms=500), RATE)
    found = vad.feed(np.concatenate((sound(300), silence(460), sound(300), silence(600))))
    assert [type(event) for event in found] == [SpeechStarted, SpeechStopped]


def test_a_click_is_not_speech() -> None:
    vad = EnergyVad(VadSettings(), RATE)
    assert vad.feed(np.concatenate((silence(200), sound(40), silence(200)))) == []


@pytest.mark.parametrize(
    ("threshold", "dbfs", "speech"),
    [(0.5, -40, True), (0.5, -50, False), (0.2, -50, True), (0.9, -35, False), (0.9, -25, True)],
)
def test_a_higher_threshold_needs_louder_speech(threshold: float, dbfs: float, speech: bool) -> None:
    vad = EnergyVad(VadSettings(threshold=threshold), RATE)
    assert bool(vad.feed(sound(400, dbfs))) is speech


def test_the_cut_into_pieces_does_not_matter() -> None:
    stream = np.concatenate((silence(333), sound(777), silence(888), sound(200)))
    whole = EnergyVad(VadSettings(), RATE).feed(stream)
    pieces = EnergyVad(VadSettings(), RATE)
    found = [
        event for start in range(0, len(stream), 77) for event in pieces.feed(stream[start : start + 77])
    ]
    assert found == whole
    assert len(whole) == 3


def test_meaning_is_approximated_by_patience() -> None:
    lengths = [
        VadSettings.from_session({"type": "semantic_vad", "eagerness": eagerness}).silence_duration_ms
        for eagerness in ("high", "medium", "low")
    ]
    assert lengths == sorted(lengths)
    assert lengths[0] > VadSettings().silence_duration_ms


def test_the_buffer_forgets_silence_but_keeps_the_padding() -> None:
    buffer = InputBuffer(PCMU, VadSettings(prefix_padding_ms=300))
    for _ in range(500):
        buffer.append(b"\xff" * 160)
    assert buffer.position_ms == 10_000
    assert 300 <= buffer.buffered_ms <= 1320


def test_the_buffer_cuts_a_turn_out_at_its_positions() -> None:
    buffer = InputBuffer(PCMU, None)
    buffer.append(bytes(range(200)) * 40)
    samples, start = buffer.take(250, 500)
    assert (len(samples), start) == (2000, 250)
    assert buffer.buffered_ms == 500
    rest, start = buffer.take()
    assert (len(rest), start) == (4000, 500)


def test_half_a_sample_waits_for_its_other_half() -> None:
    buffer = InputBuffer(PCM, None)
    data = tone(500, 20).astype("<i2").tobytes()
    for start in range(0, len(data), 7):
        buffer.append(data[start : start + 7])
    samples, _ = buffer.take()
    assert samples.tobytes() == data
