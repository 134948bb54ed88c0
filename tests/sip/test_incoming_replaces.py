"""INVITEs with Replaces: somebody takes the caller's place, through one real SIP process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from talkpath.sip.headers import parse_address
from tests.sip.double import running, settings
from tests.sip.exchange_steps import begin, exchanging, replaces, take_bye, trunk
from tests.sip.phone import OFFER, Phone, ok_to, status_of
from tests.sip.steps import finish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")


@pytest.fixture(scope="module")
def shared() -> Iterator[SipProcessDouble]:
    with exchanging() as process:
        yield process


def test_whoever_replaces_the_caller_has_the_call(sip: SipProcessDouble, phone: Phone) -> None:
    call = begin(sip, phone)
    with Phone(sip.port) as other:
        other.send(other.request("INVITE", OFFER.replace("4000", "4444"), headers=replaces(phone)))
        final = other.final("INVITE")
        assert status_of(final) == 200
        assert "m=audio 20000 " in final.body
        other.send(other.request("ACK", branch=f"{other.branch}a"))
        take_bye(phone)
        moved = sip.expect(m.CallMoved)
        assert (moved.call, moved.by, moved.sip_call_id) == (call.call, "replaces", other.call_id)
        assert moved.peer_uri == "sip:ann@127.0.0.1"
        assert sip.expect(m.MediaUpdated).media.remote_port == 4444
        finish(sip, other, call)
    ended = sip.seen(m.CallEnded)
    assert [(one.by, one.status) for one in ended] == [("caller", 200)]
    assert len(sip.seen(m.IncomingCall)) == len(sip.seen(m.CallConfirmed)) == 1


def test_orders_go_to_the_new_dialog(sip: SipProcessDouble, phone: Phone) -> None:
    call = begin(sip, phone)
    with Phone(sip.port) as other:
        other.send(other.request("INVITE", OFFER, headers=replaces(phone)))
        assert status_of(other.final("INVITE")) == 200
        other.send(other.request("ACK", branch=f"{other.branch}a"))
        take_bye(phone)
        sip.expect(m.CallMoved)
        sip.send(m.HangUp(call=call.call, reason="goodbye"))
        take_bye(other)
        assert sip.expect(m.CallEnded).by == "us"


def test_the_new_dialog_can_be_replaced_too(sip: SipProcessDouble, phone: Phone) -> None:
    call = begin(sip, phone)
    with Phone(sip.port) as second, Phone(sip.port) as third:
        before = phone
        for one in (second, third):
            one.send(one.request("INVITE", OFFER, headers=replaces(before)))
            assert status_of(one.final("INVITE")) == 200
            one.send(one.request("ACK", branch=f"{one.branch}a"))
            take_bye(before)
            sip.expect(m.CallMoved)
            before = one
        finish(sip, third, call)


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Replaces: nobody;to-tag=1;from-tag=2", 481),
        ("Replaces: {call_id};to-tag={to_tag};from-tag=wrong", 481),
        ("Replaces: {call_id};to-tag={to_tag};from-tag=from;early-only", 486),
        ("Replaces: {call_id}", 400),
        ("Replaces: {call_id};to-tag={to_tag};from-tag=from\r\nReplaces: b;to-tag=1;from-tag=2", 400),
    ],
)
def test_what_names_no_answered_call_is_refused(
    sip: SipProcessDouble, phone: Phone, header: str, status: int
) -> None:
    call = begin(sip, phone)
    with Phone(sip.port) as other:
        line = header.format(call_id=phone.call_id, to_tag=phone.to_tag) + "\r\n"
        other.send(other.request("INVITE", OFFER, headers=line))
        assert status_of(other.final("INVITE")) == status
        other.send(other.request("ACK"))
    finish(sip, phone, call)
    assert sip.seen(m.CallMoved) == []


def test_a_call_that_still_rings_is_not_replaced(sip: SipProcessDouble, phone: Phone) -> None:
    phone.send(phone.request("INVITE", OFFER))
    call = sip.expect(m.IncomingCall)
    sip.send(m.Ring(call=call.call, rtp_port=20_000))
    while status_of(phone.receive()) != 180:
        pass
    with Phone(sip.port) as other:
        other.send(other.request("INVITE", OFFER, headers=replaces(phone)))
        assert status_of(other.final("INVITE")) == 481
        other.send(other.request("ACK"))
    sip.send(m.Reject(call=call.call, status=486, reason="busy"))
    assert status_of(phone.final("INVITE")) == 486
    phone.send(phone.request("ACK"))
    sip.expect(m.CallEnded)


@pytest.mark.parametrize("more", ["", ";early-only"])
def test_a_call_of_ours_that_rings_is_picked_up_elsewhere(sip: SipProcessDouble, more: str) -> None:
    with Phone(sip.port) as desk, Phone(sip.port) as other:
        order = m.PlaceCall(call="o1", uri=f"sip:700@127.0.0.1:{desk.port}", trunk="pbx", rtp_port=20_000)
        sip.send(order)
        invite = desk.receive()
        desk.send(ok_to(invite, status="180 Ringing", headers=f"Contact: <sip:d@127.0.0.1:{desk.port}>\r\n"))
        sip.expect(m.CallRinging)
        ours = parse_address(invite.first("From")).parameters["tag"]
        line = f"Replaces: {invite.first('Call-ID')};to-tag={ours};from-tag=phone{more}\r\n"
        other.send(other.request("INVITE", OFFER.replace("4000", "4444"), headers=line))
        assert status_of(other.final("INVITE")) == 200
        other.send(other.request("ACK", branch=f"{other.branch}a"))
        cancel = desk.receive()
        assert cancel.method == "CANCEL"
        desk.send(ok_to(cancel))
        desk.send(ok_to(invite, status="487 Request Terminated"))
        assert sip.expect(m.CallMoved).call == "o1"
        assert sip.expect(m.MediaUpdated).media.remote_port == 4444
        assert sip.expect(m.CallConfirmed).call == "o1"
        sip.send(m.HangUp(call="o1", reason="goodbye"))
        take_bye(other)
        assert sip.expect(m.CallEnded).by == "us"
    assert len(sip.seen(m.CallEnded)) == len(sip.seen(m.CallConfirmed)) == 1


def test_an_offer_that_cannot_be_answered_leaves_the_call_where_it_is(
    sip: SipProcessDouble, phone: Phone
) -> None:
    call = begin(sip, phone)
    with Phone(sip.port) as other:
        other.send(other.request("INVITE", OFFER.replace("8 0 101", "18"), headers=replaces(phone)))
        assert status_of(other.final("INVITE")) == 488
        other.send(other.request("ACK"))
    finish(sip, phone, call)


def test_a_full_house_can_still_exchange_a_caller() -> None:
    with (
        running(settings(trunks=(trunk(max_calls=1),), max_calls=1), lanes=0) as sip,
        Phone(sip.port) as phone,
    ):
        sip.send(m.Admission(draining=False, free_lanes=1))
        call = begin(sip, phone)
        sip.send(m.Admission(draining=False, free_lanes=0))
        with Phone(sip.port) as other:
            other.send(other.request("INVITE", OFFER, headers=replaces(phone)))
            assert status_of(other.final("INVITE")) == 200
            other.send(other.request("ACK", branch=f"{other.branch}a"))
            take_bye(phone)
            sip.expect(m.CallMoved)
            finish(sip, other, call)


def test_calls_of_another_trunk_are_out_of_reach() -> None:
    trunks = (
        trunk(name="pbx", source_networks=("127.0.0.1/32",)),
        trunk(name="other", source_networks=("127.0.0.2/32",)),
    )
    with running(settings(trunks=trunks)) as sip, Phone(sip.port) as phone:
        call = begin(sip, phone)
        with Phone(sip.port, host="127.0.0.2") as thief:
            thief.send(thief.request("INVITE", OFFER, headers=replaces(phone)))
            assert status_of(thief.final("INVITE")) == 481
            thief.send(thief.request("ACK"))
        finish(sip, phone, call)


def test_nobody_is_replaced_unless_the_trunk_says_so() -> None:
    with running(settings(trunks=(trunk(accept_replaces=False),))) as sip, Phone(sip.port) as phone:
        call = begin(sip, phone)
        with Phone(sip.port) as other:
            other.send(other.request("INVITE", OFFER, headers=replaces(phone)))
            final = other.final("INVITE")
            assert status_of(final) == 603
            assert "may not be replaced" in final.first("Reason")
            other.send(other.request("ACK"))
        finish(sip, phone, call)


def test_whoever_replaces_the_caller_gets_keys_of_its_own() -> None:
    def offer(letter: str) -> str:
        key = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{letter * 40}\r\n"
        return OFFER.replace("RTP/AVP", "RTP/SAVP") + key

    with running(settings(trunks=(trunk(srtp="mandatory"),))) as sip, Phone(sip.port) as phone:
        phone.send(phone.request("INVITE", offer("A")))
        call = sip.expect(m.IncomingCall)
        sip.send(m.Answer(call=call.call, rtp_port=20_000))
        assert status_of(phone.final("INVITE")) == 200
        phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
        before = sip.expect(m.MediaUpdated).media
        with Phone(sip.port) as other:
            other.send(other.request("INVITE", offer("B"), headers=replaces(phone)))
            assert status_of(other.final("INVITE")) == 200
            other.send(other.request("ACK", branch=f"{other.branch}a"))
            take_bye(phone)
            sip.expect(m.CallMoved)
            after = sip.expect(m.MediaUpdated).media
            finish(sip, other, call)
    assert after.remote_crypto.value.endswith("B" * 40)
    assert len({before.local_crypto.value, after.local_crypto.value, ""}) == 3
