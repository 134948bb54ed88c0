"""The thread that writes recordings: one for all calls of a worker, fed without ever waiting for it.

The media loop hands over pieces; the thread decodes, aligns and writes them. When the disk is so slow that
too much waits, the sound of further pieces is dropped and counted, and their time is written as silence, so
that what follows stands at its place. A file that cannot be written ends its recording, never the call.
"""

from __future__ import annotations

import contextlib
import functools
import math
import queue
import threading
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from talkpath.bridge.media.lane import SAMPLE_RATE
from talkpath.bridge.media.recording_tap import Piece
from talkpath.bridge.recording.files import WaveFile
from talkpath.bridge.recording.mixer import StereoMixer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.int16]

log = structlog.get_logger(__name__)

__all__ = ["Recording", "RecordingWriter", "SoundFile"]

MOST_WAITING: Final = 16 * 1024 * 1024
"""Bytes of pieces that may wait for the disk: 17 minutes of one call, 10 s of a hundred."""
PATIENCE: Final = 5.0
"""Seconds that the disk gets at the end of the worker."""
_OVERHEAD: Final = 1_024  # of a piece, in bytes


class SoundFile(Protocol):
    """What a recording is written to: `WaveFile`."""

    def append(self, samples: Samples) -> None:
        """Write stereo samples (k, 2)."""

    def finish(self) -> None:
        """Complete the file."""


class Recording:
    """One recording, as its call holds it; made by `RecordingWriter.begin`.

    Attributes:
        path: Its file, once it is complete.
    """

    def __init__(self, path: Path, failed: Callable[[str, bool], None]) -> None:
        self.path = path
        self.failed = failed
        # The media loop's own: what was dropped and not yet written as silence, in frames.
        self.owed_caller = 0
        self.owed_agent = 0
        self.owed_since = 0.0  # on the clock of `Piece.sent_at`
        # The thread's own.
        self.file: SoundFile | None = None
        self.mixer = StereoMixer(SAMPLE_RATE)


class RecordingWriter:
    """Writes the recordings of a worker. Its methods are for one thread, that of the media loop.

    Args:
        make_file: Makes the file of a recording.
        most_waiting: Bytes of sound that may wait for the disk.

    Attributes:
        kept: Recordings that were completed.
        dropped_frames: Frames of 20 ms, of either side, that became silence because the disk was too slow.
    """

    def __init__(
        self,
        make_file: Callable[[Path, int], SoundFile] = WaveFile,
        *,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self.kept = 0
        self.dropped_frames = 0
        self._make_file = make_file
        self._most_waiting = most_waiting
        self._orders: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._handed_over = 0  # bytes, by the media loop
        self._taken = 0  # bytes, by the thread
        self._thread: threading.Thread | None = None
        self._open: set[Recording] = set()  # the thread's own

    # The media loop's side ------------------------------------------------------------------------

    def begin(self, path: Path, failed: Callable[[str, bool], None]) -> Recording:
        """Begin a recording.

        Args:
            path: Its file; its folder is made if need be.
            failed: Called in the writer's thread when it cannot be written, with the reason and whether what
                came before is kept; at most once.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="recordings", daemon=True)
            self._thread.start()
        recording = Recording(path, failed)
        self._orders.put(functools.partial(self._guarded, recording, self._make))
        return recording

    def add(self, recording: Recording, piece: Piece) -> None:
        """Write a piece, soon; never waits."""
        size = _size(piece)
        if self._handed_over - self._taken + size > self._most_waiting:
            if not (recording.owed_caller or recording.owed_agent):
                recording.owed_since = piece.sent_at
            self.dropped_frames += piece.caller_frames + piece.agent_frames
            recording.owed_caller += piece.caller_frames
            recording.owed_agent += piece.agent_frames
            return
        self._pay(recording)
        self._hand_over(recording, piece)

    def end(self, recording: Recording) -> None:
        """Complete a recording, soon."""
        self._pay(recording)
        self._orders.put(functools.partial(self._guarded, recording, self._finish))

    def close(self, patience: float = PATIENCE) -> bool:
        """Complete every recording and end the thread; waits.

        Args:
            patience: Seconds to wait at most.

        Returns:
            Whether the disk was quick enough. If not, part files are left for the next start.
        """
        thread, self._thread = self._thread, None
        if thread is None:
            return True
        self._orders.put(None)
        thread.join(patience)
        return not thread.is_alive()

    def _pay(self, recording: Recording) -> None:
        """Hand over the time of what was dropped."""
        if recording.owed_caller or recording.owed_agent:
            caller, agent, since = recording.owed_caller, recording.owed_agent, recording.owed_since
            recording.owed_caller = recording.owed_agent = 0
            gap = Piece("PCMU", b"", caller, math.nan, b"", agent, since)
            self._hand_over(recording, gap)

    def _hand_over(self, recording: Recording, piece: Piece) -> None:
        self._handed_over += _size(piece)
        self._orders.put(functools.partial(self._take, recording, piece))

    # The thread's side ----------------------------------------------------------------------------

    def _run(self) -> None:
        while (order := self._orders.get()) is not None:
            order()
        for recording in list(self._open):
            self._guarded(recording, self._finish)

    def _take(self, recording: Recording, piece: Piece) -> None:
        self._taken += _size(piece)
        self._guarded(recording, functools.partial(_write, piece))

    def _make(self, recording: Recording) -> None:
        recording.file = self._make_file(recording.path, SAMPLE_RATE)
        self._open.add(recording)

    def _finish(self, recording: Recording) -> None:
        file = recording.file
        if file is not None:
            file.append(recording.mixer.finish())
            self._let_go(recording)
            file.finish()
            self.kept += 1

    def _let_go(self, recording: Recording) -> None:
        recording.file = None
        self._open.discard(recording)

    def _guarded(self, recording: Recording, action: Callable[[Recording], None]) -> None:
        """Do something with a file; what it raises ends this recording and no other."""
        try:
            action(recording)
        except OSError as error:
            self._give_up(recording, error.strerror or str(error))
        except Exception as error:  # the root of the thread: it serves all calls
            log.exception("recording_broke", path=str(recording.path))
            self._give_up(recording, f"internal error: {error}")

    def _give_up(self, recording: Recording, reason: str) -> None:
        """Keep what is written, and say why there is no more."""
        file = recording.file
        self._let_go(recording)
        kept = False
        if file is not None:
            with contextlib.suppress(OSError):
                file.finish()
                kept = True
        recording.failed(reason, kept)


def _write(piece: Piece, recording: Recording) -> None:
    """Decode, align and append a piece; nothing once the file is gone."""
    if recording.file is None:
        return
    both = recording.mixer.add(*piece.decoded(), arrived=piece.arrived, sent_at=piece.sent_at)
    recording.file.append(both)


def _size(piece: Piece) -> int:
    return len(piece.caller) + len(piece.agent) + _OVERHEAD
