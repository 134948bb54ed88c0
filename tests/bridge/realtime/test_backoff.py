"""Waiting times between attempts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from talkpath.bridge.realtime.backoff import backoff


def test_it_doubles_up_to_the_cap() -> None:
    assert [backoff(attempt, 0.0) for attempt in range(6)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]


@given(st.integers(-5, 10**9), st.floats(0.0, 1.0, exclude_max=True))
def test_it_stays_between_half_and_all_of_the_waiting_time(attempt: int, random: float) -> None:
    assert backoff(attempt, 0.0) / 2 <= backoff(attempt, random) <= backoff(attempt, 0.0) <= 8.0
