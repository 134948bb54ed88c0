"""Everything that follows the sound of lanes: recordings, whoever listens live, and the level meter.

All of them take the same frames, at the same places, on the same clock. Without any of them, the media plane
makes one test per round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from talkpath.bridge.media.level_meter import AGENT, CALLER, LevelMeter
from talkpath.bridge.media.recording_tap import RecordingTap

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import PhoneCodec
    from talkpath.bridge.media.recording_tap import Piece

    Rows = NDArray[np.intp]
    Codes = NDArray[np.uint8]
    Samples = NDArray[np.int16]

__all__ = ["LIVE_FRAMES", "Taps"]

LIVE_FRAMES: Final = 3
"""Frames of a usual piece for a listener: 60 ms."""


class Taps:
    """The taps of a media plane.

    Args:
        lanes: Number of lanes.
        start: Monotonic seconds of tick 0.

    Attributes:
        active: Whether anybody follows any lane.
        meter: How loud the lanes are.
    """

    def __init__(self, lanes: int, start: float = 0.0) -> None:
        self.active = False
        self.meter = LevelMeter(lanes)
        self._recordings = RecordingTap(lanes, start)
        self._live = RecordingTap(lanes, start, piece_frames=LIVE_FRAMES)
        self._both = (self._recordings, self._live)
        self._following: tuple[RecordingTap, ...] = ()  # those of both that follow any lane
        self._silenced: set[int] = set()

    @property
    def tick(self) -> int:
        """The last tick whose phase has sent; kept by the plane."""
        return self._recordings.tick

    @tick.setter
    def tick(self, tick: int) -> None:
        self._recordings.tick = self._live.tick = tick

    # --- who follows -----------------------------------------------------------------------------

    def watch(self, *, watched: bool) -> None:
        """Measure the levels of all lanes, or no more."""
        self.meter.on = watched
        self._note()

    def start(self, lane: int, deliver: Callable[[Piece], None]) -> None:
        """Record a lane from its next frame on; `deliver` gets every piece and must not block."""
        self._recordings.start(lane, deliver)
        self._note()

    def silence(self, lane: int, *, silenced: bool) -> None:
        """Give only the time of a lane from its next frame on, or its sound again.

        What must not be recorded, such as the number of a card, is for no listener either.
        """
        (self._silenced.add if silenced else self._silenced.discard)(lane)
        for tap in self._both:
            tap.silence(lane, silenced=silenced)

    def stop(self, lane: int) -> None:
        """Deliver what is left of a lane and record it no more; a lane that is not recorded is left alone."""
        self._recordings.stop(lane)
        self._note()

    def listen(self, lane: int, deliver: Callable[[Piece], None]) -> None:
        """Listen to a lane that nobody listens to; `deliver` gets short pieces and must not block."""
        self._live.start(lane, deliver)
        self._live.silence(lane, silenced=lane in self._silenced)
        self._note()

    def listen_no_more(self, lane: int) -> None:
        """Let a lane alone again; one that nobody listens to stays alone."""
        self._live.stop(lane)
        self._note()

    def close(self, lane: int) -> None:
        """The call of a lane is over: deliver what is left, and follow it no more."""
        for tap in self._both:
            tap.stop(lane)
        self.meter.forget(lane)
        self._silenced.discard(lane)
        self._note()

    def stop_all(self) -> None:
        """Deliver what is left of every lane."""
        for tap in self._both:
            tap.stop_all()
        self._note()

    def recode(self, lane: int, codec: PhoneCodec) -> None:
        """The lane's frames are in another codec from now on."""
        self.meter.recode(lane, codec)
        for tap in self._both:
            tap.recode(lane, codec)

    def _note(self) -> None:
        self._following = tuple(tap for tap in self._both if tap.active)
        self.active = self.meter.on or bool(self._following)

    # --- from the plane --------------------------------------------------------------------------

    def caller(self, rows: Rows, frames: Codes, now: float) -> None:
        """Take a frame of some callers; see `RecordingTap.caller`."""
        if self.meter.on:
            self.meter.codes(CALLER, rows, frames)
        for tap in self._following:
            tap.caller(rows, frames, now)

    def caller_samples(self, rows: Rows, samples: Samples, now: float) -> None:
        """The same for wide-band callers, as int16 at 16 kHz (k, 320)."""
        if self.meter.on:
            self.meter.samples(CALLER, rows, samples)
        for tap in self._following:
            tap.caller_samples(rows, samples, now)

    def agent(self, rows: Rows, frames: Codes, slot: int) -> None:
        """Take a frame that was sent to some callers; see `RecordingTap.agent`."""
        if self.meter.on:
            self.meter.codes(AGENT, rows, frames)
        for tap in self._following:
            tap.agent(rows, frames, slot)

    def agent_samples(self, rows: Rows, samples: Samples, slot: int) -> None:
        """The same for the wide-band ones of some lanes, as int16 at 16 kHz (lanes, 320) of all lanes."""
        if self.meter.on and (wide := rows[self.meter.wide[rows]]).size:
            self.meter.samples(AGENT, wide, samples[wide])
        for tap in self._following:
            tap.agent_samples(rows, samples, slot)

    def deliver_due(self) -> None:
        """Deliver the pieces that are long enough."""
        for tap in self._following:
            tap.deliver_due()
