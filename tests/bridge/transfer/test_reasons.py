from __future__ import annotations

from typing import Literal

import pytest

from talkpath.bridge.transfer.reasons import REASONS, consult_end, reason_of, refer_event
from talkpath.bridge.transfer.table import LIVE, TABLE
from talkpath.bridge.transfer.vocabulary import FINAL, Event, Reason, State
from talkpath.sip.messages import ReferProgress

Stage = Literal["accepted", "trying", "ringing", "done", "refused", "lost"]


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (486, Event.BUSY),
        (600, Event.BUSY),
        (480, Event.NO_ANSWER),
        (408, Event.NO_ANSWER),
        (487, Event.NO_ANSWER),
        (603, Event.REJECTED),
        (403, Event.REJECTED),
        (482, Event.TARGET_IS_US),
        (404, Event.UNREACHABLE),
        (503, Event.UNREACHABLE),
        (302, Event.UNREACHABLE),
        (200, Event.TARGET_HUNG_UP),
        (0, Event.UNREACHABLE),
    ],
)
def test_a_sip_status_says_how_the_consult_leg_ended(status: int, event: Event) -> None:
    assert consult_end(status) is event


@pytest.mark.parametrize(
    ("stage", "status", "event"),
    [
        ("accepted", 202, Event.REFER_ACCEPTED),
        ("trying", 100, Event.REFER_PROGRESS),
        ("ringing", 180, Event.REFER_PROGRESS),
        ("done", 200, Event.REFER_DONE),
        ("done", 486, Event.REFER_FAILED),
        ("done", 302, Event.REFER_FAILED),
        ("refused", 403, Event.REFER_REFUSED),
        ("lost", 0, Event.SUBSCRIPTION_LOST),
    ],
)
def test_each_report_about_a_refer_is_an_event(stage: Stage, status: int, event: Event) -> None:
    assert refer_event(ReferProgress(call="c-1", stage=stage, status=status, reason="")) is event


def test_every_way_back_to_the_agent_and_every_end_has_a_reason() -> None:
    """Exempt: where the reason was given before, or is the one with which the transfer began."""
    given_before = {
        (State.CHOOSING, Event.NONE_LEFT),
        (State.CHOOSING, Event.TIMEOUT),
        (State.ANNOUNCING, Event.SOUND_FINISHED),
        (State.ANNOUNCING, Event.TIMEOUT),
    }
    ends = {*FINAL, State.RETURNING}
    for (state, event), (following, _) in TABLE.items():
        from_outside = state not in {State.BRIDGED, State.RETURNING, State.CALLER_LEFT}
        if following in ends and from_outside and (state, event) not in given_before:
            assert (state, event) in REASONS, (state, event)


def test_every_step_that_joins_the_two_is_a_success() -> None:
    for (state, event), (following, _) in TABLE.items():
        if following is State.BRIDGED and state is not State.BRIDGED:
            assert REASONS[state, event] is Reason.BRIDGED
    assert {REASONS[state, Event.REFER_DONE] for state in LIVE} == {Reason.REFERRED}


def test_the_end_of_a_bridge_does_not_change_what_it_was() -> None:
    ends = {event for (state, event) in REASONS if state is State.BRIDGED}
    assert ends == {Event.REFER_DONE}


def test_the_status_of_a_final_notify_says_why() -> None:
    state = State.PROGRESSING_BLIND
    assert reason_of(state, Event.REFER_FAILED, 486) is Reason.BUSY
    assert reason_of(state, Event.REFER_FAILED, 480) is Reason.NO_ANSWER
    assert reason_of(state, Event.REFER_FAILED, 603) is Reason.REJECTED
    assert reason_of(state, Event.REFER_FAILED, 404) is Reason.UNREACHABLE
    assert reason_of(state, Event.REFER_FAILED, 500) is Reason.REFER_FAILED
    assert reason_of(state, Event.REFER_PROGRESS, 180) is None


def test_the_rows_are_rows_of_the_table() -> None:
    assert set(REASONS) <= set(TABLE)
