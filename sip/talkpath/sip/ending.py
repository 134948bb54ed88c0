"""How a dialog ended: from what the stack and we know to one `CallEnded`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from talkpath.sip.headers import HeaderError, parse_message, reason_text, safe_text
from talkpath.sip.messages import CallEnded
from talkpath.sip.outcomes import Outcome, outcome_of

By = Literal["caller", "callee", "us", "failure"]


@dataclass(frozen=True, slots=True)
class OurEnd:
    """That we ended a dialog: who is named for it, with which status and reason."""

    by: By
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Course:
    """What a dialog had come to when it ended.

    Attributes:
        incoming: The peer called us.
        confirmed: The call was answered.
        heard: Anything at all came from the peer.
    """

    incoming: bool = True
    confirmed: bool = False
    heard: bool = True


def call_ended(
    call: str, course: Course, ours: OurEnd | None, *, status: int, phrase: str, last_message: str
) -> CallEnded:
    """Say how a dialog ended.

    Args:
        call: Our id of the call.
        course: What it had come to.
        ours: Set when we asked for the end.
        status: Last status that the stack knows; 0 when the INVITE was never answered.
        phrase: Its reason phrase.
        last_message: The message that ended the dialog, or empty; its Reason header tells more than the
            phrase.
    """
    if ours is not None:
        outcome = _outcome_of_ours(course, ours)
        return CallEnded(call=call, by=ours.by, status=ours.status, reason=ours.reason, outcome=outcome)
    reason = _reason_in(last_message) or safe_text(phrase)
    peer: By = "caller" if course.incoming else "callee"
    if last_message.startswith("BYE "):
        return CallEnded(call=call, by=peer, status=200, reason=reason or "BYE", outcome=Outcome.COMPLETED)
    # Without a message from the peer, the status is the stack's own: a timer, or a transport that failed.
    by: By = peer if last_message or status == 487 else "failure"
    outcome = Outcome.UNREACHABLE if by == "failure" else outcome_of(status)
    return CallEnded(call=call, by=by, status=status or 500, reason=reason, outcome=outcome)


def _outcome_of_ours(course: Course, ours: OurEnd) -> Outcome:
    if course.confirmed:
        return Outcome.COMPLETED if ours.by == "us" else outcome_of(ours.status)
    if not course.incoming and ours.by == "us":
        return Outcome.CANCELLED
    return outcome_of(ours.status) if course.heard else Outcome.UNREACHABLE


def _reason_in(message: str) -> str:
    if not message:
        return ""
    try:
        return reason_text(parse_message(message).first("Reason"))
    except HeaderError:
        return ""
