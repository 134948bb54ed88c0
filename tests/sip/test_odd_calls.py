"""What a peer may say that is longer than usual, no text, or not for us: one real SIP process, raw SIP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from tests.sip.double import running, settings
from tests.sip.phone import OFFER, Phone, ok_to, status_of
from tests.sip.steps import answered, call_in, finish, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")

LONG_OFFER = OFFER + "a=candidate:1 1 UDP 1 192.0.2.1 9999 typ host\r\n" * 40
"""Longer than the 1,024 octets that the stack's own objects hold."""


@pytest.fixture(scope="module")
def sip() -> Iterator[SipProcessDouble]:
    with running(settings()) as process:
        yield process


def test_a_long_offer_is_answered_with_our_port(sip: SipProcessDouble, phone: Phone) -> None:
    call = call_in(sip, phone, LONG_OFFER)
    sip.send(m.Answer(call=call.call, rtp_port=20_000))
    assert "m=audio 20000 RTP/AVP 0 101" in phone.final("INVITE").body
    phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
    sip.expect(m.CallConfirmed)
    for number, method in enumerate(("INVITE", "UPDATE"), 2):
        phone.send(
            phone.request(
                method, f"{LONG_OFFER}a=sendonly\r\n", cseq=number, branch=f"{phone.branch}{number}"
            )
        )
        ok = phone.final(method)
        assert status_of(ok) == 200
        assert "m=audio 20000" in ok.body
        assert "a=recvonly" in ok.body
        if method == "INVITE":
            phone.send(phone.request("ACK", cseq=number, branch=f"{phone.branch}{number}a"))
        sip.expect(m.MediaUpdated, lambda told: not told.media.sends)
    finish(sip, phone, call)


def test_an_end_whose_reason_is_no_utf_8_is_told(sip: SipProcessDouble, phone: Phone) -> None:
    call = answered(sip, phone)
    reason = 'Reason: Q.850;cause=16;text="heute fX"\r\n'
    bye = phone.request("BYE", cseq=2, headers=reason, branch=f"{phone.branch}bye")
    phone.send(bye.replace(b"fX", "für".encode("latin-1")))
    assert status_of(phone.final("BYE")) == 200
    ended = sip.expect(m.CallEnded, lambda ended: ended.call == call.call)
    assert (ended.by, ended.reason) == ("caller", "heute f?r")


def test_a_refusal_whose_phrase_is_no_utf_8_is_told(sip: SipProcessDouble, phone: Phone) -> None:
    sip.send(m.PlaceCall(call="c-busy", uri=f"sip:7@127.0.0.1:{phone.port}", rtp_port=20_000, vouched=True))
    phone.send(ok_to(phone.receive(), status="486 X").replace(b"486 X", "486 Gespräch".encode("latin-1")))
    ended = sip.expect(m.CallEnded, lambda ended: ended.call == "c-busy")
    assert (ended.outcome, ended.reason) == (m.Outcome.BUSY, "Gespr ch")


@pytest.mark.usefixtures("call")
@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("OPTIONS", "", 200),
        ("MESSAGE", "", 405),
        ("NOTIFY", "Event: refer\r\nSubscription-State: active\r\n", 481),
        ("SUBSCRIBE", "Event: presence\r\n", 489),
        ("NEWFANGLED", "", 501),
    ],
)
def test_a_request_in_a_call_that_is_none_of_the_stacks_gets_an_answer_of_its_own(
    phone: Phone, method: str, headers: str, status: int
) -> None:
    phone.send(phone.request(method, cseq=2, headers=headers, branch=f"{phone.branch}2"))
    answer = phone.final(method)
    assert status_of(answer) == status
    assert bool(answer.first("Allow")) == (status in {200, 405, 501})
    assert bool(answer.first("Allow-Events")) == (status == 489)


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (OFFER.replace("127.0.0.1\r\nt=", "pbx.invalid\r\nt="), "", (488, "is a host name")),
        (OFFER, "Content-Encoding: gzip\r\n", (415, "the body is encoded")),
    ],
)
def test_an_offer_that_we_do_not_read_is_refused_with_a_sentence(
    sip: SipProcessDouble, phone: Phone, body: str, headers: str, said: tuple[int, str]
) -> None:
    status, reason, _ = refused(phone, body, headers)
    assert status == said[0]
    assert said[1] in reason
    assert not any(call.sip_call_id == phone.call_id for call in sip.seen(m.IncomingCall))


def test_a_move_to_a_host_name_is_refused_and_the_call_goes_on(
    sip: SipProcessDouble, phone: Phone, call: str
) -> None:
    moved = OFFER.replace("c=IN IP4 127.0.0.1", "c=IN IP4 pbx.invalid")
    phone.send(phone.request("INVITE", moved, cseq=2, branch=f"{phone.branch}re"))
    assert status_of(phone.final("INVITE")) == 488
    phone.send(phone.request("ACK", cseq=2, branch=f"{phone.branch}re"))
    assert not any(ended.call == call for ended in sip.seen(m.CallEnded))


def test_nothing_of_that_was_an_error_of_ours(sip: SipProcessDouble) -> None:
    assert not [name for name in sip.counters() if name.startswith(("callback_error", "message_error"))]
