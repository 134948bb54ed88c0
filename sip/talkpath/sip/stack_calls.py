"""What every call object of the stack needs: the parameters of an operation, and the message of an event."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from talkpath.sip._pj import library, pj, plain
from talkpath.sip.addresses import split_host_port
from talkpath.sip.headers import safe_text
from talkpath.sip.offer_answer import StreamFacts

if TYPE_CHECKING:
    from talkpath.sip.counters import Counters
    from talkpath.sip.messages import Header

MAX_HEADER_VALUE = 4000

MAX_DESCRIPTION = 16_384
"""Octets of a session description that is read; the largest SIP message has half as many."""


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


def release(call: Any, counters: Counters) -> None:
    """Destroy the stack's object of a call that is over, at once; not from one of its callbacks.

    The object knows its call by a number that the stack gives to another call sooner or later, and it hangs
    up what has the number when it goes. So it must go before that, and not with the garbage collector. When
    the number is taken already, it stays: a few kilobytes are less than somebody's call.
    """
    number = int(call.getId())
    if number != pj.PJSUA_INVALID_ID and library().pjsua_call_get_user_data(number):
        call.this.disown()
        counters.add("call_object_kept")
    else:
        pj.Call.__swig_destroy__(call)
    del call.this  # whoever still asks it for something gets an exception


def received_message(event: Any) -> str:
    """Text of the SIP message that an event is about; empty when it was not caused by one received."""
    body = event.body
    if event.type == pj.PJSIP_EVENT_TSX_STATE and body.tsxState.type == pj.PJSIP_EVENT_RX_MSG:
        return plain(body.tsxState.src.rdata.wholeMsg)
    if event.type == pj.PJSIP_EVENT_RX_MSG:
        return plain(body.rxMsg.rdata.wholeMsg)
    return ""


def sent_offer(event: Any) -> str:
    """Body of the INVITE or UPDATE of ours that an event is about; empty when it is about none."""
    state = event.body.tsxState
    if event.type != pj.PJSIP_EVENT_TSX_STATE or state.type != pj.PJSIP_EVENT_TX_MSG:
        return ""
    if state.tsx.role != pj.PJSIP_ROLE_UAC or state.tsx.method not in {"INVITE", "UPDATE"}:
        return ""
    return plain(state.src.tdata.wholeMsg).partition("\r\n\r\n")[2]


def description_text(description: Any) -> str:
    """Text of a session description of the stack; empty when there is none.

    The stack's object leaves its text empty when it has more than 1,024 octets: keys, video or candidates of
    a peer come to more.
    """
    found = description.pjSdpSession
    if description.wholeSdp or not found:
        return plain(description.wholeSdp)
    buffer = ctypes.create_string_buffer(MAX_DESCRIPTION)
    size = library().pjmedia_sdp_print(int(found), buffer, len(buffer))
    return buffer.raw[: max(size, 0)].decode("utf-8", "replace")


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
