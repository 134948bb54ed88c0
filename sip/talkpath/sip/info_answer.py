"""Answering INFO requests that the stack leaves alone (RFC 6086).

The stack answers ``application/dtmf-relay`` by itself and says 500 to everything that it does not know,
although we do know some of it. What the answer should be is `verdict`, which is pure; `answer` sends it.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from talkpath.sip._native import header_list
from talkpath.sip._pj import PJ_SUCCESS, StackError, library, pj
from talkpath.sip.headers import HeaderError, parse_message
from talkpath.sip.info_digit import KIND, parse_info_digit

if TYPE_CHECKING:
    from talkpath.sip.settings import Header

BY_THE_STACK: Final = frozenset({KIND, "application/media_control+xml", "application/trickle-ice-sdpfrag"})
"""Content types that the stack answers itself; a second answer of ours would be wrong."""

_ACCEPTED: Final = f"{KIND}, application/dtmf"


class InfoAnswer(NamedTuple):
    """How to answer an INFO: status and the headers that it needs."""

    status: int
    headers: tuple[Header, ...] = ()


def verdict(message: str) -> InfoAnswer | None:
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
        return InfoAnswer(469, (("Recv-Info", ""),))
    if not request.body:
        return InfoAnswer(200)
    if kind != "application/dtmf":
        return InfoAnswer(415, (("Accept", _ACCEPTED),))
    return InfoAnswer(200 if parse_info_digit(message) else 400)


def answer(event: Any, how: InfoAnswer) -> None:
    """Answer the request that moved a transaction, while the stack shows it.

    Args:
        event: The event of the stack.
        how: From `verdict`.

    Raises:
        StackError: the stack refuses.
    """
    change = event.body.tsxState
    if change.tsx.state != pj.PJSIP_TSX_STATE_TRYING:
        return  # it is answered already
    stack, rdata = library(), int(change.src.rdata.pjRxData)
    with header_list(how.headers) as head:
        status = stack.pjsip_dlg_respond(
            stack.pjsip_rdata_get_dlg(rdata), ctypes.c_void_p(rdata), how.status, None, head, None
        )
    if status != PJ_SUCCESS:
        raise StackError(f"the SIP stack refused an answer to INFO (status {status})")
