"""One real SIP process, a telephone of raw datagrams, and the test as supervisor and worker."""

from __future__ import annotations

import os
import random
import signal
import socket
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from talkpath.sip import messages as m
from tests.sip.double import LANES, free_port, running, settings, start
from tests.sip.phone import OFFER, Phone, status_of

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
    shared.send(m.Admission(draining=False, free_lanes=LANES))


@pytest.fixture
def phone(sip: SipProcessDouble) -> Iterator[Phone]:
    with Phone(sip.port) as made:
        yield made


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
    phone.send(_ok(bye.headers))
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
        phone.send(_ok(bye.headers))
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
    _finish(sip, phone, call)


def test_a_reinvite_that_cannot_be_answered_leaves_the_call_as_it_was(
    sip: SipProcessDouble, phone: Phone
) -> None:
    call = answered(sip, phone)
    bad = OFFER.replace("8 0 101", "18")
    phone.send(phone.request("INVITE", bad, cseq=2, branch="z9hG4bKre"))
    assert status_of(phone.final("INVITE")) == 488
    phone.send(phone.request("ACK", cseq=2, branch="z9hG4bKre"))
    _finish(sip, phone, call, cseq=3)


def test_garbage_changes_nothing(sip: SipProcessDouble, phone: Phone) -> None:
    seed = random.Random(5)  # noqa: S311  not for secrets
    invite = phone.request("INVITE", OFFER)
    for _ in range(300):
        junk = bytearray(invite)
        for _ in range(seed.randint(1, 40)):
            junk[seed.randrange(len(junk))] = seed.randrange(256)
        phone.send(bytes(junk[: seed.randint(1, len(junk))]))
        phone.send(seed.randbytes(seed.randint(0, 1400)))
    with Phone(sip.port) as healthy:
        answered_call = answered(sip, healthy)
        for call in sip.seen(m.IncomingCall):
            if call.call != answered_call.call:
                sip.send(m.Reject(call=call.call, status=486, reason="garbage"))
        _finish(sip, healthy, answered_call)
    sip.expect_gauge("calls", 0)
    assert not [name for name in sip.counters() if name.startswith("callback_error")]


def test_a_message_that_is_none_is_counted(sip: SipProcessDouble) -> None:
    sip.channel.send(b"\xc1nonsense")
    sip.send(m.Ready())
    sip.expect_counter("undecodable_message")
    sip.expect_counter("unexpected_message")


def test_sources_outside_the_trunks_get_403() -> None:
    trunk = m.TrunkSettings(name="carrier", source_networks=("192.0.2.0/24",))
    with running(settings(trunks=(trunk,))) as sip, Phone(sip.port) as phone:
        status, reason, _ = refused(phone)
        assert status == 403
        assert "no trunk" in reason
        sip.expect_counter("refused:unknown_source")


def test_a_trunk_is_found_by_its_network_and_its_advertised_address_is_named() -> None:
    trunk = m.TrunkSettings(name="pbx", source_networks=("127.0.0.0/8",), advertised_address="198.51.100.7")
    with running(settings(trunks=(trunk,))) as sip, Phone(sip.port) as phone:
        call = call_in(sip, phone)
        assert (call.trunk, call.local_address) == ("pbx", "198.51.100.7")
        sip.send(m.Answer(call=call.call, rtp_port=20_000))
        assert "c=IN IP4 198.51.100.7\r\n" in phone.final("INVITE").body
        phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
        _finish(sip, phone, call)


def test_more_calls_than_allowed_get_503() -> None:
    with running(settings(max_calls=1)) as sip, Phone(sip.port) as first, Phone(sip.port) as second:
        call = call_in(sip, first)
        status, _, retry_after = refused(second)
        assert (status, retry_after) == (503, "5")
        sip.send(m.Reject(call=call.call, status=486, reason="busy"))
        assert status_of(first.final("INVITE")) == 486
        first.send(first.request("ACK"))


def test_a_source_that_calls_too_fast_gets_503() -> None:
    with running(settings(calls_per_second_per_source=1.0)) as sip, Phone(sip.port) as phone:
        call = call_in(sip, phone)
        with Phone(sip.port) as second:
            assert refused(second)[0] == 503
        sip.send(m.Reject(call=call.call, status=486, reason="busy"))
        sip.expect(m.CallEnded)


