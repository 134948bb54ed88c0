from __future__ import annotations

from talkpath.bridge.transfer.account import Account
from talkpath.bridge.transfer.briefing import Subject
from talkpath.bridge.transfer.course import Transfer
from talkpath.bridge.transfer.targets import Attempt, Selection
from talkpath.bridge.transfer.vocabulary import Event, Reason, State
from talkpath.sip import messages as m

SUBJECT = Subject("a bicycle", "Red.")
E = Event


def told(
    attempts: tuple[Attempt, ...], *events: Event | tuple[Event, int], nameless: str | None = None
) -> m.TransferAccount:
    """The account of a transfer to which this happens; whenever it chooses, the next attempt is taken."""
    account = Account("sales", SUBJECT, nameless)
    transfer = Transfer(Selection("sales", attempts), account)
    for one in (E.BEGIN, E.SPEECH_DRAINED, *events):
        event, status = one if isinstance(one, tuple) else (one, 0)
        transfer.happen(event, status)
        if transfer.state is State.CHOOSING:
            transfer.happen(transfer.choose())
    return account.told


def test_a_briefed_human_who_accepts_is_named_with_those_tried_before() -> None:
    found = told(
        (Attempt("warm", "700"), Attempt("warm", "701")),
        *((E.BUSY, 486), E.ANSWERED, E.BRIEFING_READY, E.ACCEPTED, E.REFER_ACCEPTED, (E.REFER_DONE, 200)),
    )
    assert found == m.TransferAccount(
        target="sales",
        asked_by="agent",
        outcome="transferred",
        cause="referred",
        reason="a bicycle",
        summary="Red.",
        accepted_by="701",
        accepted_how="briefing",
        attempts=(
            m.TransferTry(destination="700", mode="warm", outcome="busy", status=486),
            m.TransferTry(destination="701", mode="warm", outcome="referred", status=200),
        ),
    )


def test_a_transfer_under_way_has_no_outcome_yet() -> None:
    found = told((Attempt("warm", "700"),), E.ANSWERED)
    assert (found.outcome, found.cause, found.accepted_by) == ("", "", "")
    assert found.attempts == (m.TransferTry(destination="700", mode="warm"),)


def test_somebody_who_just_answers_and_somebody_whom_the_peer_reports_are_told_apart() -> None:
    bridged = told((Attempt("bridge", "700"),), E.ANSWERED, E.CALLER_HUNG_UP)
    assert (bridged.accepted_by, bridged.accepted_how, bridged.cause) == ("700", "answer", "bridged")
    blind = told((Attempt("blind", "700"),), E.REFER_ACCEPTED, (E.REFER_DONE, 200))
    assert (blind.accepted_by, blind.accepted_how, blind.cause) == ("700", "report", "referred")


def test_nobody_has_accepted_what_came_to_nothing() -> None:
    found = told(
        (Attempt("warm", "700"),),
        E.ANSWERED,
        E.BRIEFING_READY,
        E.ACCEPTED,
        E.TARGET_HUNG_UP,
        E.TIMEOUT,
        E.AGENT_READY,
    )
    assert (found.outcome, found.cause) == ("returned", "target_hung_up")
    assert (found.accepted_by, found.accepted_how) == ("", "")


def test_a_success_that_is_told_late_takes_the_place_of_the_failure() -> None:
    account = Account("sales", SUBJECT)
    transfer = Transfer(Selection("sales", (Attempt("blind", "700"),)), account)
    for event in (E.BEGIN, E.SPEECH_DRAINED):
        transfer.happen(event)
    transfer.happen(transfer.choose())
    for event in (E.REFER_ACCEPTED, E.TIMEOUT, E.AGENT_READY):
        transfer.happen(event)
    assert (account.told.outcome, account.told.cause) == ("returned", "unconfirmed")
    account.succeeded_late()
    assert (account.told.outcome, account.told.cause) == ("transferred", "referred")
    assert (account.told.accepted_by, account.told.accepted_how) == ("700", "report")
    assert account.told.attempts[-1].outcome == "referred"


def test_a_number_of_the_operators_is_not_told() -> None:
    found = told((Attempt("warm", "+49301234567"),), E.ANSWERED, nameless="the operator's number")
    assert [one.destination for one in found.attempts] == ["the operator's number"]


def test_what_is_refused_at_once_has_its_reason_and_who_asked() -> None:
    account = Account("sales", Subject(ordered=True))
    account.over("refused", Reason.CLOSED)
    assert (account.told.asked_by, account.told.outcome, account.told.cause) == (
        "operator",
        "refused",
        "closed",
    )


def test_the_words_stand_in_no_repr() -> None:
    assert "bicycle" not in repr(told((Attempt("warm", "700"),)))
