"""How transfers should go, and every race, as rows of the table."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from talkpath.bridge.state_table import IllegalEventError
from talkpath.bridge.transfer.machine import TIMEOUTS, mermaid, step, timeout
from talkpath.bridge.transfer.table import LIVE, TABLE
from talkpath.bridge.transfer.vocabulary import FINAL, Effect, Event, State
from tests.bridge.transfer.walk import CONSULT_ENDS, every_world


def run(state: State, *events: Event) -> tuple[State, list[Effect]]:
    performed: list[Effect] = []
    for event in events:
        state, effects = step(state, event)
        performed += effects
    return state, performed


# The ways that it should go ------------------------------------------------------------------------------


def test_a_warm_transfer() -> None:
    state, effects = run(State.ASKED, Event.BEGIN, Event.SPEECH_DRAINED, Event.NEXT_WARM)
    assert state is State.DIALLING_WARM
    assert effects == [
        Effect.MUTE,
        Effect.DRAIN_SPEECH,
        Effect.SILENCE_AGENT,
        Effect.COMFORT_ON,
        Effect.CHOOSE,
        Effect.HOLD_CALLER,
        Effect.DIAL,
    ]
    state, effects = run(
        state,
        Event.TARGET_RINGING,
        Event.ANSWERED,
        Event.BRIEFING_READY,
        Event.ACCEPTED,
        Event.REFER_ACCEPTED,
    )
    assert state is State.CONFIRMING_WARM
    assert effects == [
        Effect.OPEN_BRIEFING,
        Effect.SPEAK_BRIEFING,
        Effect.CLOSE_BRIEFING,
        Effect.REFER_REPLACES,
    ]
    state, effects = run(state, Event.REFER_PROGRESS, Event.REFER_DONE)
    assert state is State.TRANSFERRED
    assert effects == [Effect.COMFORT_OFF, Effect.END_CONSULT, Effect.CLOSE_AGENT, Effect.HANG_UP_CALLER]


def test_a_blind_transfer_keeps_the_caller_until_the_final_notify() -> None:
    state, effects = run(
        State.CHOOSING, Event.NEXT_BLIND, Event.REFER_ACCEPTED, Event.REFER_PROGRESS, Event.REFER_PROGRESS
    )
    assert (state, effects) == (State.PROGRESSING_BLIND, [Effect.REFER])
    state, effects = run(state, Event.REFER_DONE)
    assert (state, effects[-1]) == (State.TRANSFERRED, Effect.HANG_UP_CALLER)


def test_a_bridge_lasts_until_one_of_the_two_hangs_up() -> None:
    state, effects = run(State.CHOOSING, Event.NEXT_BRIDGE, Event.ANSWERED)
    assert (state, effects) == (
        State.BRIDGED,
        [
            Effect.HOLD_CALLER,
            Effect.DIAL,
            Effect.COMFORT_OFF,
            Effect.TAKE_CALLER_BACK,
            Effect.BRIDGE,
            Effect.CLOSE_AGENT,
        ],
    )
    _, effects = run(state, Event.TARGET_HUNG_UP)
    assert effects == [Effect.UNBRIDGE, Effect.END_CONSULT, Effect.CLOSE_AGENT, Effect.HANG_UP_CALLER]
    _, effects = run(state, Event.CALLER_HUNG_UP)
    assert effects == [Effect.UNBRIDGE, Effect.END_CONSULT, Effect.CLOSE_AGENT]


def test_a_declined_call_goes_back_to_the_agent_who_is_told_why() -> None:
    state, effects = run(State.BRIEFING, Event.DECLINED, Event.AGENT_READY)
    assert state is State.RETURNED
    assert effects == [
        Effect.CLOSE_BRIEFING,
        Effect.END_CONSULT,
        Effect.TAKE_CALLER_BACK,
        Effect.RESTORE_AGENT,
        Effect.COMFORT_OFF,
        Effect.UNMUTE,
        Effect.TELL_AGENT,
    ]


@pytest.mark.parametrize("event", [*CONSULT_ENDS, Event.TIMEOUT])
def test_a_destination_that_does_not_answer_makes_way_for_the_next(event: Event) -> None:
    for state in (State.DIALLING_WARM, State.DIALLING_BRIDGE):
        assert step(state, event) == (State.CHOOSING, (Effect.END_CONSULT, Effect.CHOOSE))


def test_a_peer_that_refuses_the_refer_after_the_acceptance_gets_a_bridge() -> None:
    for state in (State.REFERRING_WARM, State.CONFIRMING_WARM):
        for event in (Event.REFER_REFUSED, Event.REFER_FAILED, Event.TIMEOUT):
            following, effects = step(state, event)
            assert following is State.BRIDGED
            assert Effect.BRIDGE in effects


def test_a_peer_that_refuses_a_blind_refer_lets_us_call_by_ourselves() -> None:
    following, effects = step(State.REFERRING_BLIND, Event.REFER_REFUSED)
    assert (following, effects[-1]) == (State.DIALLING_BRIDGE, Effect.DIAL)


def test_a_202_without_any_notify_brings_the_caller_back() -> None:
    state, _ = run(State.REFERRING_BLIND, Event.REFER_ACCEPTED, Event.TIMEOUT, Event.AGENT_READY)
    assert state is State.RETURNED
    assert TIMEOUTS[State.CONFIRMING_BLIND] < TIMEOUTS[State.PROGRESSING_BLIND]


# The races -----------------------------------------------------------------------------------------------


def test_the_caller_hangs_up_while_the_target_rings() -> None:
    state, effects = run(State.DIALLING_WARM, Event.TARGET_RINGING, Event.CALLER_HUNG_UP)
    assert (state, effects) == (State.CALLER_GONE, [Effect.COMFORT_OFF, Effect.END_CONSULT])


def test_the_caller_hangs_up_during_the_briefing() -> None:
    state, effects = run(State.BRIEFING, Event.CALLER_HUNG_UP)
    assert state is State.CALLER_GONE
    assert effects == [Effect.COMFORT_OFF, Effect.CLOSE_BRIEFING, Effect.END_CONSULT]


def test_the_caller_hangs_up_before_the_peer_has_taken_the_refer() -> None:
    state, effects = run(State.REFERRING_WARM, Event.CALLER_HUNG_UP)
    assert (state, effects[-1]) == (State.CALLER_GONE, Effect.END_CONSULT)


def test_the_callers_leg_ends_after_the_202_and_the_humans_does_not() -> None:
    state, effects = run(State.CONFIRMING_WARM, Event.CALLER_HUNG_UP, Event.SUBSCRIPTION_LOST, Event.TIMEOUT)
    assert (state, effects) == (State.CALLER_GONE, [Effect.COMFORT_OFF, Effect.END_CONSULT])


@pytest.mark.parametrize("lost_first", [True, False])
@pytest.mark.parametrize(
    "byes",
    [(Event.CALLER_HUNG_UP, Event.TARGET_HUNG_UP), (Event.TARGET_HUNG_UP, Event.CALLER_HUNG_UP)],
)
def test_both_byes_after_the_202_are_a_transfer_in_either_order(
    byes: tuple[Event, Event], lost_first: bool
) -> None:
    """The peer has joined the two; its reports end with the caller's dialog, before or after its BYE."""
    events = list(byes)
    events.insert(events.index(Event.CALLER_HUNG_UP) + (0 if lost_first else 1), Event.SUBSCRIPTION_LOST)
    if (State.TRANSFERRED, events[-1]) not in TABLE and events[-1] is Event.SUBSCRIPTION_LOST:
        events.pop()  # the transfer is over by then, and nothing comes to it any more
    state, effects = run(State.CONFIRMING_WARM, *events)
    assert state is State.TRANSFERRED
    assert Effect.END_CONSULT in effects
    assert Effect.HANG_UP_CALLER not in effects


