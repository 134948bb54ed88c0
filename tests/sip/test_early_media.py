"""Something to hear before the answer: 183 with SDP, through one real SIP process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from tests.sip.double import running, settings
from tests.sip.phone import OFFER, Phone, status_of
from tests.sip.steps import finish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.sip.headers import SipText
    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")


@pytest.fixture(scope="module")
def sip() -> Iterator[SipProcessDouble]:
    with running(settings()) as process:
        yield process


def ring(sip: SipProcessDouble, phone: Phone, body: str, headers: str = "") -> tuple[m.IncomingCall, SipText]:
    """Call, let it ring with early media, and return the provisional answer."""
    sip.inbox.clear()
    phone.send(phone.request("INVITE", body, headers=headers))
    call = sip.expect(m.IncomingCall)
    sip.send(m.Ring(call=call.call, rtp_port=20_000, early_media=True))
    answer = phone.receive()
    while status_of(answer) < 101:
        answer = phone.receive()
    return call, answer


def test_the_caller_hears_us_before_the_answer_and_the_answer_says_the_same(sip: SipProcessDouble) -> None:
    with Phone(sip.port) as phone:
        call, early = ring(sip, phone, OFFER)
        assert status_of(early) == 183
        assert "m=audio 20000 RTP/AVP 0 101" in early.body
        media = sip.expect(m.MediaUpdated).media
        assert (media.remote_port, media.sends) == (4000, True)
        sip.send(m.Answer(call=call.call, rtp_port=20_000))
        final = phone.final("INVITE")
        assert (status_of(final), final.body) == (200, early.body)
        phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
        sip.expect(m.CallConfirmed)
        finish(sip, phone, call)


def test_who_requires_reliable_answers_gets_them(sip: SipProcessDouble) -> None:
    with Phone(sip.port) as phone:
        call, early = ring(sip, phone, OFFER, "Require: 100rel\r\n")
        assert (status_of(early), early.first("Require")) == (183, "100rel")
        rack = f"RAck: {early.first('RSeq')} 1 INVITE\r\n"
        phone.send(phone.request("PRACK", cseq=2, headers=rack, branch=f"{phone.branch}prack"))
        assert status_of(phone.final("PRACK")) == 200
        sip.send(m.Answer(call=call.call, rtp_port=20_000))
        assert status_of(phone.final("INVITE")) == 200
        phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
        sip.expect(m.CallConfirmed)
        finish(sip, phone, call)


def test_an_invite_without_an_offer_only_rings(sip: SipProcessDouble) -> None:
    with Phone(sip.port) as phone:
        call, early = ring(sip, phone, "")
        assert (status_of(early), early.body) == (180, "")
        sip.send(m.Answer(call=call.call, rtp_port=20_000))
        assert "m=audio 20000 " in phone.final("INVITE").body
        phone.send(phone.request("ACK", OFFER, branch=f"{phone.branch}a"))
        sip.expect(m.CallConfirmed)
        finish(sip, phone, call)


def test_a_model_that_does_not_come_still_refuses_the_call(sip: SipProcessDouble) -> None:
    with Phone(sip.port) as phone:
        call, _ = ring(sip, phone, OFFER)
        sip.send(m.Reject(call=call.call, status=503, reason="no model", retry_after=10))
        final = phone.final("INVITE")
        assert (status_of(final), final.first("Retry-After")) == (503, "10")
        phone.send(phone.request("ACK"))
        assert sip.expect(m.CallEnded).status == 503
