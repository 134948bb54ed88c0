from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.bridge.transfer.account import Account
from talkpath.bridge.transfer.briefing import Subject
from talkpath.bridge.transfer.course import Transfer
from talkpath.bridge.transfer.table import TABLE
from talkpath.bridge.transfer.targets import Attempt, Selection
from talkpath.bridge.transfer.vocabulary import FINAL, Effect, Event, Reason, State

if TYPE_CHECKING:
    from talkpath.bridge.transfer.targets import Mode

CHOSEN_BY_THE_PERFORMER = {Event.NEXT_BLIND, Event.NEXT_BRIDGE, Event.NEXT_WARM, Event.NEXT_ANNOUNCEMENT}
CHOSEN_BY_THE_PERFORMER |= {Event.NONE_LEFT, Event.BEGIN}
MODES: tuple[Mode, ...] = ("blind", "warm", "bridge")


def begin(*attempts: Attempt, reason: Reason | None = None) -> tuple[Transfer, list[Effect]]:
    transfer = Transfer(Selection("sales", attempts, reason), Account("sales", Subject()))
    return transfer, [*transfer.happen(Event.BEGIN), *tell(transfer, Event.SPEECH_DRAINED)]


def tell(transfer: Transfer, event: Event, status: int = 0) -> list[Effect]:
    """Let something happen, and choose as a performer would."""
    effects = list(transfer.happen(event, status))
    if effects[-1:] == [Effect.CHOOSE]:
        effects += transfer.happen(transfer.choose())
    return effects


def test_destinations_are_tried_in_order_and_the_last_reason_counts() -> None:
    transfer, _ = begin(Attempt("warm", "700"), Attempt("warm", "701"))
    assert transfer.attempt == Attempt("warm", "700")
    tell(transfer, Event.BUSY, 486)
    assert (transfer.attempt, transfer.state) == (Attempt("warm", "701"), State.DIALLING_WARM)
    effects = tell(transfer, Event.NO_ANSWER, 408)
    assert transfer.state is State.RETURNING
    assert effects[-1] is Effect.RESTORE_AGENT
    tell(transfer, Event.AGENT_READY)
    assert transfer.over
    assert transfer.reason is Reason.NO_ANSWER


def test_a_success_after_a_failure_is_a_success() -> None:
    transfer, _ = begin(Attempt("warm", "700"), Attempt("warm", "701"))
    for event in (Event.BUSY, Event.ANSWERED, Event.ACCEPTED, Event.REFER_ACCEPTED, Event.REFER_DONE):
        tell(transfer, event)
    assert (transfer.state, transfer.reason) == (State.TRANSFERRED, Reason.REFERRED)


def test_a_bridge_stays_a_bridge_whoever_ends_it() -> None:
    transfer, _ = begin(Attempt("bridge", "700"))
    tell(transfer, Event.ANSWERED)
    assert transfer.timeout is None
    tell(transfer, Event.CALLER_HUNG_UP)
    assert (transfer.state, transfer.reason) == (State.TRANSFERRED, Reason.BRIDGED)


def test_outside_the_hours_only_the_announcement_is_left() -> None:
    transfer, effects = begin(Attempt("warm", announcement=Path("x.wav")), reason=Reason.CLOSED)
    assert effects[-1] is Effect.PLAY_ANNOUNCEMENT
    assert Effect.DIAL not in effects
    for event in (Event.SOUND_FINISHED, Event.AGENT_READY):
        tell(transfer, event)
    assert (transfer.state, transfer.reason) == (State.RETURNED, Reason.CLOSED)


def test_both_byes_after_the_202_are_told_as_unconfirmed() -> None:
    for byes in ([Event.CALLER_HUNG_UP, Event.TARGET_HUNG_UP], [Event.TARGET_HUNG_UP, Event.CALLER_HUNG_UP]):
        transfer, _ = begin(Attempt("warm", "700"))
        for event in (Event.ANSWERED, Event.ACCEPTED, Event.REFER_ACCEPTED, *byes):
            tell(transfer, event)
        assert (transfer.state, transfer.reason) == (State.TRANSFERRED, Reason.UNCONFIRMED)


