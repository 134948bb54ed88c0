from __future__ import annotations

import itertools

import pytest

from talkpath.bridge.call.machine import (
    TABLE,
    TIMEOUTS,
    Effect,
    Event,
    State,
    mermaid,
    step,
)
from talkpath.bridge.call.verdict import CAUSES
from talkpath.bridge.state_table import IllegalEventError


def run(state: State, *events: Event) -> tuple[State, list[Effect]]:
    performed: list[Effect] = []
    for event in events:
        state, effects = step(state, event)
        performed += effects
    return state, performed


def test_an_inbound_call_is_answered_only_after_the_model_is_ready() -> None:
    state, effects = run(State.OFFERED, Event.OFFER)
    assert state is State.OFFERED
    assert effects == [Effect.RING, Effect.OPEN_SESSION]
    state, effects = run(state, Event.MODEL_READY)
    assert (state, effects) == (State.ANSWERED, [Effect.ANSWER])


def test_the_greeting_waits_for_the_ack() -> None:
    state, effects = run(State.ANSWERED, Event.CONFIRMED)
    assert (state, effects) == (State.TALKING, [Effect.GREET])


def test_a_model_that_cannot_be_had_rejects_the_call_with_503() -> None:
    state, effects = run(State.OFFERED, Event.OFFER, Event.MODEL_LOST, Event.MODEL_GONE)
    assert state is State.ENDING
    assert effects[-1] is Effect.REJECT_UNAVAILABLE


def test_a_dropped_model_socket_brings_comfort_sound_and_back_to_the_conversation() -> None:
    state, effects = run(State.TALKING, Event.MODEL_LOST, Event.MODEL_LOST, Event.MODEL_READY)
    assert state is State.TALKING
    assert effects == [
        Effect.COMFORT_SOUND_ON,
        Effect.REOPEN_SESSION,
        Effect.REOPEN_SESSION,
        Effect.COMFORT_SOUND_OFF,
        Effect.RESUME,
    ]


def test_hanging_up_waits_until_the_goodbye_was_played() -> None:
    state, effects = run(State.TALKING, Event.GOODBYE_ASKED)
    assert (state, effects) == (State.GOODBYE, [])
    state, effects = run(state, Event.PLAYED_OUT)
    assert (state, effects) == (State.ENDING, [Effect.CLOSE_SESSION, Effect.HANG_UP])


def test_a_caller_who_interrupts_the_goodbye_goes_on_talking() -> None:
    state, _ = run(State.TALKING, Event.GOODBYE_ASKED, Event.CALLER_SPOKE)
    assert state is State.TALKING


def test_a_socket_that_drops_during_the_goodbye_does_not_cut_it() -> None:
    state, effects = run(State.GOODBYE, Event.MODEL_LOST)
    assert (state, effects) == (State.GOODBYE, [])


def test_silence_is_asked_about_before_it_ends_the_call() -> None:
    state, effects = run(State.TALKING, Event.SILENT_TOO_LONG)
    assert (state, effects) == (State.ASKING, [Effect.ASK_FOR_CALLER])
    assert run(state, Event.SILENT_TOO_LONG) == (State.GOODBYE, [Effect.SAY_SILENCE])
    assert run(state, Event.CALLER_SPOKE) == (State.TALKING, [])


def test_only_the_second_silence_is_a_cause() -> None:
    assert (State.TALKING, Event.SILENT_TOO_LONG) not in CAUSES
    assert CAUSES[State.ASKING, Event.SILENT_TOO_LONG] == "silence"


def test_all_that_can_happen_in_the_talk_can_happen_while_the_agent_asks() -> None:
    """The same way out, except for silence: a transfer, a lost model, a limit, an order to hang up."""
    for (state, event), (following, effects) in TABLE.items():
        if state is State.TALKING and event is not Event.SILENT_TOO_LONG:
            there, then = step(State.ASKING, event)
            assert then == effects
            assert there is following or following is State.TALKING
            assert CAUSES.get((State.ASKING, event)) == CAUSES.get((State.TALKING, event))


@pytest.mark.parametrize("state", [state for state in State if state not in {State.ENDED, State.PREPARING}])
@pytest.mark.parametrize("event", [Event.DIALOG_ENDED, Event.SIP_LOST])
def test_the_end_of_the_dialog_ends_the_call_in_every_state(state: State, event: Event) -> None:
    assert step(state, event) == (State.ENDED, (Effect.FINISH,))


def test_nothing_happens_to_a_call_that_ended() -> None:
    assert not [pair for pair in TABLE if pair[0] is State.ENDED]
    with pytest.raises(IllegalEventError, match="a call that is ended cannot have offer"):
        step(State.ENDED, Event.OFFER)


def test_every_state_with_a_deadline_says_what_happens_when_it_passes() -> None:
    for state in TIMEOUTS:
        following, _ = step(state, Event.TIMEOUT)
        assert following is not state


def test_every_path_to_the_end_finishes_exactly_once() -> None:
    """FINISH gives everything back, so it stands on each edge into ``ended`` and nowhere else."""
    for following, effects in TABLE.values():
        assert (Effect.FINISH in effects) == (following is State.ENDED)


def test_every_state_can_be_reached_and_can_reach_the_end() -> None:
    following = {
        state: {target for (source, _), (target, _) in TABLE.items() if source is state} for state in State
    }

    def closure(start: set[State]) -> set[State]:
        seen = set(start)
        for _ in State:
            seen |= set(itertools.chain.from_iterable(following[state] for state in seen))
        return seen

    assert closure({State.OFFERED, State.PREPARING}) == set(State)
    for state in State:
        assert State.ENDED in closure({state})


def test_comfort_sound_is_switched_off_on_every_way_out_of_recovering() -> None:
    for (state, _), (following, effects) in TABLE.items():
        if state is State.RECOVERING and following not in {State.RECOVERING, State.ENDED}:
            assert Effect.COMFORT_SOUND_OFF in effects


def test_the_drawing_names_every_state() -> None:
    drawing = mermaid()
    assert drawing.startswith("stateDiagram-v2\n")
    for state in State:
        assert state.value in drawing
