"""The table of transfers is walked along every path, with the world that its effects make."""

from __future__ import annotations

import pytest

from talkpath.bridge.transfer.machine import TIMEOUTS, step
from talkpath.bridge.transfer.table import LIVE, TABLE
from talkpath.bridge.transfer.vocabulary import FINAL, Effect, Event, State
from tests.bridge.transfer.walk import CONSULT_ENDS, World, every_world


def ends() -> list[World]:
    return [world for world in every_world() if world.state in FINAL]


def test_the_walk_reaches_every_state_and_every_row() -> None:
    states = {world.state for world in every_world()}
    assert states == set(State)
    assert {state for state, _ in TABLE} == set(State) - FINAL
    assert {world.state for world in every_world() if world.state in FINAL} == FINAL


def test_the_callers_leg_is_ended_only_when_a_human_has_or_had_the_caller() -> None:
    """`perform` insists on it at the moment; here for the ends."""
    for world in every_world():
        if world.caller_ended_by_us:
            assert world.state is State.TRANSFERRED
            assert world.had_a_human


def test_every_end_gives_everything_back() -> None:
    for world in ends():
        held = (world.consult, world.briefing, world.bridged, world.comfort, world.announcing)
        assert not any(held), world


def test_the_caller_is_with_a_human_with_the_agent_or_gone() -> None:
    for world in ends():
        with_agent = not world.muted and not world.caller_left and not world.caller_ended_by_us
        gone = world.caller_left and not world.had_a_human
        match world.state:
            case State.RETURNED:
                assert with_agent
                assert world.agent_open
                assert not world.was_bridged
            case State.CALLER_GONE:
                assert gone
                assert world.muted
            case _:
                assert world.muted
                assert world.caller_left or world.caller_ended_by_us


def test_a_transfer_counts_as_one_only_after_a_report_a_bridge_or_two_byes() -> None:
    for world in ends():
        if world.state is State.TRANSFERRED and not world.had_a_human:
            assert world.caller_left
    ways_in = {
        (state, event)
        for (state, event), (following, _) in TABLE.items()
        if following is State.TRANSFERRED and event is not Event.REFER_DONE and state is not State.BRIDGED
    }
    assert ways_in == {
        (State.TARGET_LEFT, Event.CALLER_HUNG_UP),
        *((State.CALLER_LEFT, event) for event in CONSULT_ENDS),
    }


def test_no_model_hears_the_caller_between_the_first_step_and_the_return() -> None:
    for world in every_world():
        assert world.muted == (world.state not in {State.ASKED, State.RETURNED})


def test_unmute_stands_on_the_edges_into_returned_and_nowhere_else() -> None:
    for following, effects in TABLE.values():
        assert (Effect.UNMUTE in effects) == (following is State.RETURNED)


def test_after_the_acceptance_no_model_speaks_unless_the_caller_has_returned() -> None:
    for world in every_world():
        if world.accepted and world.state is not State.RETURNED:
            assert not world.briefing
            assert not world.agent_speaks


def test_the_agent_is_silent_while_the_caller_waits() -> None:
    may_speak = {State.ASKED, State.DRAINING_SPEECH, *FINAL}
    for world in every_world():
        if world.state not in may_speak:
            assert not world.agent_speaks


def test_the_caller_hears_something_whenever_they_wait() -> None:
    hears_people = {State.ASKED, State.DRAINING_SPEECH, State.CALLER_LEFT, State.BRIDGED, *FINAL}
    for world in every_world():
        assert world.comfort == (world.state not in {*hears_people, State.ANNOUNCING})
        assert world.announcing == (world.state is State.ANNOUNCING)
        assert world.bridged == (world.state is State.BRIDGED)


def test_the_caller_is_on_hold_while_a_human_is_called_and_asked_and_taken_back_before_anybody_speaks() -> (
    None
):
    always = {State.DIALLING_WARM, State.DIALLING_BRIDGE, State.BRIEFING, State.REFERRING_WARM}
    never = {State.ASKED, State.DRAINING_SPEECH, State.ANNOUNCING, State.BRIDGED, State.RETURNING}
    for world in every_world():
        if world.state in always:
            assert world.held
        assert not (world.held and world.state in never)


def test_a_caller_who_is_with_the_human_or_gone_is_not_taken_back() -> None:
    for following, effects in TABLE.values():
        if following in FINAL:
            assert Effect.TAKE_CALLER_BACK not in effects


def test_comfort_sound_is_switched_off_before_the_two_are_joined() -> None:
    for _, effects in TABLE.values():
        if Effect.BRIDGE in effects:
            assert effects.index(Effect.COMFORT_OFF) < effects.index(Effect.BRIDGE)


def test_no_briefing_without_a_human_and_none_that_outlives_its_leg() -> None:
    for world in every_world():
        assert not world.briefing or world.consult
        assert world.briefing == (world.state is State.BRIEFING)


def test_the_caller_can_leave_in_every_state() -> None:
    for state in LIVE:
        for event in (Event.CALLER_HUNG_UP, Event.SIP_LOST):
            following, effects = step(state, event)
            assert following in {*FINAL, State.CALLER_LEFT}
            assert Effect.HANG_UP_CALLER not in effects


def after_deadlines_only(state: State) -> State:
    for _ in State:
        if (state, Event.TIMEOUT) in TABLE:
            following, _effects = step(state, Event.TIMEOUT)
            assert following is not state
            state = following
    return state


@pytest.mark.parametrize("state", LIVE)
def test_every_wait_ends_by_itself_at_a_human_or_the_agent_or_with_the_caller(state: State) -> None:
    assert after_deadlines_only(state) in {*FINAL, State.BRIDGED}
    assert (state in TIMEOUTS) == ((state, Event.TIMEOUT) in TABLE)


def test_whoever_gets_to_a_decision_makes_it() -> None:
    for (state, event), (following, effects) in TABLE.items():
        chooses = following is State.CHOOSING and state is not State.CHOOSING
        assert (Effect.CHOOSE in effects) == chooses, (state, event)
        restores = following is State.RETURNING and (state is not following or event is Event.AGENT_LOST)
        assert (Effect.RESTORE_AGENT in effects) == restores, (state, event)


def test_the_agents_session_is_closed_once_a_human_has_the_caller_and_not_before() -> None:
    for world in every_world():
        assert world.agent_open == (world.state not in {State.BRIDGED, State.TRANSFERRED})
    for (state, event), (following, effects) in TABLE.items():
        if following is State.TRANSFERRED:
            assert Effect.CLOSE_AGENT in effects, (state, event)


def test_every_state_can_reach_the_end() -> None:
    reaching = set(FINAL)
    for _ in State:
        reaching |= {state for (state, _), (following, _) in TABLE.items() if following in reaching}
    assert reaching == set(State)
