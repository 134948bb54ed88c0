from __future__ import annotations

import errno
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from talkpath.bridge.media.recording_tap import Piece
from talkpath.bridge.recording.files import WaveFile, leftovers
from talkpath.bridge.recording.writer import RecordingWriter
from tests.bridge.recording.sound import read

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FRAMES = 25


def piece(number: int, *, silenced: bool = False) -> Piece:
    """Half a second of a call in which both sides hum."""
    codes = b"\x10" * 160 * FRAMES
    return Piece("PCMU", codes, FRAMES, number / 2 + 0.26, codes, FRAMES, number / 2, silenced)


class Failures(list[tuple[str, bool]]):
    def note(self, reason: str, kept: bool) -> None:
        self.append((reason, kept))


class FullDisk(WaveFile):
    """Has room for two pieces."""

    def __init__(self, path: Path, rate: int) -> None:
        super().__init__(path, rate)
        self.pieces = 0

    def append(self, samples: Any) -> None:
        if self.pieces == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().append(samples)
        self.pieces += 1


def test_pieces_become_a_file(tmp_path: Path) -> None:
    writer, failures = RecordingWriter(), Failures()
    path = tmp_path / "new" / "a.wav"
    recording = writer.begin(path, failures.note)
    for number in range(4):
        writer.add(recording, piece(number, silenced=number == 2))
    writer.end(recording)
    assert writer.close()
    both = read(path)
    assert both.shape == (16_000, 2)
    assert (both[:8_000] != 0).all()
    assert not both[8_000:12_000].any()
    assert (both[12_000:] != 0).all()
    assert (writer.kept, failures) == (1, [])


def test_closing_completes_what_still_runs(tmp_path: Path) -> None:
    writer = RecordingWriter()
    recording = writer.begin(tmp_path / "a.wav", Failures().note)
    writer.add(recording, piece(0))
    assert writer.close()
    assert len(read(tmp_path / "a.wav")) == 4_000


def test_a_full_disk_ends_one_recording_and_keeps_what_there_was(tmp_path: Path) -> None:
    def make(path: Path, rate: int) -> WaveFile:
        return (FullDisk if path.name == "full.wav" else WaveFile)(path, rate)

    writer, failures = RecordingWriter(make), Failures()
    full = writer.begin(tmp_path / "full.wav", failures.note)
    other = writer.begin(tmp_path / "other.wav", Failures().note)
    for number in range(4):
        writer.add(full, piece(number))
        writer.add(other, piece(number))
    writer.end(full)
    writer.end(other)
    assert writer.close()
    assert failures == [("No space left on device", True)]
    assert len(read(tmp_path / "full.wav")) == 8_000
    assert len(read(tmp_path / "other.wav")) == 16_000
    assert writer.kept == 1


def test_a_folder_that_cannot_be_made_is_a_failure_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    writer, failures = RecordingWriter(), Failures()
    recording = writer.begin(tmp_path / "file" / "a.wav", failures.note)
    writer.add(recording, piece(0))
    writer.end(recording)
    assert writer.close()
    ((reason, kept),) = failures
    assert reason in {"Not a directory", "File exists"}
    assert not kept


def test_a_slow_disk_costs_sound_but_no_time_and_no_memory(tmp_path: Path) -> None:
    go_on = threading.Event()

    class Slow(WaveFile):
        def append(self, samples: Any) -> None:
            go_on.wait()
            super().append(samples)

    writer = RecordingWriter(Slow, most_waiting=30_000)
    recording = writer.begin(tmp_path / "a.wav", Failures().note)
    for number in range(10):
        writer.add(recording, piece(number))
    waiting = writer._orders.qsize()
    go_on.set()
    writer.end(recording)
    assert writer.close()
    both = read(tmp_path / "a.wav")
    assert waiting <= 5
    assert writer.dropped_frames >= 6 * 2 * FRAMES
    assert len(both) == 40_000
    heard = np.count_nonzero(both[:, 0])
    assert heard == 40_000 - writer.dropped_frames // 2 * 160


def test_a_recording_whose_beginning_was_dropped_has_both_sides(tmp_path: Path) -> None:
    writer = RecordingWriter()
    recording = writer.begin(tmp_path / "a.wav", Failures().note)
    room, writer._most_waiting = writer._most_waiting, 0
    writer.add(recording, piece(1_000))
    writer._most_waiting = room
    for number in range(1_001, 1_005):
        writer.add(recording, piece(number))
    writer.end(recording)
    assert writer.close()
    caller, agent = read(tmp_path / "a.wav").T
    for side in (caller, agent):
        assert not side[:4_000].any()
        assert side[4_000:20_000].all()


def test_a_bug_in_one_file_ends_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(path: Path, rate: int) -> WaveFile:
        if path.name == "broken.wav":
            raise ValueError("no")
        return WaveFile(path, rate)

    writer, failures = RecordingWriter(broken), Failures()
    writer.begin(tmp_path / "broken.wav", failures.note)
    good = writer.begin(tmp_path / "good.wav", failures.note)
    writer.add(good, piece(0))
    assert writer.close()
    assert failures == [("internal error: no", False)]
    assert (tmp_path / "good.wav").exists()
    assert "recording_broke" in capsys.readouterr().out


def test_a_disk_that_hangs_does_not_hold_up_the_end(tmp_path: Path) -> None:
    go_on = threading.Event()

    class Hangs(WaveFile):
        def append(self, samples: Any) -> None:
            go_on.wait()
            super().append(samples)

    writer = RecordingWriter(Hangs)
    thread_of = writer.begin(tmp_path / "2026-01-31T09-15-00Z-a.wav", Failures().note)
    writer.add(thread_of, piece(0))
    thread = writer._thread
    assert not writer.close(patience=0.05)
    assert list(leftovers(tmp_path))
    go_on.set()
    assert thread is not None
    thread.join()
