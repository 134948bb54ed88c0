"""What a SIP status means for a call: one table from status to outcome.

An ordinary telephone ending (busy, declined, no answer) is not a failure of ours. The outcome says which it
was; its value is the label in metrics and call records, so the set is closed and small.
"""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How a call attempt or a call ended. The value is the metric label."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    BUSY = "busy"
    DECLINED = "declined"
    NO_ANSWER = "no_answer"
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    UNAUTHORIZED = "unauthorized"
    NOT_ACCEPTABLE = "not_acceptable"
    BAD_REQUEST = "bad_request"
    REDIRECTED = "redirected"
    UNAVAILABLE = "unavailable"
    UNREACHABLE = "unreachable"
    """Nothing came back: no route, no name, no answer to the INVITE. No status of a peer means this."""
    BLOCKED = "blocked"
    """We refused our own call: its destination is not allowed, or a limit is reached."""
    REMOTE_ERROR = "remote_error"
    UNKNOWN = "unknown"


OUTCOMES: dict[int, Outcome] = {
    400: Outcome.BAD_REQUEST,
    401: Outcome.UNAUTHORIZED,
    403: Outcome.FORBIDDEN,
    404: Outcome.NOT_FOUND,
    405: Outcome.NOT_ACCEPTABLE,
    406: Outcome.NOT_ACCEPTABLE,
    407: Outcome.UNAUTHORIZED,
    408: Outcome.NO_ANSWER,
    410: Outcome.NOT_FOUND,
    415: Outcome.NOT_ACCEPTABLE,
    416: Outcome.BAD_REQUEST,
    420: Outcome.NOT_ACCEPTABLE,
    480: Outcome.NO_ANSWER,
    484: Outcome.NOT_FOUND,
    486: Outcome.BUSY,
    487: Outcome.CANCELLED,
    488: Outcome.NOT_ACCEPTABLE,
    503: Outcome.UNAVAILABLE,
    504: Outcome.UNAVAILABLE,
    600: Outcome.BUSY,
    603: Outcome.DECLINED,
    604: Outcome.NOT_FOUND,
    606: Outcome.NOT_ACCEPTABLE,
    607: Outcome.DECLINED,
    608: Outcome.DECLINED,
}
"""Statuses with a meaning of their own (RFC 3261, section 21; 607 is RFC 8197, 608 is RFC 8688)."""

_CLASSES = {
    2: Outcome.COMPLETED,
    3: Outcome.REDIRECTED,
    4: Outcome.BAD_REQUEST,
    5: Outcome.REMOTE_ERROR,
    6: Outcome.DECLINED,
}


def outcome_of(status: int) -> Outcome:
    """Outcome for a final SIP status; an unlisted status is read by its class (RFC 3261, section 8.1.3.2)."""
    return OUTCOMES.get(status) or _CLASSES.get(status // 100, Outcome.UNKNOWN)


def is_worth_another_route(status: int) -> bool:
    """Whether a caller with a second route should try it: a technical reason kept it from the callee."""
    return status == 408 or outcome_of(status) in {Outcome.UNAVAILABLE, Outcome.REMOTE_ERROR}
