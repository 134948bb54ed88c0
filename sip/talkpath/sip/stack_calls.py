"""What every call object of the stack needs: the parameters of an operation, and the message of an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from talkpath.sip._pj import pj
from talkpath.sip.addresses import split_host_port
from talkpath.sip.headers import safe_text
from talkpath.sip.offer_answer import StreamFacts

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


def stream_facts(info: Any) -> StreamFacts:
    """The peer's side of an exchange as the stack knows it, from its stream information."""
    host, port = split_host_port(info.remoteRtpAddress)
    return StreamFacts(
        address=host,
        port=port,
        codec=str(info.codecName).upper(),
        payload_type=int(info.txPt),
        dtmf_payload_type=int(info.audTxEventPt),
        sends=bool(int(info.dir) & pj.PJMEDIA_DIR_ENCODING),
        receives=bool(int(info.dir) & pj.PJMEDIA_DIR_DECODING),
    )
