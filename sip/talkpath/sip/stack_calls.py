"""What every call object of the stack needs: the parameters of an operation, and the message of an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from talkpath.sip._pj import pj
from talkpath.sip.headers import safe_text

if TYPE_CHECKING:
    from talkpath.sip.messages import Header

MAX_HEADER_VALUE = 4000


def call_parameters(status: int, headers: tuple[Header, ...]) -> Any:
    """Parameters of an operation on a call: one audio line, and headers of ours made safe."""
    parameters = pj.CallOpParam(True)
    parameters.statusCode = status
    parameters.opt.audioCount = 1
    parameters.opt.videoCount = 0
    if hasattr(parameters.opt, "textCount"):  # since 2.16; a text line would be added in each re-INVITE
        parameters.opt.textCount = 0
    for name, value in headers:
        header = pj.SipHeader()
        header.hName, header.hValue = safe_text(name), safe_text(value, MAX_HEADER_VALUE)
        parameters.txOption.headers.append(header)
    return parameters


def received_message(event: Any) -> str:
    """Text of the SIP message that an event is about; empty when it was not caused by one received."""
    body = event.body
    if event.type == pj.PJSIP_EVENT_TSX_STATE and body.tsxState.type == pj.PJSIP_EVENT_RX_MSG:
        return str(body.tsxState.src.rdata.wholeMsg)
    if event.type == pj.PJSIP_EVENT_RX_MSG:
        return str(body.rxMsg.rdata.wholeMsg)
    return ""
