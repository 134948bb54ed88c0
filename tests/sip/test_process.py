"""One real SIP process, a telephone of raw datagrams, and the test as supervisor and worker."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from tests.sip.double import LANES, running, settings
from tests.sip.phone import OFFER, Phone, ok_to, status_of
from tests.sip.steps import answered, call_in, finish, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")


@pytest.fixture(scope="module")
def shared() -> Iterator[SipProcessDouble]:
    with running(settings()) as process:
        yield process


@pytest.fixture
def sip(shared: SipProcessDouble) -> Iterator[SipProcessDouble]:
    """The shared process with empty memory; every test must leave it without calls."""
    shared.inbox.clear()
    shared.history.clear()
    yield shared
    shared.on_message = None
    shared.send(m.Admission(draining=False, free_lanes=LANES))


def test_ready_says_what_the_stack_can_do(shared: SipProcessDouble) -> None:
    assert shared.process.poll() is None
    with running(settings()) as process:
        detail = process.seen(m.Ready)[0].detail
    assert "pjsua2 2." in detail
    assert " calls, " in detail


def test_an_invite_is_told_to_the_worker_with_all_its_headers(sip: SipProcessDouble, phone: Phone) -> None:
    call = call_in(
        sip, phone, headers="X-Queue: sales\r\nX-Queue: second\r\nProxy-Authorization: Digest x\r\n"
    )
    assert (call.from_uri, call.from_name) == ("sip:ann@127.0.0.1", 'Ann "A" Lee')
    assert call.request_uri == f"sip:600@127.0.0.1:{sip.port}"
    assert call.offer == OFFER
    assert call.source == f"127.0.0.1:{phone.port}"
    assert call.local_address == "127.0.0.1"
    assert [value for name, value in call.headers if name == "X-Queue"] == ["sales", "second"]
    assert "Digest" not in repr(call)
    assert status_of(phone.receive()) == 100
    sip.send(m.Reject(call=call.call, status=404, reason="no such number"))
    final = phone.final("INVITE")
    assert status_of(final) == 404
    assert final.first("Reason") == 'SIP;cause=404;text="no such number"'
    ended = sip.expect(m.CallEnded)
    assert (ended.call, ended.by, ended.status, ended.reason) == (call.call, "us", 404, "no such number")


def test_ring_answers_180_and_answer_200_with_our_port(sip: SipProcessDouble, phone: Phone) -> None:
    call = call_in(sip, phone)
    sip.send(m.Ring(call=call.call, rtp_port=20_002))
    assert status_of(phone.receive()) == 100
    ringing = phone.receive()
    assert (status_of(ringing), ringing.body) == (180, "")
    sip.send(m.Answer(call=call.call, rtp_port=20_002, headers=(("X-Agent", "sales"),)))
    ok = phone.final("INVITE")
    assert "m=audio 20002 RTP/AVP 0 101\r\n" in ok.body
    assert "c=IN IP4 127.0.0.1\r\n" in ok.body
    assert ok.first("X-Agent") == "sales"
    media = sip.expect(m.MediaUpdated).media
    assert (media.codec, media.payload_type, media.dtmf_payload_type) == ("PCMU", 0, 101)
    assert (media.remote_address, media.remote_port, media.local_port) == ("127.0.0.1", 4000, 20_002)
    phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
    sip.expect(m.CallConfirmed)
    phone.send(phone.request("BYE", cseq=2, branch=f"{phone.branch}b"))
    assert status_of(phone.final("BYE")) == 200
    ended = sip.expect(m.CallEnded)
    assert (ended.by, ended.status) == ("caller", 200)
    sip.expect_gauge("calls", 0)


def test_a_retransmitted_invite_opens_one_call(sip: SipProcessDouble, phone: Phone) -> None:
    invite = phone.request("INVITE", OFFER)
    for _ in range(5):
        phone.send(invite)
    call = sip.expect(m.IncomingCall)
    assert status_of(phone.receive()) == 100
    sip.send(m.Reject(call=call.call, status=486, reason="busy"))
    assert status_of(phone.final("INVITE")) == 486
    phone.send(phone.request("ACK"))
    sip.expect(m.CallEnded)
    assert len(sip.seen(m.IncomingCall)) == 1


def test_the_same_invite_by_another_way_is_refused_as_merged(sip: SipProcessDouble, phone: Phone) -> None:
    call = call_in(sip, phone)
    phone.send(phone.request("INVITE", OFFER, branch=f"{phone.branch}other"))
    assert status_of(phone.final("INVITE")) == 482
    sip.send(m.Reject(call=call.call, status=486, reason="busy"))
    sip.expect(m.CallEnded)
    assert len(sip.seen(m.IncomingCall)) == 1


def test_cancel_before_the_answer_ends_the_call_with_487(sip: SipProcessDouble, phone: Phone) -> None:
    call = call_in(sip, phone)
    sip.send(m.Ring(call=call.call, rtp_port=20_000))
    phone.send(phone.request("CANCEL"))
    assert status_of(phone.final("CANCEL")) == 200
    assert status_of(phone.final("INVITE")) == 487
    phone.send(phone.request("ACK"))
    ended = sip.expect(m.CallEnded)
    assert (ended.by, ended.status) == ("caller", 487)
    sip.send(m.Answer(call=call.call, rtp_port=20_000))  # crossed with the CANCEL
    sip.expect_counter("late_command:answer")
    sip.expect_gauge("calls", 0)


def test_hang_up_sends_bye_with_a_reason(sip: SipProcessDouble, phone: Phone) -> None:
    call = answered(sip, phone)
    sip.send(m.HangUp(call=call.call, reason="the agent said goodbye", headers=(("X-Cost", "0.02"),)))
    bye = phone.receive()
    assert bye.method == "BYE"
    assert bye.first("Reason") == 'SIP;cause=200;text="the agent said goodbye"'
    assert bye.first("X-Cost") == "0.02"
    phone.send(ok_to(bye))
    ended = sip.expect(m.CallEnded)
    assert (ended.by, ended.status, ended.reason) == ("us", 200, "the agent said goodbye")


def test_hang_up_before_the_answer_is_a_final_response(sip: SipProcessDouble, phone: Phone) -> None:
    call = call_in(sip, phone)
    sip.send(m.HangUp(call=call.call, reason="nobody there"))
    assert status_of(phone.final("INVITE")) == 480
    phone.send(phone.request("ACK"))
    assert sip.expect(m.CallEnded).status == 480


def test_a_reason_cannot_break_out_of_its_header(sip: SipProcessDouble, phone: Phone) -> None:
    call = call_in(sip, phone)
    sip.send(m.Reject(call=call.call, status=503, reason='a"\r\nX-Evil: 1', retry_after=30))
    final = phone.final("INVITE")
    phone.send(phone.request("ACK"))
    assert (final.first("X-Evil"), final.first("Retry-After")) == ("", "30")
    sip.expect(m.CallEnded)


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ("this is no SDP", 400, "v="),
        (OFFER.replace("8 0 101", "18").replace("a=rtpmap:101 telephone-event/8000\r\n", ""), 488, "G729"),
        (OFFER.replace("m=audio", "m=video"), 488, "no audio"),
        (OFFER.replace("RTP/AVP", "RTP/SAVP"), 488, "RTP/SAVP"),
        (OFFER.replace("c=IN IP4 127.0.0.1\r\n", ""), 400, "c="),
    ],
)
def test_an_offer_that_cannot_be_answered_is_refused_with_the_reason(
    sip: SipProcessDouble, phone: Phone, body: str, status: int, text: str
) -> None:
    found, reason, _ = refused(phone, body)
    assert found == status
    assert text in reason
    assert not sip.seen(m.IncomingCall)


def test_draining_answers_503_to_invite_and_options(sip: SipProcessDouble, phone: Phone) -> None:
    phone.send(phone.request("OPTIONS", branch="z9hG4bKping"))
    assert status_of(phone.final("OPTIONS")) == 200
    sip.send(m.Admission(draining=True, free_lanes=1000))
    sip.expect_gauge("draining", 1)
    status, reason, retry_after = refused(phone)
    assert (status, retry_after) == (503, "60")
    assert "no new calls" in reason
    with Phone(sip.port) as balancer:
        balancer.send(balancer.request("OPTIONS"))
        assert status_of(balancer.final("OPTIONS")) == 503


def test_no_free_lane_answers_503_with_retry_after(sip: SipProcessDouble, phone: Phone) -> None:
    sip.send(m.Admission(draining=False, free_lanes=0))
    sip.expect_gauge("free_lanes", 0)
    status, reason, retry_after = refused(phone)
    assert (status, retry_after) == (503, "5")
    assert "lane" in reason


def test_scanners_hear_nothing(sip: SipProcessDouble, phone: Phone) -> None:
    phone.send(phone.request("INVITE", OFFER, headers="User-Agent: friendly-scanner\r\n"))
    phone.send(phone.request("OPTIONS", headers="User-Agent: sipvicious\r\n", branch="z9hG4bKscan"))
    assert phone.hears_nothing()
    sip.expect_counter("refused:scanner", 2)


def test_datagrams_that_are_no_sip_are_counted(sip: SipProcessDouble, phone: Phone) -> None:
    before = sip.counters().get("malformed_datagram", 0)
    phone.send(b"INVITE nonsense SIP/2.0\r\nVia: broken\r\n\r\n")
    phone.send(b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 1.1.1.1;branch=z9hG4bKx\r\n\r\n")
    sip.expect_counter("malformed_datagram", before + 2)


def test_a_lost_worker_ends_its_calls(sip: SipProcessDouble, phone: Phone) -> None:
    call = answered(sip, phone)
    with Phone(sip.port) as second:
        waiting = call_in(sip, second)
        sip.send(m.PeerLost(who="worker", calls=(call.call, waiting.call, "c-unknown")))
        bye = phone.receive()
        assert bye.method == "BYE"
        assert "media process" in bye.first("Reason")
        phone.send(ok_to(bye))
        assert status_of(second.final("INVITE")) == 500
        second.send(second.request("ACK"))
    ended = {sip.expect(m.CallEnded).call for _ in range(2)}
    assert ended == {call.call, waiting.call}


def test_a_refer_from_the_caller_is_declined(sip: SipProcessDouble, phone: Phone) -> None:
    call = answered(sip, phone)
    refer = phone.request(
        "REFER", cseq=2, headers="Refer-To: <sip:+900@example.com>\r\n", branch="z9hG4bKrefer"
    )
    phone.send(refer)
    assert status_of(phone.final("REFER")) == 603
    finish(sip, phone, call)


def test_a_reinvite_that_cannot_be_answered_leaves_the_call_as_it_was(
    sip: SipProcessDouble, phone: Phone
) -> None:
    call = answered(sip, phone)
    bad = OFFER.replace("8 0 101", "18")
    phone.send(phone.request("INVITE", bad, cseq=2, branch="z9hG4bKre"))
    assert status_of(phone.final("INVITE")) == 488
    phone.send(phone.request("ACK", cseq=2, branch="z9hG4bKre"))
    finish(sip, phone, call, cseq=3)


def test_garbage_changes_nothing(sip: SipProcessDouble, phone: Phone) -> None:
    def refuse_at_once(message: m.AnyMessage) -> None:
        if isinstance(message, m.IncomingCall) and message.sip_call_id != healthy.call_id:
            sip.send(m.Reject(call=message.call, status=486, reason="garbage"))

    seed = random.Random(5)  # noqa: S311  not for secrets
    phone.call_id, phone.branch = "c" * 32, "z9hG4bK" + "b" * 32
    invite = phone.request("INVITE", OFFER)
    with Phone(sip.port) as healthy:
        sip.on_message = refuse_at_once
        for number in range(300):
            junk = bytearray(invite)
            for _ in range(seed.randint(1, 40)):
                junk[seed.randrange(len(junk))] = seed.randrange(256)
            phone.send(bytes(junk[: seed.randint(1, len(junk))]))
            phone.send(seed.randbytes(seed.randint(0, 1400)))
            if number % 20 == 19:  # it has read all of it, however slow it is
                ping = healthy.request("OPTIONS", cseq=number, branch=f"{healthy.branch}{number}")
                healthy.send(ping)
                assert status_of(healthy.final("OPTIONS")) == 200
        finish(sip, healthy, answered(sip, healthy))
    sip.expect_gauge("calls", 0)
    assert not [name for name in sip.counters() if name.startswith("callback_error")]


def test_a_message_that_is_none_is_counted(sip: SipProcessDouble) -> None:
    sip.channel.send(b"\xc1nonsense")
    sip.send(m.Ready())
    sip.expect_counter("undecodable_message")
    sip.expect_counter("unexpected_message")
