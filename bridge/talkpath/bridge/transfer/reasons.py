"""Why a transfer ended the way it did, and what a SIP status says to it. Tables, no state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from talkpath.bridge.transfer.table import CONSULT_ENDS, DIALLING, LIVE, TABLE
from talkpath.bridge.transfer.vocabulary import FINAL, Event, Reason, State
from talkpath.sip.outcomes import Outcome, outcome_of

if TYPE_CHECKING:
    from talkpath.sip.messages import ReferProgress

_S, _E, _R = State, Event, Reason

_AFTER_202 = (_S.CONFIRMING_BLIND, _S.PROGRESSING_BLIND, _S.SETTLING_BLIND)

REASONS: Final[dict[tuple[State, Event], Reason]] = {
    # While it rings, every end of the leg has a meaning of its own; later it is a hang-up.
    **{
        (state, event): reason
        for state in DIALLING
        for event, reason in (
            (_E.BUSY, _R.BUSY),
            (_E.NO_ANSWER, _R.NO_ANSWER),
            (_E.TIMEOUT, _R.NO_ANSWER),
            (_E.REJECTED, _R.REJECTED),
            (_E.UNREACHABLE, _R.UNREACHABLE),
            (_E.TARGET_HUNG_UP, _R.TARGET_HUNG_UP),
            (_E.TARGET_IS_US, _R.OURSELVES),
        )
    },
    **{(_S.BRIEFING, event): _R.TARGET_HUNG_UP for event in CONSULT_ENDS},
    (_S.BRIEFING, _E.DECLINED): _R.DECLINED,
    (_S.BRIEFING, _E.TIMEOUT): _R.NO_DECISION,
    **{
        (state, event): _R.TARGET_HUNG_UP
        for (state, event), (following, _) in TABLE.items()
        if state is _S.TARGET_LEFT and following is _S.RETURNING
    },
    # REFER.
    **{
        (state, _E.REFER_FAILED): _R.REFER_FAILED
        for state in (_S.REFERRING_BLIND, _S.CONFIRMING_BLIND, _S.PROGRESSING_BLIND, _S.SETTLING_BLIND)
    },
    **{(state, _E.TIMEOUT): _R.UNCONFIRMED for state in (_S.REFERRING_BLIND, *_AFTER_202)},
    **{
        (state, event): _R.BRIDGED
        for (state, event), (following, _) in TABLE.items()
        if following is _S.BRIDGED and state is not _S.BRIDGED
    },
    # The ends that may come at any time; in a bridge they are its ordinary end.
    **{(state, _E.CALLER_HUNG_UP): _R.CALLER_LEFT for state in LIVE if state is not _S.BRIDGED},
    **{(state, _E.SIP_LOST): _R.SIP_LOST for state in LIVE if state is not _S.BRIDGED},
    **{(state, _E.HANG_UP_ORDERED): _R.STOPPING for state in LIVE if state is not _S.BRIDGED},
    **{(state, _E.CALLER_HUNG_UP): _R.UNCONFIRMED for state in (*_AFTER_202, _S.TARGET_LEFT)},
    **{(_S.CALLER_LEFT, event): _R.UNCONFIRMED for event in CONSULT_ENDS},
    **{(state, _E.REFER_DONE): _R.REFERRED for state in LIVE},
}
"""Steps that say why; the last one counts, because each destination that fails has a reason of its own."""

_LOOP_DETECTED: Final = 482  # RFC 3261, section 16.3

_ENDS: Final[dict[Outcome, Event]] = {
    Outcome.BUSY: _E.BUSY,
    Outcome.NO_ANSWER: _E.NO_ANSWER,
    Outcome.CANCELLED: _E.NO_ANSWER,
    Outcome.DECLINED: _E.REJECTED,
    Outcome.FORBIDDEN: _E.REJECTED,
    Outcome.COMPLETED: _E.TARGET_HUNG_UP,
}

_FAILURES: Final[dict[Outcome, Reason]] = {
    Outcome.BUSY: _R.BUSY,
    Outcome.NO_ANSWER: _R.NO_ANSWER,
    Outcome.CANCELLED: _R.NO_ANSWER,
    Outcome.DECLINED: _R.REJECTED,
    Outcome.NOT_FOUND: _R.UNREACHABLE,
    Outcome.UNAVAILABLE: _R.UNREACHABLE,
}


def consult_end(status: int) -> Event:
    """What the end of a consult leg is to the transfer.

    Args:
        status: SIP status that ended it: 200 for a BYE, 4xx to 6xx for an INVITE that failed.
    """
    if status == _LOOP_DETECTED:
        return Event.TARGET_IS_US
    return _ENDS.get(outcome_of(status), Event.UNREACHABLE)


def refer_event(progress: ReferProgress) -> Event:
    """What a report about our REFER is to the transfer."""
    match progress.stage:
        case "accepted":
            return Event.REFER_ACCEPTED
        case "trying" | "ringing":
            return Event.REFER_PROGRESS
        case "done":
            return Event.REFER_DONE if 200 <= progress.status < 300 else Event.REFER_FAILED
        case "refused":
            return Event.REFER_REFUSED
        case "lost":
            return Event.SUBSCRIPTION_LOST


def reason_of(state: State, event: Event, status: int = 0) -> Reason | None:
    """The reason that a step gives, if it gives one.

    Args:
        state: Before the step.
        event: What happened.
        status: The SIP status that came with it; of a NOTIFY it says why the target did not take the call.
    """
    if state in FINAL:
        return None
    found = REASONS.get((state, event))
    if found is Reason.REFER_FAILED:
        return _FAILURES.get(outcome_of(status), found)
    return found
