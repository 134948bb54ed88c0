"""What to call the end of a call: outcome and cause, from what is known when it is over. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from talkpath.bridge.call.machine import IN_CONVERSATION, Event, State
from talkpath.sip.outcomes import Outcome as SipOutcome

if TYPE_CHECKING:
    from talkpath.bridge.observe.call_record import Cause, Direction, EndedBy, Outcome

CAUSES: Final[dict[tuple[State, Event], Cause]] = {
    **{
        (state, Event.MODEL_GONE): "model_unavailable"
        for state in (State.OFFERED, State.PREPARING, State.DIALING)
    },
    **{(state, Event.TIMEOUT): "model_unavailable" for state in (State.OFFERED, State.PREPARING)},
    (State.DIALING, Event.TIMEOUT): "no_answer",
    **{
        (state, Event.MODEL_GONE): "model_lost"
        for state in (State.ANSWERED, *IN_CONVERSATION, State.RECOVERING, State.HELD)
    },
    **{
        (state, Event.GOODBYE_ASKED): "agent_hung_up"
        for state in (State.DIALING, State.ANSWERED, *IN_CONVERSATION)
    },
    **{
        (state, Event.LIMIT_REACHED): "time_limit"
        for state in (*IN_CONVERSATION, State.RECOVERING, State.HELD)
    },
    (State.ASKING, Event.SILENT_TOO_LONG): "silence",
    **{(state, Event.TRANSFERRED): "transferred" for state in State if state is not State.ENDED},
    **{(state, Event.SIP_LOST): "sip_process_lost" for state in State if state is not State.ENDED},
}
"""Steps that decide why the call ends, for its record; the first one counts, until `Effect.STAY`."""

BROKEN: Final[frozenset[Cause]] = frozenset({"model_lost", "no_media", "sip_process_lost", "internal_error"})
"""Causes that make a call that was answered a failed one."""
REFUSALS: Final[frozenset[Cause]] = frozenset(
    {"no_capacity", "draining", "rejected_by_route", "no_route", "model_unavailable"}
)
"""Causes with which we say no to a call."""
NOT_TAKEN: Final = frozenset(
    {SipOutcome.NO_ANSWER, SipOutcome.BUSY, SipOutcome.DECLINED, SipOutcome.CANCELLED}
)
"""What a callee does who does not take our call."""


class Ending(NamedTuple):
    """What is known of an end: our own reason, if we had one, and what the dialog said."""

    direction: Direction
    answered: bool
    cause: Cause | None
    ended_by: EndedBy
    sip: SipOutcome


def verdict(ending: Ending) -> tuple[Outcome, Cause]:
    """What to call this end: our own reason counts before what the dialog said."""
    if ending.answered:
        return _on_talk(ending)
    return _on_offer(ending) if ending.direction == "inbound" else _on_attempt(ending)


def _on_talk(ending: Ending) -> tuple[Outcome, Cause]:
    cause = ending.cause
    if cause == "transferred":
        return "transferred", cause
    if cause in BROKEN:
        return "failed", cause
    match ending.ended_by:
        case "callee":
            return "completed", cause or "callee_hung_up"
        case "caller":
            return "completed", cause or "caller_hung_up"
        case "failure":
            return "failed", cause or "sip_failure"
        case _:
            return "completed", cause or "sip_failure"


def _on_offer(ending: Ending) -> tuple[Outcome, Cause]:
    cause = ending.cause
    if cause is None and ending.ended_by == "caller":
        return "abandoned", "caller_hung_up"
    return "refused" if cause in REFUSALS else "failed", cause or "sip_failure"


def _on_attempt(ending: Ending) -> tuple[Outcome, Cause]:
    cause = ending.cause
    if cause == "no_answer" or (cause is None and ending.sip in NOT_TAKEN):
        return "abandoned", "no_answer"
    return "failed", cause or "sip_failure"
