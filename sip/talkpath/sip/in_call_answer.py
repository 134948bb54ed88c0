"""Answering requests in a call that the stack leaves alone, or answers as if it knew nothing of them.

To whatever none of its parts takes, it says 500, which tells a peer that we are in trouble. Some take a call
down for that: a session border controller that asks with OPTIONS whether the call is still there. What the
answer should be is `verdict`, which is pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from talkpath.sip import info_answer, request_answer
from talkpath.sip.headers import HeaderError, parse_message
from talkpath.sip.request_answer import RequestAnswer
from talkpath.sip.well_formed import ALLOW as ALLOW_OUTSIDE
from talkpath.sip.well_formed import KNOWN

if TYPE_CHECKING:
    from talkpath.sip.settings import Header

BY_THE_STACK: Final = frozenset({"ACK", "BYE", "CANCEL", "INVITE", "PRACK", "REFER", "UPDATE"})
"""Methods that the stack answers; a second answer of ours would be wrong."""

ALLOW: Final[Header] = ("Allow", f"{ALLOW_OUTSIDE[1]}, REFER")

_ABILITIES: Final[tuple[Header, ...]] = (
    ALLOW,
    ("Accept", "application/sdp"),
    ("Supported", "replaces, 100rel, timer, norefersub"),
)

_ALIVE: Final = RequestAnswer(200, _ABILITIES)
_BAD_EVENT: Final = RequestAnswer(489, (("Allow-Events", "refer"),))
_NO_SUBSCRIPTION: Final = RequestAnswer(481)
_NOT_ALLOWED: Final = RequestAnswer(405, (ALLOW,))
_UNKNOWN: Final = RequestAnswer(501, (ALLOW,))


def verdict(message: str, *, subscribed: bool) -> RequestAnswer | None:
    """Say how to answer a request in a dialog.

    Args:
        message: The whole request.
        subscribed: There has been a REFER, and with it a subscription that the stack keeps.

    Returns:
        None when the stack answers it. OPTIONS asks what we can do, or whether we are there (RFC 3261,
        section 11.2); a NOTIFY that belongs to no subscription gets 481 (RFC 6665, section 4.1.3), a
        SUBSCRIBE 489 (section 4.2.1.2), other methods 405 or 501 with Allow.
    """
    method = message.partition(" ")[0]
    match method:
        case _ if method in BY_THE_STACK:
            return None
        case "INFO":
            return info_answer.verdict(message)
        case "OPTIONS":
            return _ALIVE
        case "NOTIFY" | "SUBSCRIBE":
            if subscribed and _event(message) == "refer":
                return None
            return _NO_SUBSCRIPTION if method == "NOTIFY" else _BAD_EVENT
        case _:
            return _NOT_ALLOWED if method in KNOWN else _UNKNOWN


def answer(message: str, event: Any, *, subscribed: bool) -> None:
    """Answer the request that moved a transaction, where the stack does not.

    Args:
        message: The whole request.
        event: The event of the stack.
        subscribed: As in `verdict`.

    Raises:
        StackError: the stack refuses.
    """
    how = verdict(message, subscribed=subscribed)
    if how is not None:
        request_answer.answer(event, how)


def _event(message: str) -> str:
    """The package of an Event header, in lower case."""
    try:
        return parse_message(message).first("Event").partition(";")[0].strip().lower()
    except HeaderError:
        return ""
