"""Answering INFO requests that the stack leaves alone (RFC 6086).

The stack answers ``application/dtmf-relay`` by itself and says 500 to everything that it does not know,
although we do know some of it. What the answer should be is `verdict`, which is pure.
"""

from __future__ import annotations

from typing import Final

from talkpath.sip.headers import HeaderError, parse_message
from talkpath.sip.info_digit import KIND, parse_info_digit
from talkpath.sip.request_answer import RequestAnswer

BY_THE_STACK: Final = frozenset({KIND, "application/media_control+xml", "application/trickle-ice-sdpfrag"})
"""Content types that the stack answers itself; a second answer of ours would be wrong."""

_ACCEPTED: Final = f"{KIND}, application/dtmf"


def verdict(message: str) -> RequestAnswer | None:
    """Say how to answer an INFO request.

    Args:
        message: The whole request.

    Returns:
        None when the stack answers it. An INFO without a body only asks whether the call is there: 200. An
        Info-Package gets 469, as we take none (RFC 6086, section 4.2.2); a body that we cannot read 415 with
        Accept (RFC 3261, section 21.4.13); a digit that is none 400.
    """
    try:
        request = parse_message(message)
    except HeaderError:
        return None
    kind = request.first("Content-Type").partition(";")[0].strip().lower()
    if request.body and kind in BY_THE_STACK:
        return None
    if request.first("Info-Package"):
        return RequestAnswer(469, (("Recv-Info", ""),))
    if not request.body:
        return RequestAnswer(200)
    if kind != "application/dtmf":
        return RequestAnswer(415, (("Accept", _ACCEPTED),))
    return RequestAnswer(200 if parse_info_digit(message) else 400)
