"""The steps that most tests with a raw telephone begin and end with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.sip import messages as m
from tests.sip.phone import OFFER, Phone, status_of

if TYPE_CHECKING:
    from tests.sip.double import SipProcessDouble


def call_in(sip: SipProcessDouble, phone: Phone, body: str = OFFER, headers: str = "") -> m.IncomingCall:
    phone.send(phone.request("INVITE", body, headers=headers))
    return sip.expect(m.IncomingCall, lambda call: call.sip_call_id == phone.call_id)


def answered(sip: SipProcessDouble, phone: Phone) -> m.IncomingCall:
    call = call_in(sip, phone)
    sip.send(m.Answer(call=call.call, rtp_port=20_000))
    assert status_of(phone.final("INVITE")) == 200
    phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
    sip.expect(m.CallConfirmed)
    return call


def refused(phone: Phone, body: str = OFFER, headers: str = "") -> tuple[int, str, str]:
    """Status, Reason and Retry-After of a refused INVITE."""
    phone.send(phone.request("INVITE", body, headers=headers))
    final = phone.final("INVITE")
    phone.send(phone.request("ACK"))
    return status_of(final), final.first("Reason"), final.first("Retry-After")


def finish(sip: SipProcessDouble, phone: Phone, call: m.IncomingCall, cseq: int = 4) -> None:
    """The caller hangs up."""
    phone.send(phone.request("BYE", cseq=cseq, branch=f"{phone.branch}bye"))
    assert status_of(phone.final("BYE")) == 200
    sip.expect(m.CallEnded, lambda ended: ended.call == call.call)
