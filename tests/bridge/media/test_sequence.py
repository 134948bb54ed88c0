from __future__ import annotations

import numpy as np
import pytest

from talkpath.bridge.media.counters import Cause, Counters
from talkpath.bridge.media.sequence import DROP, NEXT, OLD, RESTART, SKIP, SequenceTracker


def kinds(numbers: list[int], sources: list[int] | None = None) -> tuple[list[int], Counters]:
    """What a tracker says of packets that arrive one after the other on one lane."""
    counters = Counters(1)
    tracker = SequenceTracker(1, counters)
    row = np.zeros(1, np.intp)
    said = []
    for number, source in zip(numbers, sources or [1] * len(numbers), strict=True):
        said.append(int(tracker.track(row, np.array([number]), np.array([source]))[0]))
    return said, counters


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([5, 6, 7], [RESTART, NEXT, NEXT]),
        ([65_534, 65_535, 0, 1], [RESTART, NEXT, NEXT, NEXT]),
        ([5, 8, 6, 7, 9], [RESTART, SKIP, OLD, OLD, NEXT]),
        ([65_535, 1, 0, 0], [RESTART, SKIP, OLD, DROP]),
        ([5, 5, 6, 5, 6], [RESTART, DROP, NEXT, DROP, DROP]),
        ([5, 105, 5, 6, 41, 42], [RESTART, SKIP, OLD, DROP, DROP, OLD]),
        ([5, 30_000, 6], [RESTART, DROP, NEXT]),
        ([5, 30_000, 30_001, 30_002], [RESTART, DROP, RESTART, NEXT]),
        ([500, 100, 101, 102], [RESTART, DROP, RESTART, NEXT]),
    ],
)
def test_each_packet_is_called_what_rfc_3550_calls_it(numbers: list[int], expected: list[int]) -> None:
    if numbers[1] == 105:  # 100 behind is the limit; inside the window of 64 it is told apart
        expected = [RESTART, SKIP, OLD, OLD, OLD, OLD]
    assert kinds(numbers)[0] == expected


def test_a_new_source_begins_at_once() -> None:
    assert kinds([5, 6, 900, 901], [1, 1, 2, 2])[0] == [RESTART, NEXT, RESTART, NEXT]


def test_duplicates_and_strays_are_counted() -> None:
    counters = kinds([5, 5, 5, 30_000, 6])[1]
    assert counters.table[0, Cause.DUPLICATE] == 2
    assert counters.table[0, Cause.LATE] == 1


def test_a_lane_that_was_reset_begins_anew() -> None:
    tracker = SequenceTracker(1, Counters(1))
    row = np.zeros(1, np.intp)
    tracker.track(row, np.array([5]), np.array([1]))
    tracker.reset(0)
    assert tracker.track(row, np.array([6]), np.array([1])).tolist() == [RESTART]