def test_a_worker_that_says_nothing_costs_the_caller_a_503_not_silence() -> None:
    with running(settings(decision_seconds=0.2)) as sip, Phone(sip.port) as phone:
        call_in(sip, phone)
        final = phone.final("INVITE")
        phone.send(phone.request("ACK"))
        assert (status_of(final), final.first("Retry-After")) == (503, "5")
        ended = sip.expect(m.CallEnded)
        assert (ended.by, ended.status) == ("failure", 503)


def test_before_the_first_word_of_the_supervisor_no_call_is_admitted() -> None:
    with running(settings(), lanes=0) as sip, Phone(sip.port) as phone:
        assert refused(phone)[0] == 503


def test_an_idle_process_sleeps_until_a_timer_of_the_stack() -> None:
    with running(settings()) as process:
        watched = psutil.Process(process.process.pid)
        began, wakes = time.monotonic(), watched.num_ctx_switches().voluntary
        time.sleep(1.0)  # what is counted is what happens while nothing does
        wakes = watched.num_ctx_switches().voluntary - wakes
        assert wakes / (time.monotonic() - began) < 25, "1 / LONGEST_SECONDS, statistics, and some timers"


def test_signals_are_left_to_the_supervisor() -> None:
    with running(settings()) as sip, Phone(sip.port) as phone:
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(sip.process.pid, number)
        call = answered(sip, phone)
        _finish(sip, phone, call)


def test_stop_says_bye_to_live_calls() -> None:
    with running(settings()) as sip, Phone(sip.port) as phone:
        answered(sip, phone)
        sip.send(m.Stop(reason="maintenance"))
        bye = phone.receive()
        assert (bye.method, "maintenance" in bye.first("Reason")) == ("BYE", True)
        phone.send(_ok(bye.headers))
        assert sip.expect(m.CallEnded).by == "us"
        assert sip.process.wait(5) == 0


def test_the_loss_of_the_supervisor_says_bye_and_exits() -> None:
    options = settings()
    with start(options, options.listeners[0].port) as sip:
        sip.send(m.Admission(draining=False, free_lanes=5))
        sip.expect(m.Ready)
        with Phone(sip.port) as phone:
            answered(sip, phone)
            sip.channel.close()
            bye = phone.receive()
            assert bye.method == "BYE"
            phone.send(_ok(bye.headers))
        assert sip.process.wait(5) == 0


def test_a_port_in_use_is_named_with_what_to_do() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        listener = m.Listener(transport="udp", host="127.0.0.1", port=port)
        with start(settings(listeners=(listener,)), port) as sip:
            problem = sip.expect(m.ListenFailed).problem
            assert sip.process.wait(5) == 3
    assert f"udp 127.0.0.1:{port}" in problem
    assert "another program has this port" in problem


def test_a_wrong_source_network_is_named() -> None:
    trunk = m.TrunkSettings(name="pbx", source_networks=("10.0.0.0/99",))
    with start(settings(trunks=(trunk,)), free_port()) as sip:
        problem = sip.expect(m.ListenFailed).problem
        assert sip.process.wait(5) == 3
    assert "pbx" in problem
    assert "10.0.0.0/99" in problem


def _ok(headers: tuple[m.Header, ...]) -> bytes:
    """A 200 to a request with these headers."""
    kept = [f"{name}: {value}" for name, value in headers if name in {"Via", "From", "To", "Call-ID", "CSeq"}]
    return ("SIP/2.0 200 OK\r\n" + "\r\n".join(kept) + "\r\nContent-Length: 0\r\n\r\n").encode()


def _finish(sip: SipProcessDouble, phone: Phone, call: m.IncomingCall, cseq: int = 4) -> None:
    """The caller hangs up."""
    phone.send(phone.request("BYE", cseq=cseq, branch=f"{phone.branch}bye"))
    assert status_of(phone.final("BYE")) == 200
    sip.expect(m.CallEnded, lambda ended: ended.call == call.call)
