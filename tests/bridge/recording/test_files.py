from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkpath.bridge.recording.files import (
    PART,
    WaveFile,
    leftovers,
    outdated,
    recording_path,
    repair,
)
from tests.bridge.recording.sound import read

if TYPE_CHECKING:
    from pathlib import Path

SAMPLES = np.arange(2_000, dtype=np.int16).reshape(1_000, 2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return recording_path(tmp_path / "calls", datetime(2026, 1, 31, 9, 15, tzinfo=UTC), "c-1/../x")


def crash(file: WaveFile) -> None:
    """The process that writes dies: the kernel closes the file."""
    os.close(file._fd)


def test_the_name_tells_date_and_call_and_leads_nowhere_else(path: Path) -> None:
    assert path.name == "2026-01-31T09-15-00Z-c-1____x.wav"


def test_a_recording_appears_under_its_name_when_it_is_complete(path: Path) -> None:
    file = WaveFile(path, 8_000)
    file.append(SAMPLES)
    assert not path.exists()
    file.append(SAMPLES)
    file.finish()
    assert (read(path) == np.concatenate([SAMPLES, SAMPLES])).all()
    assert not list(leftovers(path.parent))
    assert path.stat().st_mode & 0o007 == 0


def test_what_a_crash_leaves_is_completed(path: Path) -> None:
    file = WaveFile(path, 8_000)
    file.append(SAMPLES)
    os.write(file._fd, b"\x01")  # half a sample
    crash(file)
    (part,) = leftovers(path.parent)
    assert repair(part) == path
    assert (read(path) == SAMPLES).all()
    assert not part.exists()


def test_a_crash_before_the_first_sound_leaves_nothing(path: Path) -> None:
    crash(WaveFile(path, 8_000))
    (part,) = leftovers(path.parent)
    assert repair(part) is None
    assert not list(path.parent.iterdir())


def test_a_recording_that_is_being_written_is_left_alone(path: Path) -> None:
    file = WaveFile(path, 8_000)
    file.append(SAMPLES)
    (part,) = leftovers(path.parent)
    assert repair(part) is None
    assert part.exists()
    file.finish()


def test_only_recordings_grow_old(path: Path) -> None:
    WaveFile(path, 8_000).finish()
    (path.parent / "music.wav").write_bytes(b"")
    (path.parent / f"music.wav{PART}").write_bytes(b"")
    for file in path.parent.iterdir():
        os.utime(file, (1_000, 1_000))
    assert list(outdated(path.parent, 999)) == []
    assert list(outdated(path.parent, 1_001)) == [path]
    assert list(leftovers(path.parent)) == []
    assert list(outdated(path.parent / "nowhere", 1_001)) == []
