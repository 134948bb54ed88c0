from __future__ import annotations

import pytest

from talkpath.bridge.call.recovery import LONGEST_WAIT, STABLE_AFTER, Recovery


def waits(recovery: Recovery, now: float, chance: float = 0.5) -> list[float]:
    """Try until the budget is spent; each try fails at once."""
    found = []
    while (wait := recovery.next_delay(now, chance)) is not None:
        found.append(wait)
        now += wait
    return found


def test_waits_grow_and_stay_within_the_budget() -> None:
    found = waits(Recovery(20.0), 100.0)
    assert found == sorted(found)
    assert 10 < sum(found) <= 20
    assert found[-1] <= LONGEST_WAIT


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_chance_never_makes_the_budget_longer(chance: float) -> None:
    assert sum(waits(Recovery(8.0), 0.0, chance)) <= 8.0


def test_time_that_tries_take_counts_too() -> None:
    recovery = Recovery(8.0)
    assert recovery.next_delay(0.0, 0.5) is not None
    assert recovery.next_delay(8.0, 0.5) is None


def test_what_the_server_asks_for_is_waited_or_given_up_at_once() -> None:
    patient = Recovery(8.0)
    assert 2.0 < (patient.next_delay(0.0, 0.5, 2.0) or 0.0) < 3.0
    assert patient.next_delay(2.5, 0.5, 30.0) is None


def test_a_session_that_lasted_is_a_fresh_start() -> None:
    recovery = Recovery(8.0)
    waits(recovery, 0.0)
    recovery.succeeded(9.0, budget=20.0)
    again = waits(recovery, 9.0 + STABLE_AFTER)
    assert again == waits(Recovery(20.0), 0.0)


def test_a_session_that_is_dropped_at_once_is_not() -> None:
    recovery = Recovery(20.0)
    now = 0.0
    tries = 0
    while (wait := recovery.next_delay(now, 0.5)) is not None:
        now += wait + 1.0
        recovery.succeeded(now, budget=20.0)
        now += 1.0
        tries += 1
    assert now < 25
    assert tries < 10
