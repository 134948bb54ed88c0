from __future__ import annotations

import wave
from typing import TYPE_CHECKING

import numpy as np

from talkpath.bridge.cli.voices_text import COLUMNS, heights, voices
from talkpath.bridge.records.rows import Moment, Utterance
from tests.bridge.records.calls import full_call

if TYPE_CHECKING:
    from pathlib import Path

RATE = 8000


def two_voices() -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """The caller speaks in the first half of 12 s, the agent in the second, ten times softer."""
    tone = np.sin(np.arange(6 * RATE) * 0.5) * 20_000
    still = np.zeros(6 * RATE)
    return np.array([[*tone, *still], [*still, *(tone / 10)]]).astype(np.int16)


def test_loud_is_high_and_silence_is_nothing() -> None:
    drawn = heights(two_voices())
    half = COLUMNS // 2
    assert drawn.shape == (2, COLUMNS)
    assert set(drawn[0, :half]) == {8}
    assert set(drawn[0, half:]) == {0}
    assert set(drawn[1, half:]) == {5}


def test_a_recording_is_drawn_with_its_times(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(two_voices().T.astype("<i2").tobytes())
    caller, agent, scale, source = voices(full_call(recording=str(path)))
    assert caller.startswith("caller ████")
    assert agent.endswith("▅▅▅")
    assert scale.split() == ["0:00", "0:01", "0:03", "0:04", "0:06", "0:07", "0:09", "0:10"]
    assert "recording" in source


def test_without_a_recording_the_words_are_drawn() -> None:
    full = full_call(recording="/nowhere.wav")
    caller, agent, *_ = voices(full)
    assert caller.count("█") == 4, "3.0 to 4.5 of 60 s"
    assert agent.count("█") == 3, "interrupted after 0.9 s"
    full.utterances.append(Utterance(at=30.0, who="agent"))
    assert "░" in voices(full)[1]


def test_a_file_that_is_no_recording_and_a_call_without_words_draw_nothing(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(b"RIFF")
    full = full_call(recording=str(path))
    full.utterances.clear()
    assert voices(full) == []


def test_a_caller_whose_words_were_not_written_down_is_drawn_by_the_ladder() -> None:
    full = full_call(recording="/nowhere.wav")
    full.utterances[:] = [Utterance(at=0.0, who="agent"), Utterance(at=45.0, who="agent", until=60.0)]
    full.moments += [
        Moment(at=15.0, party="model", direction="in", name="caller speaks"),
        Moment(at=30.0, party="model", direction="in", name="caller is silent"),
    ]
    caller, agent, *_ = voices(full)
    quarter = COLUMNS // 4
    assert caller.removeprefix("caller ").strip() == "█" * (quarter + 1)
    assert agent.removeprefix("agent  ").startswith("░" * quarter + "░ ")
