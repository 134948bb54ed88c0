"""What telephones and proxies may say in other ways than ours: one real SIP process, raw SIP."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from tests.sip.double import running, settings
from tests.sip.phone import OFFER, Phone, ok_to, status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from talkpath.sip.headers import SipText
    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")

COMPACT = {
    "Via": "v",
    "From": "f",
    "To": "t",
    "Call-ID": "i",
    "Contact": "m",
    "Content-Type": "c",
    "Content-Length": "l",
}
MULTIPART = (
    "--part\r\nContent-Type: application/sdp\r\n\r\n{offer}\r\n"
    "--part\r\nContent-Type: application/isup;version=itu-t92+\r\nContent-Disposition: signal\r\n\r\n"
    "\x01\x02\x03\r\n--part--\r\n"
)


@pytest.fixture(scope="module")
def sip() -> Iterator[SipProcessDouble]:
    with running(settings()) as process:
        yield process


def invited(sip: SipProcessDouble, phone: Phone, request: bytes) -> str:
    sip.inbox.clear()
    phone.send(request)
    return sip.expect(m.IncomingCall).call


def answer(sip: SipProcessDouble, phone: Phone, call: str) -> SipText:
    sip.send(m.Answer(call=call, rtp_port=20_000))
    final = phone.final("INVITE")
    assert status_of(final) == 200, final
    return final


def confirm(sip: SipProcessDouble, phone: Phone, headers: str = "", body: str = "") -> m.MediaDescription:
    phone.send(phone.request("ACK", body, headers=headers, branch=f"{phone.branch}ack"))
    sip.expect(m.CallConfirmed)
    return sip.expect(m.MediaUpdated).media


def hang_up(sip: SipProcessDouble, phone: Phone, cseq: int = 90) -> None:
    phone.send(phone.request("BYE", cseq=cseq, branch=f"{phone.branch}bye"))
    assert status_of(phone.final("BYE")) == 200
    assert sip.expect(m.CallEnded).by == "caller"


def provisional(phone: Phone, status: int) -> SipText:
    """The next response with this status."""
    while True:
        message = phone.receive()
        if status_of(message) == status:
            return message


def compact(request: bytes) -> bytes:
    text = request.decode()
    for name, short in COMPACT.items():
        text = re.sub(rf"^{name}:", f"{short}:", text, flags=re.MULTILINE)
    return text.encode()


def folded(request: bytes) -> bytes:
    return request.replace(b"\r\nMax-Forwards: 70", b"\r\nMax-Forwards:\r\n\t 70\r\nSubject: a\r\n b\r\n  c")


def long(request: bytes) -> bytes:
    """Near to the 4,000 bytes that the stack takes in one message."""
    extra = "".join(f"X-Long-{number}: {'x' * 900}\r\n" for number in range(3))
    return request.replace(b"Max-Forwards", f"{extra}Max-Forwards".encode(), 1)


def odd_case(request: bytes) -> bytes:
    request = request.replace(b"Call-ID:", b"CALL-id :")
    return request.replace(b"Content-Type: application/sdp", b"content-TYPE:Application/SDP")


@pytest.mark.parametrize("dress", [compact, folded, long, odd_case])
def test_an_invite_in_other_clothes_is_the_same_call(
    sip: SipProcessDouble, phone: Phone, dress: Callable[[bytes], bytes]
) -> None:
    call = invited(sip, phone, dress(phone.request("INVITE", OFFER)))
    answer(sip, phone, call)
    assert confirm(sip, phone).remote_port == 4000
    hang_up(sip, phone)


def test_a_multipart_body_has_its_sdp_taken_out(sip: SipProcessDouble, phone: Phone) -> None:
    body = MULTIPART.format(offer=OFFER)
    request = phone.request("INVITE", body).replace(b"application/sdp", b"multipart/mixed;boundary=part", 1)
    call = invited(sip, phone, request)
    assert "m=audio 20000 RTP/AVP 0 101" in answer(sip, phone, call).body
    assert confirm(sip, phone).remote_port == 4000
    hang_up(sip, phone)


def test_requests_of_ours_follow_the_route_set(sip: SipProcessDouble, phone: Phone) -> None:
    with Phone(sip.port) as proxy:
        routes = (
            f"Record-Route: <sip:127.0.0.1:{proxy.port};lr;hop=2>\r\n"
            "Record-Route: <sip:192.0.2.9;lr;hop=1>\r\n"
        )
        call = invited(sip, phone, phone.request("INVITE", OFFER, headers=routes))
        ok = answer(sip, phone, call)
        assert [value for name, value in ok.headers if name == "Record-Route"] == [
            f"<sip:127.0.0.1:{proxy.port};lr;hop=2>",
            "<sip:192.0.2.9;lr;hop=1>",
        ]
        confirm(sip, phone)
        wanted = [f"<sip:127.0.0.1:{proxy.port};lr;hop=2>", "<sip:192.0.2.9;lr;hop=1>"]
        sip.send(m.Refer(call=call, refer_to="sip:700@127.0.0.1"))
        for method in ("REFER", "BYE"):
            request = proxy.receive()
            while request.method != method:
                request = proxy.receive()
            assert [value for name, value in request.headers if name == "Route"] == wanted
            assert request.request_uri.startswith(f"sip:ann@127.0.0.1:{phone.port}")
            status = "603 Decline" if method == "REFER" else "200 OK"
            proxy.send(ok_to(request, status=status))
            if method == "REFER":
                sip.expect(m.ReferProgress, lambda told: told.stage == "refused")
                sip.send(m.HangUp(call=call))
        sip.expect(m.CallEnded)


@pytest.mark.parametrize("asked", ["Require", "Supported"])
def test_a_ringing_that_must_be_acknowledged_is_sent_until_prack(
    sip: SipProcessDouble, phone: Phone, asked: str
) -> None:
    call = invited(sip, phone, phone.request("INVITE", OFFER, headers=f"{asked}: 100rel\r\n"))
    sip.send(m.Ring(call=call, rtp_port=20_000))
    ringing = provisional(phone, 180)
    if asked == "Require":
        assert "100rel" in ringing.first("Require")
        number = ringing.first("RSeq")
        assert provisional(phone, 180).first("RSeq") == number, "sent again, because nobody said PRACK"
        rack = f"RAck: {number} 1 INVITE\r\n"
        phone.send(phone.request("PRACK", cseq=2, headers=rack, branch=f"{phone.branch}prack"))
        assert status_of(phone.final("PRACK")) == 200
    else:
        assert "100rel" not in ringing.first("Require"), "a proxy in between may not like it"
    answer(sip, phone, call)
    confirm(sip, phone)
    hang_up(sip, phone)


@pytest.mark.parametrize("body", ["", OFFER.replace("4000", "4002")])
def test_update_moves_the_media_or_only_refreshes(sip: SipProcessDouble, phone: Phone, body: str) -> None:
    call = invited(sip, phone, phone.request("INVITE", OFFER))
    answer(sip, phone, call)
    confirm(sip, phone)
    phone.send(phone.request("UPDATE", body, cseq=2, branch=f"{phone.branch}update"))
    ok = phone.final("UPDATE")
    assert status_of(ok) == 200
    assert bool(ok.body) == bool(body)
    if body:
        assert sip.expect(m.MediaUpdated).media.remote_port == 4002
    hang_up(sip, phone)


def test_a_delayed_offer_is_ours_and_answered_in_the_ack(sip: SipProcessDouble, phone: Phone) -> None:
    call = invited(sip, phone, phone.request("INVITE"))
    assert "m=audio 20000 RTP/AVP 0 8 101" in answer(sip, phone, call).body
    media = confirm(sip, phone, body=OFFER.replace("8 0 101", "8 101"))
    assert (media.codec, media.remote_port) == ("PCMA", 4000)
    hang_up(sip, phone)


UNSPECIFIED = "0.0.0.0"  # noqa: S104 - how a hold was written before RFC 3264
HOLDS = [
    (UNSPECIFIED, "a=sendrecv", (False, True)),
    ("127.0.0.1", "a=sendonly", (False, True)),
    ("127.0.0.1", "a=recvonly", (True, False)),
    ("127.0.0.1", "a=inactive", (False, False)),
    (UNSPECIFIED, "a=inactive", (False, False)),
    ("127.0.0.1", "", (True, True)),
]


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_each_way_to_hold_is_understood(sip: SipProcessDouble, phone: Phone, method: str) -> None:
    call = invited(sip, phone, phone.request("INVITE", OFFER))
    answer(sip, phone, call)
    confirm(sip, phone)
    for number, (address, direction, expected) in enumerate(HOLDS, 2):
        body = OFFER.replace("c=IN IP4 127.0.0.1", f"c=IN IP4 {address}")
        body = body.replace("o=- 1 1", f"o=- 1 {number}") + (f"{direction}\r\n" if direction else "")
        phone.send(phone.request(method, body, cseq=number, branch=f"{phone.branch}{number}"))
        assert status_of(phone.final(method)) == 200
        if method == "INVITE":
            phone.send(phone.request("ACK", cseq=number, branch=f"{phone.branch}{number}ack"))
        media = sip.expect(m.MediaUpdated).media
        assert (media.sends, media.receives) == expected, (address, direction)
    hang_up(sip, phone)


@pytest.mark.parametrize("refresher", ["uac", "uas"])
def test_a_session_is_refreshed_by_whoever_is_to(sip: SipProcessDouble, phone: Phone, refresher: str) -> None:
    asked = f"Supported: timer\r\nSession-Expires: 90;refresher={refresher}\r\nMin-SE: 90\r\n"
    call = invited(sip, phone, phone.request("INVITE", OFFER, headers=asked))
    assert answer(sip, phone, call).first("Session-Expires") == f"90;refresher={refresher}"
    confirm(sip, phone)
    for cseq, method, body in ((2, "UPDATE", ""), (3, "INVITE", OFFER)):
        phone.send(phone.request(method, body, cseq=cseq, headers=asked, branch=f"{phone.branch}{cseq}"))
        assert phone.final(method).first("Session-Expires").startswith("90;refresher=")
    phone.send(phone.request("ACK", cseq=3, branch=f"{phone.branch}3a"))
    hang_up(sip, phone)


def test_a_callee_who_wants_a_longer_session_gets_it(sip: SipProcessDouble, phone: Phone) -> None:
    sip.send(m.PlaceCall(call="c-422", uri=f"sip:7@127.0.0.1:{phone.port}", rtp_port=20_000, vouched=True))
    first = phone.receive()
    assert first.first("Session-Expires").startswith("1800")
    phone.send(ok_to(first, status="422 Session Interval Too Small", headers="Min-SE: 3600\r\n"))
    second = phone.receive()
    while second.method != "INVITE":
        second = phone.receive()
    assert second.first("Session-Expires").startswith("3600")
    assert second.first("Min-SE") == "3600"
    phone.send(ok_to(second, status="486 Busy Here"))
    assert sip.expect(m.CallEnded, lambda ended: ended.call == "c-422").outcome is m.Outcome.BUSY


def test_a_callee_who_wants_prack_gets_it(sip: SipProcessDouble, phone: Phone) -> None:
    sip.send(m.PlaceCall(call="c-rel", uri=f"sip:7@127.0.0.1:{phone.port}", rtp_port=20_000, vouched=True))
    invite = phone.receive()
    assert "100rel" in invite.first("Supported")
    contact = f"Contact: <sip:7@127.0.0.1:{phone.port}>\r\n"
    reliable = f"{contact}Require: 100rel\r\nRSeq: 77\r\nContent-Type: application/sdp\r\n"
    phone.send(ok_to(invite, status="183 Session Progress", headers=reliable, body=OFFER))
    prack = phone.receive()
    assert (prack.method, prack.first("RAck")) == ("PRACK", f"77 {invite.first('CSeq')}")
    phone.send(ok_to(prack))
    phone.send(ok_to(invite, headers=contact))
    sip.expect(m.CallConfirmed, lambda confirmed: confirmed.call == "c-rel")
    assert sip.expect(m.MediaUpdated).media.remote_port == 4000
    sip.send(m.HangUp(call="c-rel"))
    bye = phone.receive()
    while bye.method != "BYE":
        bye = phone.receive()
    phone.send(ok_to(bye))
    sip.expect(m.CallEnded)
