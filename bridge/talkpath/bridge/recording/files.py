"""Files of recordings: their names, how they are written so that a crash loses nothing, and how they go.

A recording is written as ``NAME.wav.part`` and gets its name when it is complete. Whoever writes it holds a
lock on it (``flock``), so that a file without one is what a crash has left: `repair` completes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from numpy.typing import NDArray

__all__ = ["PART", "WaveFile", "leftovers", "outdated", "recording_path", "repair"]

PART: Final = ".part"
HEADER_BYTES: Final = 44
_CHANNELS: Final = 2
_FRAME_BYTES: Final = 2 * _CHANNELS
_MOST_BYTES: Final = 0xFFFFFFFF - HEADER_BYTES
_OURS: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-[\w.-]+\.wav")
_PRIVATE: Final = 0o640


def recording_path(directory: Path, begun: datetime, call: str) -> Path:
    """The file of a call's recording: ``2026-01-31T09-15-00Z-CALL.wav``.

    Args:
        directory: Where recordings are kept.
        begun: When it begins, in UTC.
        call: Our id of the call.
    """
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", call)[:100]
    return directory / f"{begun:%Y-%m-%dT%H-%M-%SZ}-{safe}.wav"


def wave_header(data_bytes: int, rate: int) -> bytes:
    """The first 44 bytes of a WAV file of 16-bit stereo."""
    data_bytes = min(data_bytes, _MOST_BYTES)
    form = struct.pack("<4sI4s", b"RIFF", data_bytes + HEADER_BYTES - 8, b"WAVE")
    kind = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, _CHANNELS, rate, rate * _FRAME_BYTES, _FRAME_BYTES, 16)
    return form + kind + struct.pack("<4sI", b"data", data_bytes)


class WaveFile:
    """A recording that is being written.

    Args:
        path: Its name once it is complete.
        rate: Samples per second.

    Raises:
        OSError: The file cannot be made.
    """

    def __init__(self, path: Path, rate: int) -> None:
        self.path = path
        self._rate = rate
        self._part = path.with_name(path.name + PART)
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._fd = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write(wave_header(0, rate))
        except OSError:
            self._discard()
            raise

    def append(self, samples: NDArray[np.int16]) -> None:
        """Write stereo samples (k, 2). Nothing waits in this process: a crash of it loses no more.

        Raises:
            OSError: The disk is full, or gone.
        """
        self._write(np.ascontiguousarray(samples, "<i2").tobytes())

    def finish(self) -> None:
        """Complete the header and give the file its name; afterwards nothing can be written.

        Raises:
            OSError: That could not be done; what there is stays as a part file, for `repair`.
        """
        try:
            _complete(self._fd, self._rate)
            self._part.rename(self.path)
        finally:
            os.close(self._fd)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def _discard(self) -> None:
        os.close(self._fd)
        with contextlib.suppress(OSError):
            self._part.unlink()


def _complete(fd: int, rate: int) -> int:
    """Write the header that fits the length of the file; a part of a sample is cut. Returns the bytes."""
    size = max(os.fstat(fd).st_size - HEADER_BYTES, 0)
    size -= size % _FRAME_BYTES
    os.ftruncate(fd, HEADER_BYTES + size)
    os.pwrite(fd, wave_header(size, rate), 0)
    return size


def leftovers(directory: Path) -> Iterator[Path]:
    """The part files in a directory; some may still be written."""
    for entry in _listed(directory):
        if entry.name.endswith(PART) and _OURS.fullmatch(entry.name.removesuffix(PART)):
            yield Path(entry.path)


def repair(part: Path) -> Path | None:
    """Complete a recording that a crash has left.

    Returns:
        Its name; None: it is still being written, or held no sound and is gone.

    Raises:
        OSError: It can be neither read nor written.
    """
    fd = os.open(part, os.O_RDWR | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        rate = int.from_bytes(os.pread(fd, 4, 24), "little")
        if not rate or not _complete(fd, rate):
            part.unlink()
            return None
        complete = part.with_name(part.name.removesuffix(PART))
        part.rename(complete)
        return complete
    finally:
        os.close(fd)


def outdated(directory: Path, before: float) -> Iterator[Path]:
    """The recordings in a directory, by their names, that were last written before a time (Unix seconds)."""
    for entry in _listed(directory):
        if _OURS.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_mtime < before:
            yield Path(entry.path)


def _listed(directory: Path) -> list[os.DirEntry[str]]:
    """The files of a directory; one that is not there yet has none."""
    try:
        with os.scandir(directory) as entries:
            return [entry for entry in entries if entry.is_file(follow_symlinks=False)]
    except FileNotFoundError:
        return []
