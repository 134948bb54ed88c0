"""The life of a session as a table."""

from __future__ import annotations

import pytest

from talkpath.bridge.realtime.lifecycle import TRANSITIONS, IllegalTransitionError, State, Trigger, next_state


def test_the_straight_way_leads_to_ready() -> None:
    state = State.IDLE
    for trigger in (Trigger.CONNECTED, Trigger.CREATED, Trigger.CONFIRMED):
        state = next_state(state, trigger)
    assert state is State.READY


def test_every_state_can_be_closed_and_every_state_can_be_reached() -> None:
    assert all(next_state(state, Trigger.CLOSE) is State.CLOSED for state in State)
    assert {State.IDLE, *TRANSITIONS.values()} == set(State)


@pytest.mark.parametrize("state", [State.LOST, State.FAILED, State.CLOSED])
def test_an_ended_session_does_not_come_back(state: State) -> None:
    for trigger in Trigger:
        if trigger is not Trigger.CLOSE:
            with pytest.raises(IllegalTransitionError, match="new session"):
                next_state(state, trigger)
