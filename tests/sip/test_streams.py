"""Whole calls over TCP and TLS, and session timers."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from tests.harness.peers import free_port
from tests.sip.double import running, settings
from tests.sip.phone import OFFER, Phone, StreamPhone, ok_to, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")


@pytest.fixture(params=["tcp", "tls"])
def pair(
    request: pytest.FixtureRequest, certificate: m.TlsSettings
) -> Iterator[tuple[SipProcessDouble, StreamPhone]]:
    """A SIP process and a telephone that is connected to it."""
    port = free_port()
    listener = m.Listener(transport=request.param, host="127.0.0.1", port=port)
    context = ssl.create_default_context(cafile=certificate.certificate_file)
    with (
        running(settings(listeners=(listener,), tls=certificate)) as sip,
        StreamPhone(port, context if request.param == "tls" else None) as phone,
    ):
        yield sip, phone


def answered(sip: SipProcessDouble, phone: Phone, headers: str = "") -> m.IncomingCall:
    phone.send(phone.request("INVITE", OFFER, headers=headers))
    call = sip.expect(m.IncomingCall)
    sip.send(m.Answer(call=call.call, rtp_port=20_000))
    final = phone.final("INVITE")
    assert status_of(final) == 200, final
    phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
    sip.expect(m.CallConfirmed)
    return call


def test_a_call_goes_through_and_our_bye_comes_over_the_callers_connection(
    pair: tuple[SipProcessDouble, StreamPhone],
) -> None:
    sip, phone = pair
    call = answered(sip, phone)
    assert call.transport == phone.transport.lower()
    sip.send(m.HangUp(call=call.call, reason="done"))
    bye = phone.receive()
    assert bye.method == "BYE"
    assert f"SIP/2.0/{phone.transport} " in bye.first("Via")
    phone.send(ok_to(bye))
    assert sip.expect(m.CallEnded).by == "us"


def test_the_caller_hangs_up(pair: tuple[SipProcessDouble, StreamPhone]) -> None:
    sip, phone = pair
    answered(sip, phone)
    phone.send(phone.request("BYE", cseq=2, branch=f"{phone.branch}b"))
    assert status_of(phone.final("BYE")) == 200
    assert sip.expect(m.CallEnded).by == "caller"
    sip.expect_gauge("calls", 0)


def test_requests_in_pieces_and_in_one_piece_are_told_apart(
    pair: tuple[SipProcessDouble, StreamPhone],
) -> None:
    """A stream has no datagrams: what arrives byte by byte, or two at once, is still one request each."""
    sip, phone = pair
    options = phone.request("OPTIONS", branch=f"{phone.branch}o")
    for at in range(0, len(options), 50):
        phone.send(options[at : at + 50])
    assert status_of(phone.final("OPTIONS")) == 200
    both = [phone.request("OPTIONS", cseq=number, branch=f"{phone.branch}{number}") for number in (2, 3)]
    phone.send(b"".join(both))
    assert [phone.final("OPTIONS").first("CSeq") for _ in both] == ["2 OPTIONS", "3 OPTIONS"]
    assert not sip.seen(m.IncomingCall)


@pytest.mark.parametrize("refresher", ["uac", "uas"])
def test_a_session_timer_is_agreed_on(refresher: str) -> None:
    """RFC 4028, section 9: the answer names interval and refresher, and requires the timer."""
    asked = f"Supported: timer\r\nSession-Expires: 120;refresher={refresher}\r\nMin-SE: 90\r\n"
    with running(settings()) as sip, Phone(sip.port) as phone:
        phone.send(phone.request("INVITE", OFFER, headers=asked))
        sip.send(m.Answer(call=sip.expect(m.IncomingCall).call, rtp_port=20_000))
        ok = phone.final("INVITE")
        assert ok.first("Session-Expires") == f"120;refresher={refresher}"
        assert "timer" in ok.first("Require") or refresher == "uas"
        phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
        sip.expect(m.CallConfirmed)
        phone.send(phone.request("INVITE", OFFER, cseq=2, headers=asked, branch=f"{phone.branch}r"))
        assert phone.final("INVITE").first("Session-Expires") == f"120;refresher={refresher}"
        phone.send(phone.request("ACK", cseq=2, branch=f"{phone.branch}ra"))
        phone.send(phone.request("BYE", cseq=3, branch=f"{phone.branch}b"))
        assert status_of(phone.final("BYE")) == 200


def test_a_session_timer_that_is_too_short_is_refused_with_ours() -> None:
    headers = "Supported: timer\r\nSession-Expires: 30;refresher=uac\r\nMin-SE: 30\r\n"
    with running(settings()) as sip, Phone(sip.port) as phone:
        phone.send(phone.request("INVITE", OFFER, headers=headers))
        final = phone.final("INVITE")
        phone.send(phone.request("ACK"))
        assert (status_of(final), final.first("Min-SE")) == (422, "90")
        sip.expect_gauge("calls", 0)


def test_a_peer_that_knows_no_session_timer_is_not_made_to_use_one() -> None:
    with running(settings()) as sip, Phone(sip.port) as phone:
        phone.send(phone.request("INVITE", OFFER))
        sip.send(m.Answer(call=sip.expect(m.IncomingCall).call, rtp_port=20_000))
        assert "timer" not in phone.final("INVITE").first("Require")
        phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
        phone.send(phone.request("BYE", cseq=2, branch=f"{phone.branch}b"))
        assert status_of(phone.final("BYE")) == 200
