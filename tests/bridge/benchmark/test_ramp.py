"""How far calls can be raised: the steps, what counts as broken, and the words about it."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Self, cast

import pytest

from talkpath.bridge.benchmark.daemon import BenchError
from talkpath.bridge.benchmark.figures import Spread
from talkpath.bridge.benchmark.ramp import Ramp, broken, climb, steps
from talkpath.bridge.benchmark.rows import Row
from talkpath.bridge.benchmark.short import verdict

if TYPE_CHECKING:
    from talkpath.bridge.benchmark.measure import Bench

GOOD = Spread(1.0, 2.0, 3.0, 4.0, 1000)


def row(calls: int, **more: Any) -> Row:
    """A row without fault, but for what is given."""
    known: dict[str, Any] = {field.name: 0 for field in fields(Row)}
    known |= {"subject": "talkpath", "mode": "pcmu", "calls": calls, "answered": calls}
    known |= {"frames_up": 10_000, "frames_down": 10_000, "core_share": 0.5}
    known |= dict.fromkeys(("setup", "send_jitter", "uplink", "downlink", "barge_in"), GOOD)
    return Row(**{**known, **more})


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (4, [4]),
        (50, [50]),
        (120, [50, 100, 120]),
        (500, [50, 100, 150, 200, 250, 300, 350, 400, 500]),
        (1000, [50, 100, 150, 200, 250, 300, 350, 400, 500, 600, 750, 900, 1000]),
    ],
)
def test_the_steps_grow_with_the_number_of_calls(most: int, expected: list[int]) -> None:
    assert list(steps(most)) == expected


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ({"answered": 40}, "10 calls without audio"),
        ({"send_jitter": replace(GOOD, p99=10.5)}, "jitter p99 10.5"),
        ({"send_jitter": Spread.of([])}, "jitter p99 nan"),
        ({"beat_late_p99": 50.0}, "late by 50 ms"),
        ({"lost_up": 11}, "to the model"),
        ({"lost_down": 6, "missing_packets": 6}, "12 frames lost to the callers"),
    ],
)
def test_what_callers_would_hear_breaks_a_row(fault: dict[str, Any], word: str) -> None:
    assert broken(row(50)) == []
    assert broken(row(50, lost_up=10, lost_down=10)) == [], "one of a thousand may get lost"
    (found,) = broken(row(50, **fault))
    assert word in found


class Stage:
    """Plays a daemon that goes well up to some number of calls."""

    def __init__(self, good_until: int, answers_until: int, **fault: Any) -> None:
        self.good_until, self.answers_until, self.fault = good_until, answers_until, fault
        self.calls = 0
        self.rows = 0

    def stage(self, mode: str, lanes: int) -> Stage:
        assert (mode, lanes) == ("pcmu", 300)
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def grow(self, calls: int) -> None:
        assert calls > self.calls
        self.calls = calls
        if calls > self.answers_until:
            raise BenchError("No call was answered: {486: 50}. The daemon says:\nmuch")

    def row(self, *, turns: bool) -> Row:
        assert not turns
        self.rows += 1
        return row(self.calls, **(self.fault if self.calls > self.good_until else {}))


def climbed(stage: Stage) -> tuple[Ramp, list[int]]:
    told: list[int] = []
    ramp = climb(cast("Bench", stage), "pcmu", 300, lambda each: told.append(each.calls))
    return ramp, told


def test_the_ramp_ends_at_the_first_number_that_breaks_twice() -> None:
    stage = Stage(150, 300, beat_late_p99=50.0)
    ramp, told = climbed(stage)
    assert told == [50, 100, 150, 200]
    assert (ramp.calls, ramp.ours, stage.rows) == (150, True, 5)
    words = " ".join(verdict(ramp))
    assert "carries about 150 calls per worker (G.711)" in words
    assert "beats late by 50 ms" in words
    assert "50% of a core" in words


def test_a_limit_of_the_load_tools_is_not_taken_for_ours() -> None:
    ramp, _ = climbed(Stage(100, 300, lost_down=5000, generator_share=0.6, model_share=0.4))
    assert not ramp.ours
    assert "at least about 100 calls" in verdict(ramp)[0]
    assert "load tools were at their limit" in verdict(ramp)[1]


def test_the_end_of_the_ramp_and_calls_that_are_refused_are_told() -> None:
    ramp, _ = climbed(Stage(300, 300))
    assert (ramp.calls, ramp.ours) == (300, False)
    assert "no more than 300 calls were tried" in verdict(ramp)[1]
    ramp, _ = climbed(Stage(300, 100))
    assert ramp.calls == 100
    assert "486" in verdict(ramp)[1]


def test_a_machine_that_cannot_carry_the_first_step_is_told_so() -> None:
    ramp, _ = climbed(Stage(0, 300, beat_late_p99=50.0))
    assert verdict(ramp) == ["Not even 50 calls went well: beats late by 50 ms at 99 %."]
    with pytest.raises(BenchError):
        climbed(Stage(0, 0))