def test_the_target_answers_as_we_cancel() -> None:
    without_a_leg = {
        *(State.CHOOSING, State.RETURNING, State.ANNOUNCING),
        *(State.REFERRING_BLIND, State.CONFIRMING_BLIND, State.PROGRESSING_BLIND, State.SETTLING_BLIND),
    }
    assert without_a_leg <= {world.state for world in every_world() if not world.consult}
    for state in without_a_leg:
        assert step(state, Event.ANSWERED) == (state, (Effect.END_CONSULT,))


def test_the_target_hangs_up_during_the_briefing() -> None:
    state, effects = run(State.BRIEFING, Event.TARGET_HUNG_UP)
    assert state is State.RETURNING
    assert effects == [
        Effect.CLOSE_BRIEFING,
        Effect.END_CONSULT,
        Effect.TAKE_CALLER_BACK,
        Effect.RESTORE_AGENT,
    ]


def test_the_target_hangs_up_after_it_accepted_and_nothing_was_joined() -> None:
    state, effects = run(State.REFERRING_WARM, Event.TARGET_HUNG_UP, Event.REFER_REFUSED, Event.AGENT_READY)
    assert state is State.RETURNED
    assert effects[:3] == [Effect.END_CONSULT, Effect.TAKE_CALLER_BACK, Effect.RESTORE_AGENT]


