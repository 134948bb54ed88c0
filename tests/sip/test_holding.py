from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.sip.holding import MAX_TRIES, Holding, Verdict


def holding(*, owner: bool = True) -> Holding:
    return Holding(owner, uniform=max)


def test_a_hold_goes_out_once_and_holds_when_it_is_answered() -> None:
    made = holding()
    assert made.due(0.0) is None
    made.want(True, 1.0)
    assert made.due(1.0) is True
    made.sent()
    assert (made.due(1.0), made.under_way, made.established) == (None, True, False)
    assert made.answered(200, "OK", 1.1) == Verdict(True, 200, "OK")
    assert (made.established, made.under_way) == (True, False)


@pytest.mark.parametrize(("owner", "pause"), [(True, 4.0), (False, 2.0)])
def test_a_collision_is_tried_again_after_the_pause_of_our_side(owner: bool, pause: float) -> None:
    made = holding(owner=owner)
    made.want(True, 0.0)
    made.sent()
    assert made.answered(491, "Request Pending", 10.0) is None
    assert made.due(10.0 + pause - 0.01) is None
    assert made.due(10.0 + pause) is True


def test_collisions_end_in_a_refusal() -> None:
    made = holding()
    made.want(True, 0.0)
    found = []
    for attempt in range(MAX_TRIES):
        now = attempt * 10.0
        assert made.due(now) is True
        found.append(made.blocked(now))
    assert found == [None] * (MAX_TRIES - 1) + [Verdict(True, 491, "another offer is under way")]
    assert made.due(1e9) is None


def test_a_refusal_leaves_things_as_they_were() -> None:
    made = holding()
    made.want(True, 0.0)
    made.sent()
    assert made.answered(488, "No", 0.0) == Verdict(True, 488, "No")
    assert not made.established
    assert made.due(100.0) is None


def test_the_last_word_counts_while_an_answer_is_waited_for() -> None:
    made = holding()
    made.want(True, 0.0)
    made.sent()
    made.want(False, 0.1)
    assert made.due(0.2) is None
    made.answered(491, "Request Pending", 0.3)
    assert made.due(0.3) is False


@given(st.lists(st.sampled_from([True, False, 200, 488, 491, "tick"]), max_size=40))
def test_never_two_at_once_and_an_answer_to_nothing_is_nothing(events: list[object]) -> None:
    made, now = holding(), 0.0
    for event in events:
        now += 1.0
        if isinstance(event, bool):
            made.want(event, now)
        elif isinstance(event, int):
            waiting = made.under_way
            assert made.answered(event, "", now) is None or waiting
        elif made.due(now) is not None:
            assert not made.under_way
            made.sent()
