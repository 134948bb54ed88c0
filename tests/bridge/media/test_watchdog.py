"""When a caller's RTP stops and comes back."""

from __future__ import annotations

import numpy as np
import pytest

from talkpath.bridge.media.lane import MediaEvent, RtpResumed, RtpStopped
from talkpath.bridge.media.watchdog import RtpWatchdog


class Watch:
    def __init__(self) -> None:
        self.heard_at = np.zeros(2)
        self.dog = RtpWatchdog(self.heard_at, 5.0)
        self.dog.watch(0, 0.0, receives=True)

    def check(self, until: float) -> list[MediaEvent]:
        """Ask in beats up to a time."""
        events: list[MediaEvent] = []
        for now in np.arange(0.0, until, 0.005):
            self.dog.check(float(now), events)
        return events


def test_a_stop_is_said_once_and_only_of_the_watched_lane() -> None:
    (event,) = Watch().check(20.0)
    assert isinstance(event, RtpStopped)
    assert event.lane == 0
    assert event.seconds == pytest.approx(5.0, abs=0.26)


def test_its_end_is_said_too() -> None:
    watch = Watch()
    events: list[MediaEvent] = []
    for now in (6.0, 7.0):
        watch.dog.check(now, events)
    watch.heard_at[0] = 7.5
    watch.dog.check(8.0, events)
    assert events[1:] == [RtpResumed(0)]


def test_a_lane_on_hold_is_not_expected_to_be_heard() -> None:
    watch = Watch()
    watch.dog.watch(0, 1.0, receives=False)
    assert watch.check(20.0) == []


def test_after_a_hold_the_time_counts_from_its_end() -> None:
    watch = Watch()
    watch.dog.watch(0, 1.0, receives=False)
    watch.dog.watch(0, 10.0, receives=True)
    assert watch.check(14.9) == []


def test_another_negotiation_does_not_buy_time() -> None:
    watch = Watch()
    watch.dog.watch(0, 4.0, receives=True)
    assert len(watch.check(6.0)) == 1
