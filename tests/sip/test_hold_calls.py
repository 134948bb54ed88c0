"""Holds of ours through one real SIP process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from tests.sip.double import running, settings
from tests.sip.phone import OFFER, Phone, ok_to, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.sip.headers import SipText
    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")


@pytest.fixture(scope="module")
def sip() -> Iterator[SipProcessDouble]:
    with running(settings()) as process:
        yield process


def next_invite(phone: Phone) -> SipText:
    """The next re-INVITE; ACKs to our refusals are passed over."""
    while True:
        message = phone.receive()
        if message.method == "INVITE":
            return message


def agree(phone: Phone, invite: SipText, direction: str) -> None:
    headers = f"Contact: <sip:ann@127.0.0.1:{phone.port}>\r\nContent-Type: application/sdp\r\n"
    phone.send(ok_to(invite, headers=headers, body=f"{OFFER}a={direction}\r\n"))


def directions(sip: SipProcessDouble) -> tuple[bool, bool]:
    media = sip.expect(m.MediaUpdated).media
    return media.sends, media.receives


def answered(sip: SipProcessDouble, call: str) -> tuple[bool, int]:
    told = sip.expect(m.HoldAnswered, lambda answer: answer.call == call)
    return told.on, told.status


def test_a_hold_is_offered_and_taken_back(sip: SipProcessDouble, phone: Phone, call: str) -> None:
    sip.send(m.Hold(call=call, on=True))
    invite = next_invite(phone)
    assert "a=sendonly" in invite.body
    assert "m=audio 20000 " in invite.body
    agree(phone, invite, "recvonly")
    assert directions(sip) == (True, False)
    assert answered(sip, call) == (True, 200)
    sip.send(m.Hold(call=call, on=False))
    invite = next_invite(phone)
    assert "a=sendrecv" in invite.body
    agree(phone, invite, "sendrecv")
    assert directions(sip) == (True, True)
    assert answered(sip, call) == (False, 200)


def test_a_reinvite_of_the_peer_does_not_end_our_hold(sip: SipProcessDouble, phone: Phone, call: str) -> None:
    sip.send(m.Hold(call=call, on=True))
    agree(phone, next_invite(phone), "recvonly")
    assert directions(sip) == (True, False)
    phone.receive()  # the ACK
    phone.send(phone.request("INVITE", OFFER, cseq=2, branch=f"{phone.branch}re"))
    assert "a=sendonly" in phone.final("INVITE").body
    phone.send(phone.request("ACK", cseq=2, branch=f"{phone.branch}re-ack"))
    assert directions(sip) == (True, False)


def test_a_peer_that_holds_us_is_held_as_inactive(sip: SipProcessDouble, phone: Phone, call: str) -> None:
    hold = f"{OFFER}a=sendonly\r\n"
    phone.send(phone.request("INVITE", hold, cseq=2, branch=f"{phone.branch}re"))
    phone.final("INVITE")
    phone.send(phone.request("ACK", cseq=2, branch=f"{phone.branch}re-ack"))
    assert directions(sip) == (False, True)
    sip.send(m.Hold(call=call, on=True))
    invite = next_invite(phone)
    assert "a=inactive" in invite.body
    agree(phone, invite, "inactive")
    assert directions(sip) == (False, False)


def test_a_refusal_is_told_and_media_stays(sip: SipProcessDouble, phone: Phone, call: str) -> None:
    sip.send(m.Hold(call=call, on=True))
    phone.send(ok_to(next_invite(phone), status="488 Not Acceptable Here"))
    assert answered(sip, call) == (True, 488)
    phone.receive()  # the ACK
    phone.send(phone.request("INVITE", OFFER, cseq=2, branch=f"{phone.branch}re"))
    assert "a=sendrecv" in phone.final("INVITE").body
    phone.send(phone.request("ACK", cseq=2, branch=f"{phone.branch}re-ack"))
    assert directions(sip) == (True, True)


def test_a_collision_is_tried_again(sip: SipProcessDouble, phone: Phone, call: str) -> None:
    """Both sides send an INVITE at once: each refuses the other's, ours comes again, theirs is no answer."""
    sip.send(m.Hold(call=call, on=True))
    ours = next_invite(phone)
    crossing = OFFER.replace("4000", "4444")
    phone.send(phone.request("INVITE", crossing, cseq=2, branch=f"{phone.branch}re"))
    assert status_of(phone.final("INVITE")) == 491
    phone.send(phone.request("ACK", cseq=2, branch=f"{phone.branch}re"))
    phone.send(ok_to(ours, status="491 Request Pending"))
    again = next_invite(phone)
    assert again.first("CSeq") != ours.first("CSeq")
    agree(phone, again, "recvonly")
    media = sip.expect(m.MediaUpdated).media
    assert (media.remote_port, media.sends, media.receives) == (4000, True, False)
    assert answered(sip, call) == (True, 200)


def test_a_peer_that_still_holds_us_is_taken_back_and_lets_go_later(
    sip: SipProcessDouble, phone: Phone, call: str
) -> None:
    sip.send(m.Hold(call=call, on=True))
    agree(phone, next_invite(phone), "recvonly")
    assert directions(sip) == (True, False)
    phone.receive()  # the ACK
    phone.send(phone.request("INVITE", f"{OFFER}a=sendonly\r\n", cseq=2, branch=f"{phone.branch}re"))
    assert "a=inactive" in phone.final("INVITE").body, "both hold"
    phone.send(phone.request("ACK", cseq=2, branch=f"{phone.branch}re-ack"))
    assert directions(sip) == (False, False)
    sip.send(m.Hold(call=call, on=False))
    invite = next_invite(phone)
    assert "a=sendrecv" in invite.body
    agree(phone, invite, "sendonly")
    assert directions(sip) == (False, True), "their music may come, our voice may not go"
    assert answered(sip, call)[1] == 200
    phone.receive()  # the ACK
    phone.send(phone.request("INVITE", OFFER, cseq=3, branch=f"{phone.branch}re2"))
    assert "a=sendrecv" in phone.final("INVITE").body
    phone.send(phone.request("ACK", cseq=3, branch=f"{phone.branch}re2-ack"))
    assert directions(sip) == (True, True)


def test_a_peer_that_hangs_up_while_we_wait_for_its_answer_is_gone(
    sip: SipProcessDouble, phone: Phone
) -> None:
    phone.send(phone.request("INVITE", OFFER))
    call = sip.expect(m.IncomingCall).call
    sip.send(m.Answer(call=call, rtp_port=20_000))
    phone.final("INVITE")
    phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
    sip.expect(m.CallConfirmed, lambda confirmed: confirmed.call == call)
    sip.send(m.Hold(call=call, on=True))
    ours = next_invite(phone)
    phone.send(phone.request("BYE", cseq=2, branch=f"{phone.branch}bye"))
    assert status_of(phone.final("BYE")) == 200
    phone.send(ok_to(ours, status="487 Request Terminated"))
    assert sip.expect(m.CallEnded, lambda end: end.call == call).status == 200


def test_a_call_that_is_not_answered_cannot_be_held(sip: SipProcessDouble, phone: Phone) -> None:
    phone.send(phone.request("INVITE", OFFER))
    call = sip.expect(m.IncomingCall).call
    sip.send(m.Hold(call=call, on=True))
    assert answered(sip, call) == (True, 481)
    sip.send(m.Reject(call=call, status=486, reason="busy"))
    assert status_of(phone.final("INVITE")) == 486
    phone.send(phone.request("ACK"))
    sip.expect(m.CallEnded)
