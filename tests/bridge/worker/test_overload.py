"""When a worker takes no more calls, and when it does again."""

from __future__ import annotations

from talkpath.bridge.media.counters import LatenessHistogram
from talkpath.bridge.worker.overload import IN_TIME_FOR, LATE_FOR, OverloadWatch


class Seconds:
    """A worker's beats, a second at a time."""

    def __init__(self) -> None:
        self.lateness = LatenessHistogram()
        self.watch = OverloadWatch(self.lateness)
        self.now = 0.0

    def second(self, *late: float) -> bool:
        for each in late:
            self.lateness.record(each)
        self.now += 1.0
        return self.watch.look(self.now)

    def until_it_changes(self, *late: float) -> float:
        """Seconds from the first of these to the change."""
        for count in range(60):
            if self.second(*late):
                return float(count)
        raise AssertionError("nothing changed within a minute")


IN_TIME = [0.0004] * 200
FAR_TOO_LATE = [0.240] * 4


def test_a_worker_whose_beats_are_late_for_seconds_is_overloaded_and_recovers() -> None:
    worker = Seconds()
    assert worker.until_it_changes(*FAR_TOO_LATE) == LATE_FOR
    assert worker.watch.overloaded
    assert worker.until_it_changes(*IN_TIME) == IN_TIME_FOR
    assert not worker.watch.overloaded


def test_one_pause_in_each_second_is_no_overload() -> None:
    worker = Seconds()
    assert not any(worker.second(0.150, *IN_TIME) for _ in range(60))


def test_beats_that_fall_behind_by_a_few_milliseconds_are_no_overload() -> None:
    worker = Seconds()
    assert not any(worker.second(*[0.008] * 120) for _ in range(60))


def test_a_good_second_begins_the_count_anew() -> None:
    worker = Seconds()
    for _ in range(20):
        assert not worker.second(*FAR_TOO_LATE)
        assert not worker.second(*FAR_TOO_LATE)
        assert not worker.second(*IN_TIME)


def test_a_worker_that_is_late_now_and_then_stays_overloaded() -> None:
    worker = Seconds()
    worker.until_it_changes(*FAR_TOO_LATE)
    for _ in range(20):
        assert not any(worker.second(*IN_TIME) for _ in range(5))
        assert not worker.second(*FAR_TOO_LATE)
    assert worker.watch.overloaded


def test_a_worker_whose_last_call_has_ended_recovers() -> None:
    worker = Seconds()
    worker.until_it_changes(*FAR_TOO_LATE)
    assert worker.until_it_changes() == IN_TIME_FOR
