"""Answering a request in a dialog in place of the stack, which then leaves it alone."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, NamedTuple

from talkpath.sip._native import header_list
from talkpath.sip._pj import PJ_SUCCESS, StackError, library, pj

if TYPE_CHECKING:
    from talkpath.sip.settings import Header


class RequestAnswer(NamedTuple):
    """How to answer: status and the headers that it needs."""

    status: int
    headers: tuple[Header, ...] = ()


def is_unanswered(event: Any) -> bool:
    """Whether the transaction that moved is of a request that waits for its answer."""
    return bool(event.body.tsxState.tsx.state == pj.PJSIP_TSX_STATE_TRYING)


def answer(event: Any, how: RequestAnswer) -> None:
    """Answer the request that moved a transaction, while the stack shows it; once.

    Args:
        event: The event of the stack.
        how: The answer.

    Raises:
        StackError: the stack refuses.
    """
    if not is_unanswered(event):
        return
    stack, rdata = library(), int(event.body.tsxState.src.rdata.pjRxData)
    with header_list(how.headers) as head:
        status = stack.pjsip_dlg_respond(
            stack.pjsip_rdata_get_dlg(rdata), ctypes.c_void_p(rdata), how.status, None, head, None
        )
    if status != PJ_SUCCESS:
        raise StackError(f"the SIP stack refused an answer of ours (status {status})")