def test_a_caller_who_left_after_the_202_is_not_called_transferred() -> None:
    transfer, _ = begin(Attempt("warm", "700"))
    for event in (
        Event.ANSWERED,
        Event.ACCEPTED,
        Event.REFER_ACCEPTED,
        Event.SUBSCRIPTION_LOST,
        Event.CALLER_HUNG_UP,
        Event.TIMEOUT,
    ):
        tell(transfer, event)
    assert (transfer.state, transfer.reason) == (State.CALLER_GONE, Reason.CALLER_LEFT)


def test_a_peer_that_ends_the_call_after_its_202_leaves_the_outcome_open() -> None:
    transfer, _ = begin(Attempt("blind", "700"))
    for event in (Event.REFER_ACCEPTED, Event.SUBSCRIPTION_LOST, Event.CALLER_HUNG_UP):
        tell(transfer, event)
    assert (transfer.state, transfer.reason) == (State.CALLER_GONE, Reason.UNCONFIRMED)


def test_a_peer_that_allows_no_refer_is_called_by_the_same_destination() -> None:
    transfer, _ = begin(Attempt("blind", "700"), Attempt("blind", "701"))
    effects = tell(transfer, Event.REFER_REFUSED, 403)
    assert effects == [Effect.HOLD_CALLER, Effect.DIAL]
    assert transfer.attempt == Attempt("blind", "700")
    tell(transfer, Event.NO_ANSWER)
    assert (transfer.attempt, transfer.state) == (Attempt("blind", "701"), State.REFERRING_BLIND)


def test_the_time_for_the_briefing_is_the_agents() -> None:
    transfer = Transfer(
        Selection("sales", (Attempt("warm", "700"),)), Account("sales", Subject()), briefing_timeout=12.0
    )
    for event in (Event.BEGIN, Event.SPEECH_DRAINED, Event.ANSWERED):
        tell(transfer, event)
    assert (transfer.state, transfer.timeout) == (State.BRIEFING, 12.0)


def test_nothing_comes_to_a_transfer_that_is_over() -> None:
    transfer, _ = begin(Attempt("warm", "700"))
    tell(transfer, Event.CALLER_HUNG_UP)
    assert transfer.over
    with pytest.raises(Exception, match="a transfer that is caller_gone cannot have answered"):
        transfer.happen(Event.ANSWERED)


attempts = st.builds(Attempt, mode=st.sampled_from(MODES), uri=st.just("700")) | st.just(
    Attempt("warm", announcement=Path("x.wav"))
)
happenings = st.lists(
    st.sampled_from([event for event in Event if event not in CHOSEN_BY_THE_PERFORMER]), max_size=60
)


@given(st.lists(attempts, max_size=4).map(tuple), happenings)
def test_whatever_happens_each_destination_is_tried_once_and_the_legs_balance(
    tried: tuple[Attempt, ...], events: list[Event]
) -> None:
    """Random histories with the destinations of a real selection, then only deadlines until the end."""
    transfer, effects = begin(*tried)
    for event in [*events, *[Event.TIMEOUT] * 40, Event.CALLER_HUNG_UP]:
        if (transfer.state, event) in TABLE:
            effects += tell(transfer, event)
    assert transfer.over
    assert effects.count(Effect.CHOOSE) <= len(tried) + 1
    assert effects.count(Effect.DIAL) <= len(tried)
    assert effects.count(Effect.DIAL) <= effects.count(Effect.END_CONSULT)
    assert effects.count(Effect.OPEN_BRIEFING) == effects.count(Effect.CLOSE_BRIEFING)
    assert effects.count(Effect.BRIDGE) == effects.count(Effect.UNBRIDGE)
    assert effects.count(Effect.COMFORT_ON) == effects.count(Effect.COMFORT_OFF)
    assert effects.count(Effect.UNMUTE) == (transfer.state is State.RETURNED)
    assert effects.count(Effect.HANG_UP_CALLER) <= (transfer.state is State.TRANSFERRED)


@given(happenings)
def test_a_second_request_never_changes_the_course(events: list[Event]) -> None:
    plain, _ = begin(Attempt("warm", "700"), Attempt("blind", "701"))
    asked, _ = begin(Attempt("warm", "700"), Attempt("blind", "701"))
    for event in events:
        if (plain.state, event) not in TABLE:
            continue
        if asked.state not in FINAL:
            assert tell(asked, Event.TRANSFER_ASKED) == [Effect.REFUSE_SECOND]
        assert tell(plain, event) == tell(asked, event)
        assert (plain.state, plain.reason) == (asked.state, asked.reason)
