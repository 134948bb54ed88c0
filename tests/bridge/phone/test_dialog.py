from __future__ import annotations

import pytest

from talkpath.bridge.phone.dialog import Effect, Event, State, step

ENDS = (Event.END_ORDERED, Event.HUNG_UP, Event.WAY_LOST, Event.WORKER_LOST, Event.STOPPED)


def test_a_call_is_answered_confirmed_and_closed() -> None:
    state, effects = step(State.OFFERED, Event.ANSWER_ORDERED)
    assert (state, effects) == (State.ANSWERED, (Effect.ACCEPT,))
    state, effects = step(state, Event.CONNECTED)
    assert (state, effects) == (State.TALKING, (Effect.CONFIRM,))
    assert step(state, Event.HUNG_UP) == (State.OVER, (Effect.CLOSE,))


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("state", [State.OFFERED, State.ANSWERED, State.TALKING])
def test_every_end_closes_from_everywhere(state: State, end: Event) -> None:
    assert step(state, end) == (State.OVER, (Effect.CLOSE,))


@pytest.mark.parametrize("event", list(Event))
def test_what_is_over_stays_over_and_is_closed_once(event: Event) -> None:
    assert step(State.OVER, event) == (State.OVER, ())


def test_a_way_that_is_found_before_the_answer_waits_for_it() -> None:
    assert step(State.OFFERED, Event.CONNECTED) == (State.OFFERED, ())
    assert step(State.TALKING, Event.CONNECTED) == (State.TALKING, ())
