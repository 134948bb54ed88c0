from __future__ import annotations

import wave
from typing import TYPE_CHECKING

import numpy as np
import pytest
from structlog.testing import capture_logs

from talkpath.bridge.call.sounds import (
    SAMPLE_RATE,
    BadSoundFile,
    comfort_sound,
    fallback_sound,
    fallback_tone,
    read_wave,
)

if TYPE_CHECKING:
    from pathlib import Path

SAMPLES = np.arange(800, dtype=np.int16)


def write(
    path: Path, *, rate: int = 8000, channels: int = 1, width: int = 2, data: bytes | None = None
) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setframerate(rate)
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.writeframes(SAMPLES.tobytes() if data is None else data)
    return path


def test_an_announcement_is_read_sample_by_sample(tmp_path: Path) -> None:
    path = write(tmp_path / "sorry.wav")
    np.testing.assert_array_equal(read_wave(path), SAMPLES)
    np.testing.assert_array_equal(fallback_sound(path), SAMPLES)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"rate": 44100}, "is 44100 Hz, 16 bit, 1 channel"),
        ({"channels": 2}, "2 channel"),
        ({"width": 1}, "8 bit"),
        ({"data": b""}, "holds no sound"),
    ],
)
def test_another_format_is_refused_with_the_way_to_convert_it(
    tmp_path: Path, facts: dict[str, int], words: str
) -> None:
    with pytest.raises(BadSoundFile, match=words):
        read_wave(write(tmp_path / "x.wav", **facts))  # type: ignore[arg-type]  # one of several kinds


@pytest.mark.parametrize("content", [None, b"", b"RIFF", b"no sound at all"])
def test_what_is_no_sound_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadSoundFile, match="cannot be read as a WAV file"):
        read_wave(path)


def test_without_a_usable_announcement_there_are_beeps_and_a_word_in_the_log(tmp_path: Path) -> None:
    with capture_logs() as logs:
        assert fallback_sound(tmp_path / "missing.wav") is fallback_tone()
        fallback_sound(tmp_path / "missing.wav")
    assert [line["event"] for line in logs] == ["announcement_unusable"], "said once per process"
    assert fallback_sound(None) is fallback_tone()


def test_our_own_sounds_are_audible_and_never_clip() -> None:
    for sound in (comfort_sound(), fallback_tone()):
        assert sound.dtype == np.int16
        assert len(sound) > SAMPLE_RATE
        assert 300 < np.abs(sound.astype(np.int32)).max() < 30_000
