"""The recording of one call: when it begins, when it rests, and what its caller is told before.

Nothing is recorded before the announcement, if the agent has one, has been played to its end.
"""

from __future__ import annotations

import contextlib
import enum
import functools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from talkpath.bridge.call.sounds import BadSoundFile, read_wave
from talkpath.bridge.recording.files import recording_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from structlog.typing import FilteringBoundLogger

    from talkpath.bridge.call.phone_leg import PhoneLeg
    from talkpath.bridge.call.services import Services
    from talkpath.bridge.config.recording import RecordingConfig
    from talkpath.bridge.observe.call_record import CallRecord
    from talkpath.bridge.recording.writer import Recording


log = structlog.get_logger(__name__)


class Stage(enum.Enum):
    """Where a recording is."""

    OFF = "off"
    """Not wanted, or not yet."""
    ANNOUNCING = "announcing"
    RUNNING = "running"
    PAUSED = "paused"
    FAILED = "failed"
    """It cannot be, or cannot go on; the call does."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Who waits for the end of the announcement: what to do then, and what if it is interrupted."""

    then: Callable[[], None]
    interrupted: Callable[[], None] | None


class CallRecording:
    """Records one call.

    Args:
        own: What the agent's configuration says.
        phone: The telephone's side of the call.
        services: What the worker lends.
        record: Where the path is noted.
        log: Logger with the call's ids bound.
        run_in_loop: Runs something on the call's event loop, from any thread.
    """

    def __init__(
        self,
        own: RecordingConfig,
        phone: PhoneLeg,
        services: Services,
        record: CallRecord,
        *,
        log: FilteringBoundLogger,
        run_in_loop: Callable[[Callable[[], None]], object],
    ) -> None:
        self.stage = Stage.OFF
        self._own = own
        self._phone = phone
        self._services = services
        self._record = record
        self._log = log
        self._run_in_loop = run_in_loop
        self._recording: Recording | None = None
        self._waiting: list[_Waiting] = []

    def before_speech(self, speak: Callable[[], None]) -> None:
        """Begin, if the agent's calls are always recorded, and let the agent speak once the caller knows."""
        if self._own.mode == "always" and self.stage in {Stage.OFF, Stage.ANNOUNCING}:
            self.start(speak)
        else:
            speak()

    @property
    def is_to_be_announced(self) -> bool:
        """Whether `before_speech` lets the caller hear the announcement first."""
        return self._own.mode == "always" and self.stage is Stage.OFF and self._own.announcement is not None

    def start(self, then: Callable[[], None], interrupted: Callable[[], None] | None = None) -> None:
        """Begin, after the announcement.

        Args:
            then: Called when the recording runs, or is known not to; the stage tells.
            interrupted: Called in its place when another sound interrupts the announcement.
        """
        if self.stage not in {Stage.OFF, Stage.ANNOUNCING}:
            then()
            return
        self._waiting.append(_Waiting(then, interrupted))
        if self.stage is Stage.ANNOUNCING:
            return
        try:
            samples = announcement(self._own.announcement)
        except BadSoundFile as bad:
            self._give_up("not_announced", f"no recording, because it cannot be announced: {bad}")
            self._go_on()
            return
        if samples is None:
            self._run()
            return
        self.stage = Stage.ANNOUNCING
        self._phone.mute()
        self._phone.announce(samples)

    def announced(self) -> None:
        """A sound was played to its end; if it was the announcement, record from here on."""
        if self.stage is Stage.ANNOUNCING:
            self._phone.listen()
            self._run()

    def interrupted(self) -> None:
        """Another sound takes the place of the announcement: it has to be played anew."""
        if self.stage is Stage.ANNOUNCING:
            self.stage = Stage.OFF
            self._phone.listen()
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                if each.interrupted is not None:
                    each.interrupted()

    def pause(self) -> bool:
        """Write silence from here on. Returns whether a recording rests now."""
        if self.stage is Stage.RUNNING:
            self._phone.silence_recording(silenced=True)
            self.stage = Stage.PAUSED
            self._log.info("recording_paused")
        return self.stage is Stage.PAUSED

    def resume(self) -> bool:
        """Write sound again. Returns whether a recording runs now."""
        if self.stage is Stage.PAUSED:
            self._phone.silence_recording(silenced=False)
            self.stage = Stage.RUNNING
            self._log.info("recording_resumed")
        return self.stage is Stage.RUNNING

    def close(self) -> None:
        """The call is over and its lane is closed: complete the file."""
        recording, self._recording = self._recording, None
        if recording is not None:
            self._services.recordings.end(recording)

    def _run(self) -> None:
        writer = self._services.recordings
        directory = self._own.directory
        if directory is None:  # the configuration does not allow it
            raise ValueError("a recording needs a directory")
        path = recording_path(directory, datetime.now(UTC), self._record.call)
        recording = self._recording = writer.begin(path, self._failed_elsewhere)
        self._phone.record(functools.partial(writer.add, recording))
        self.stage = Stage.RUNNING
        self._record.recording = str(path)
        self._services.metrics.recordings.labels("started").inc()
        self._log.info("recording_started", path=str(path))
        self._go_on()

    def _go_on(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.then()

    def _failed_elsewhere(self, reason: str, kept: bool) -> None:
        """In the writer's thread: the file cannot be written."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._run_in_loop(functools.partial(self._failed, reason, kept=kept))

    def _failed(self, reason: str, *, kept: bool) -> None:
        self._phone.stop_recording()
        self._recording = None
        self._give_up(
            "failed",
            f"{self._record.recording}: {reason}; the call goes on without. Make room in "
            f"{self._own.directory}, or let the user of the daemon write there; "
            "recording.retention of an agent removes old files",
        )
        if not kept:
            self._record.recording = ""

    def _give_up(self, result: str, problem: str) -> None:
        self.stage = Stage.FAILED
        self._services.metrics.recordings.labels(result).inc()
        self._log.error("recording_failed", problem=problem)


def check_announcement(own: RecordingConfig) -> None:
    """Read the announcement now, when nobody waits for it, and say so if it cannot be played."""
    try:
        announcement(own.announcement)
    except BadSoundFile as bad:
        log.error("announcement_unusable", problem=f"calls will not be recorded: {bad}")  # noqa: TRY400 - says it all


@functools.cache
def announcement(path: Path | None) -> NDArray[np.int16] | None:
    """What a caller hears before a recording; read once per process. None: nothing.

    Returns:
        int16 samples at 8 kHz.

    Raises:
        BadSoundFile: The file cannot be used.
    """
    return None if path is None else read_wave(path)