def test_key_and_tool_accept_at_once() -> None:
    state, effects = run(State.BRIEFING, Event.ACCEPTED, Event.ACCEPTED, Event.DECLINED)
    assert state is State.REFERRING_WARM
    assert effects.count(Effect.REFER_REPLACES) == 1


@pytest.mark.parametrize("state", LIVE)
def test_a_second_request_is_refused_and_changes_nothing(state: State) -> None:
    assert step(state, Event.TRANSFER_ASKED) == (state, (Effect.REFUSE_SECOND,))


@pytest.mark.parametrize("state", LIVE)
def test_a_hold_by_the_caller_and_a_drain_change_nothing(state: State) -> None:
    for event in (Event.CALLER_HELD, Event.CALLER_RESUMED, Event.DRAIN):
        assert step(state, event) == (state, ())


@pytest.mark.parametrize("state", [state for state in LIVE if state is not State.RETURNING])
def test_a_model_that_drops_during_the_transfer_is_missed_only_on_return(state: State) -> None:
    assert step(state, Event.AGENT_LOST) == (state, ())
    assert step(state, Event.AGENT_GONE) == (state, ())


def test_on_return_the_caller_waits_with_comfort_sound_for_a_new_session() -> None:
    state, effects = run(State.RETURNING, Event.AGENT_LOST, Event.AGENT_LOST)
    assert (state, effects) == (State.RETURNING, [Effect.RESTORE_AGENT, Effect.RESTORE_AGENT])
    state, effects = run(state, Event.AGENT_GONE)
    assert (state, effects) == (State.RETURNED, [Effect.COMFORT_OFF, Effect.UNMUTE])


def test_a_briefing_that_cannot_be_had_connects_without_one() -> None:
    state, effects = run(State.BRIEFING, Event.BRIEFING_FAILED)
    assert (state, effects) == (State.REFERRING_WARM, [Effect.CLOSE_BRIEFING, Effect.REFER_REPLACES])


@pytest.mark.parametrize("state", LIVE)
def test_the_drain_deadline_gives_everything_back_and_leaves_the_end_to_the_call(state: State) -> None:
    following, effects = step(state, Event.HANG_UP_ORDERED)
    assert following in FINAL
    assert (Effect.HANG_UP_CALLER in effects) == (state is State.BRIDGED)


def test_a_target_that_leads_to_us_is_left_for_the_next() -> None:
    state, _ = run(State.DIALLING_WARM, Event.TARGET_IS_US)
    assert state is State.CHOOSING


def test_a_report_of_success_that_comes_late_still_counts() -> None:
    state, effects = run(State.CONFIRMING_BLIND, Event.TIMEOUT, Event.REFER_DONE)
    assert (state, effects[-1]) == (State.TRANSFERRED, Effect.HANG_UP_CALLER)


# The rest ------------------------------------------------------------------------------------------------


def test_what_only_a_bug_can_bring_is_refused() -> None:
    for state, event in (
        (State.TRANSFERRED, Event.BEGIN),
        (State.BRIDGED, Event.TIMEOUT),
        (State.DRAINING_SPEECH, Event.ANSWERED),
        (State.DIALLING_WARM, Event.NEXT_WARM),
    ):
        with pytest.raises(IllegalEventError, match=f"that is {state.value} cannot have {event.value}"):
            step(state, event)


def test_the_agents_own_figure_limits_the_briefing() -> None:
    assert timeout(State.BRIEFING, 90.0) == 90.0
    assert timeout(State.BRIEFING) == TIMEOUTS[State.BRIEFING]
    assert timeout(State.REFERRING_WARM, 90.0) == TIMEOUTS[State.REFERRING_WARM]
    assert timeout(State.BRIDGED) is None


def test_the_drawing_names_every_state_and_is_the_same_in_every_process() -> None:
    drawing = mermaid()
    assert drawing.startswith("stateDiagram-v2\n")
    for state in State:
        assert f" {state.value}" in drawing
    program = "from talkpath.bridge.transfer.machine import mermaid; print(mermaid(), end='')"
    other = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout == drawing
