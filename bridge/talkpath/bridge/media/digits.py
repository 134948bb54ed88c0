"""RFC 4733 digits of all lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.bridge.media.lane import SAMPLE_RATE, Digit
from talkpath.codecs.telephone_event import DigitDetector

if TYPE_CHECKING:
    from talkpath.bridge.media.lane import MediaEvent
    from talkpath.codecs import telephone_event

__all__ = ["DigitReader"]


class DigitReader:
    """One detector per lane; only the lanes with a key down are looked at each beat.

    Args:
        lanes: Number of lanes.
    """

    def __init__(self, lanes: int) -> None:
        self._detectors = [DigitDetector(SAMPLE_RATE) for _ in range(lanes)]
        self._pressed: set[int] = set()

    def configure(self, lane: int, clock_rate: int) -> None:
        """Set the ticks per second in which the lane's events are counted."""
        if self._detectors[lane].clock_rate != clock_rate:
            self._detectors[lane] = DigitDetector(clock_rate)
            self._pressed.discard(lane)

    def reset(self, lane: int) -> None:
        """Forget the lane: another call."""
        self._detectors[lane].reset()
        self._pressed.discard(lane)

    def restart(self, lane: int) -> None:
        """Another stream begins on the lane, perhaps in the middle of a press."""
        self._detectors[lane].restart()

    def feed(self, lane: int, payload: bytes, timestamp: int, now: float, events: list[MediaEvent]) -> None:
        """Take one telephone-event packet."""
        detector = self._detectors[lane]
        _report(lane, detector.feed(payload, timestamp, now), events)
        self._note(lane)

    def poll(self, now: float, events: list[MediaEvent]) -> None:
        """Release keys whose end was lost."""
        for lane in tuple(self._pressed):
            _report(lane, self._detectors[lane].poll(now), events)
            self._note(lane)

    def _note(self, lane: int) -> None:
        if self._detectors[lane].pressed is None:
            self._pressed.discard(lane)
        else:
            self._pressed.add(lane)


def _report(lane: int, digits: tuple[telephone_event.Digit, ...], events: list[MediaEvent]) -> None:
    events.extend(Digit(lane, digit.digit, round(digit.duration * 1000)) for digit in digits)
