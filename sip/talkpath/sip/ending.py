"""How a dialog ended: from what the stack and we know to one `CallEnded`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from talkpath.sip.headers import HeaderError, parse_message, reason_text, safe_text
from talkpath.sip.messages import CallEnded

By = Literal["caller", "us", "failure"]


@dataclass(frozen=True, slots=True)
class OurEnd:
    """That we ended a dialog: who is named for it, with which status and reason."""

    by: By
    status: int
    reason: str


def call_ended(call: str, ours: OurEnd | None, status: int, phrase: str, last_message: str) -> CallEnded:
    """Say how a dialog ended.

    Args:
        call: Our id of the call.
        ours: Set when we asked for the end.
        status: Last status that the stack knows; 0 when the INVITE was never answered.
        phrase: Its reason phrase.
        last_message: The message that ended the dialog, or empty; its Reason header tells more than the
            phrase.
    """
    if ours is not None:
        return CallEnded(call=call, by=ours.by, status=ours.status, reason=ours.reason)
    reason = _reason_in(last_message) or safe_text(phrase)
    if last_message.startswith("BYE "):
        return CallEnded(call=call, by="caller", status=200, reason=reason or "BYE")
    # Without a message from the peer, the status is the stack's own: a timer, or a transport that failed.
    by: By = "caller" if last_message or status == 487 else "failure"
    return CallEnded(call=call, by=by, status=status or 500, reason=reason)


def _reason_in(message: str) -> str:
    if not message:
        return ""
    try:
        return reason_text(parse_message(message).first("Reason"))
    except HeaderError:
        return ""
