from __future__ import annotations

from typing import TYPE_CHECKING, Any

from talkpath.bridge.media.lane import Beat, RtpResumed
from talkpath.bridge.worker.participants import Participants

if TYPE_CHECKING:
    from collections.abc import Callable

FRAME = bytes(160)


class Somebody:
    """Has a lane, and notes what comes by it."""

    def __init__(self, lane: int, *, breaks: bool = False) -> None:
        self.lane = lane
        self.breaks = breaks
        self.told: list[Any] = []

    def message(self, message: Any) -> None:
        self.told.append(message)

    def append(self, audio: bytes) -> None:
        if self.breaks:
            raise RuntimeError("broken")
        self.told.append(audio)

    def media_event(self, event: Any) -> None:
        self.told.append(event)

    def guarded(self, action: Callable[[], None]) -> None:
        action()

    def broke(self, error: Exception) -> None:
        self.told.append(type(error))


def test_what_a_beat_brings_goes_to_those_on_its_lanes() -> None:
    seats, first, second = Participants(3), Somebody(0), Somebody(2)
    seats.attach("c1", first)
    seats.attach("c2", second)
    event = RtpResumed(2)
    seats.beat(Beat(uplink=[(0, FRAME), (1, FRAME), (2, FRAME)], events=[event]))
    assert (first.told, second.told) == ([FRAME], [FRAME, event])


def test_one_who_breaks_keeps_nothing_from_the_others() -> None:
    seats, last = Participants(2), Somebody(1)
    broken = Somebody(0, breaks=True)
    seats.attach("c1", broken)
    seats.attach("c2", last)
    seats.beat(Beat(uplink=[(0, FRAME), (1, FRAME)]))
    assert (broken.told, last.told) == ([RuntimeError], [FRAME])


def test_nothing_comes_to_whoever_has_left() -> None:
    seats, gone = Participants(1), Somebody(0)
    seats.attach("c1", gone)
    assert seats.get("c1") is gone
    seats.detach("c1")
    seats.detach("c1")
    seats.beat(Beat(uplink=[(0, FRAME)]))
    assert seats.get("c1") is None
    assert not gone.told
