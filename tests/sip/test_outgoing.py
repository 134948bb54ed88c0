"""Calls of ours through one real SIP process; the callee is raw SIP."""

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

HERE = ("127.0.0.0/8",)
TRUNKS = {
    "open": m.OutboundSettings(
        allow=("*",), redirects="follow", caller="+4930", caller_name="Shop", calls_per_second=100.0
    ),
    "strict": m.OutboundSettings(allow=("7??",), early_media="ignore"),
    "carrier": m.OutboundSettings(allow=("*",), identity="asserted", private=True, caller="+4930"),
    "narrow": m.OutboundSettings(allow=("*",), max_calls=1),
}


@pytest.fixture(scope="module")
def sip() -> Iterator[SipProcessDouble]:
    trunks = tuple(
        m.TrunkSettings(name=name, source_networks=HERE, outbound=outbound)
        for name, outbound in TRUNKS.items()
    )
    with running(settings(trunks=trunks)) as process:
        yield process


def place(sip: SipProcessDouble, phone: Phone, trunk: str = "open", **changes: object) -> str:
    fields = {"call": f"c-{phone.call_id}", "uri": f"sip:700@127.0.0.1:{phone.port}", **changes}
    sip.send(m.PlaceCall(trunk=trunk, rtp_port=30_010, **fields))  # type: ignore[arg-type]  # the test's words
    return str(fields["call"])


def answer(phone: Phone, invite: SipText, status: str, *, tag: str = "phone", media_port: int = 0) -> None:
    """Answer the INVITE, with SDP when there is a port for it."""
    headers = f"Contact: <sip:callee@127.0.0.1:{phone.port}>\r\n"
    body = OFFER.replace("4000", str(media_port)) if media_port else ""
    headers += "Content-Type: application/sdp\r\n" if body else ""
    text = ok_to(invite, status=status, headers=headers, body=body)
    phone.send(text.replace(b";tag=phone", f";tag={tag}".encode()))


def next_request(phone: Phone, method: str) -> SipText:
    """The next request of this method; others are passed over."""
    while True:
        message = phone.receive()
        if message.method == method:
            return message


def end(sip: SipProcessDouble, phone: Phone, call: str) -> None:
    sip.send(m.HangUp(call=call))
    phone.send(ok_to(next_request(phone, "BYE")))
    assert sip.expect(m.CallEnded, lambda ended: ended.call == call).outcome is m.Outcome.COMPLETED


def media_port(sip: SipProcessDouble, call: str) -> int:
    return sip.expect(m.MediaUpdated, lambda update: update.call == call).media.remote_port


def test_the_callee_sees_the_caller_of_the_trunk_and_hangs_up(sip: SipProcessDouble, phone: Phone) -> None:
    call = place(sip, phone)
    invite = phone.receive()
    assert invite.first("From").startswith('"Shop" <sip:+4930@')
    answer(phone, invite, "200 OK", media_port=4000)
    next_request(phone, "ACK")
    sip.expect(m.CallConfirmed)
    tag = invite.first("From").rpartition(";tag=")[2]
    bye = phone.request("BYE", cseq=2, branch=f"{phone.branch}bye").decode()
    bye = bye.replace(f"Call-ID: {phone.call_id}", f"Call-ID: {invite.first('Call-ID')}")
    bye = bye.replace("tag=from", "tag=phone").replace("To: <sip:600@127.0.0.1>", f"To: <sip:x@y>;tag={tag}")
    phone.send(bye.encode())
    assert status_of(phone.final("BYE")) == 200
    ended = sip.expect(m.CallEnded, lambda ended: ended.call == call)
    assert (ended.by, ended.status, ended.outcome) == ("callee", 200, m.Outcome.COMPLETED)


def test_a_hidden_caller_is_named_to_the_carrier_alone(sip: SipProcessDouble, phone: Phone) -> None:
    call = place(sip, phone, "carrier", headers=(("X-Account", "7"),))
    invite = phone.receive()
    assert invite.first("From").startswith('"Anonymous" <sip:anonymous@anonymous.invalid>')
    assert invite.first("P-Asserted-Identity").startswith("<sip:+4930@")
    assert (invite.first("Privacy"), invite.first("X-Account")) == ("id", "7")
    answer(phone, invite, "486 Busy Here")
    assert sip.expect(m.CallEnded, lambda ended: ended.call == call).outcome is m.Outcome.BUSY


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("403 Forbidden", m.Outcome.FORBIDDEN),
        ("404 Not Found", m.Outcome.NOT_FOUND),
        ("480 Temporarily Unavailable", m.Outcome.NO_ANSWER),
        ("486 Busy Here", m.Outcome.BUSY),
        ("488 Not Acceptable Here", m.Outcome.NOT_ACCEPTABLE),
        ("500 Server Internal Error", m.Outcome.REMOTE_ERROR),
        ("503 Service Unavailable", m.Outcome.UNAVAILABLE),
        ("600 Busy Everywhere", m.Outcome.BUSY),
        ("603 Decline", m.Outcome.DECLINED),
    ],
)
def test_what_a_refusal_means(sip: SipProcessDouble, phone: Phone, status: str, outcome: m.Outcome) -> None:
    call = place(sip, phone)
    answer(phone, phone.receive(), status)
    ended = sip.expect(m.CallEnded, lambda ended: ended.call == call)
    assert (ended.by, ended.status, ended.outcome) == ("callee", int(status[:3]), outcome)


@pytest.mark.parametrize(
    ("provisional", "outcome"),
    [("180 Ringing", m.Outcome.NO_ANSWER), ("100 Trying", m.Outcome.NO_ANSWER), ("", m.Outcome.UNREACHABLE)],
)
def test_a_call_that_is_not_answered_in_time_is_given_up(
    sip: SipProcessDouble, phone: Phone, provisional: str, outcome: m.Outcome
) -> None:
    call = place(sip, phone, ring_timeout=0.4)
    invite = phone.receive()
    if provisional:
        answer(phone, invite, provisional)
        cancel = next_request(phone, "CANCEL")
        phone.send(ok_to(cancel))
        answer(phone, invite, "487 Request Terminated")
    else:
        phone.socket.close()
    ended = sip.expect(m.CallEnded, lambda ended: ended.call == call)
    assert (ended.by, ended.status, ended.outcome) == ("failure", 408, outcome)


@pytest.mark.parametrize(
    ("trunk", "user", "host", "words"),
    [
        ("strict", "+900123", "127.0.0.1", "not in allow"),
        ("strict", "712", "192.0.2.1", "not in allow"),
        ("open", "700@x?Replaces=a", "127.0.0.1", "not in allow"),
    ],
)
def test_a_destination_that_is_not_allowed_is_never_called(
    *, sip: SipProcessDouble, phone: Phone, trunk: str, user: str, host: str, words: str
) -> None:
    call = place(sip, phone, trunk, uri=f"sip:{user}@{host}:{phone.port}")
    ended = sip.expect(m.CallEnded, lambda ended: ended.call == call)
    assert (ended.by, ended.status, ended.outcome) == ("failure", 403, m.Outcome.BLOCKED)
    assert words in ended.reason
    assert phone.hears_nothing(0.1)


def test_the_lines_of_a_trunk_are_counted(sip: SipProcessDouble, phone: Phone) -> None:
    call = place(sip, phone, "narrow")
    invite = phone.receive()
    second = place(sip, phone, "narrow", call="c-second")
    ended = sip.expect(m.CallEnded, lambda ended: ended.call == second)
    assert (ended.status, ended.outcome) == (503, m.Outcome.BLOCKED)
    answer(phone, invite, "486 Busy Here")
    sip.expect(m.CallEnded, lambda ended: ended.call == call)


def test_a_redirection_is_followed_within_the_allow_list(sip: SipProcessDouble, phone: Phone) -> None:
    with Phone(sip.port) as second:
        call = place(sip, phone)
        contacts = f"Contact: <sip:1@192.0.2.99>;q=0.9, <sip:7@127.0.0.1:{second.port}>;q=0.5\r\n"
        phone.send(ok_to(phone.receive(), status="302 Moved Temporarily", headers=contacts))
        invite = second.receive()
        assert invite.request_uri == f"sip:7@127.0.0.1:{second.port}"
        answer(second, invite, "200 OK", media_port=4100)
        assert media_port(sip, call) == 4100
        sip.expect(m.CallConfirmed)
        end(sip, second, call)
    sip.expect_counter("redirected:not_allowed")


def test_a_redirection_is_a_failure_where_the_trunk_says_so(sip: SipProcessDouble, phone: Phone) -> None:
    with Phone(sip.port) as second:
        call = place(sip, phone, "strict")
        contact = f"Contact: <sip:712@127.0.0.1:{second.port}>\r\n"
        phone.send(ok_to(phone.receive(), status="302 Moved Temporarily", headers=contact))
        ended = sip.expect(m.CallEnded, lambda ended: ended.call == call)
        assert (ended.status, ended.outcome) == (302, m.Outcome.REDIRECTED)
        assert second.hears_nothing(0.1)


def test_redirections_that_lead_in_circles_end(sip: SipProcessDouble, phone: Phone) -> None:
    call = place(sip, phone)
    for number in range(20):
        message = phone.receive()
        if message.method == "INVITE":
            contact = f"Contact: <sip:{number}@127.0.0.1:{phone.port}>\r\n"
            phone.send(ok_to(message, status="302 Moved Temporarily", headers=contact))
        elif sip.pump(0.05) and any(ended.call == call for ended in sip.seen(m.CallEnded)):
            break
    assert sip.expect(m.CallEnded, lambda ended: ended.call == call).outcome is m.Outcome.REDIRECTED


@pytest.mark.parametrize(("trunk", "early"), [("open", True), ("strict", False)])
def test_early_media_is_told_or_not(sip: SipProcessDouble, phone: Phone, trunk: str, early: bool) -> None:
    call = place(sip, phone, trunk)
    invite = phone.receive()
    answer(phone, invite, "183 Session Progress", media_port=4200)
    ringing = sip.expect(m.CallRinging, lambda ringing: ringing.call == call)
    assert (ringing.status, ringing.early_media) == (183, early)
    if early:
        assert media_port(sip, call) == 4200
    answer(phone, invite, "200 OK", media_port=4200)
    sip.expect(m.CallConfirmed)
    if not early:
        assert media_port(sip, call) == 4200
    end(sip, phone, call)


def test_of_several_branches_the_one_that_answers_wins_and_a_second_answer_gets_a_bye(
    sip: SipProcessDouble, phone: Phone
) -> None:
    call = place(sip, phone)
    invite = phone.receive()
    answer(phone, invite, "183 Session Progress", tag="first", media_port=4300)
    assert media_port(sip, call) == 4300
    answer(phone, invite, "180 Ringing", tag="second")
    answer(phone, invite, "200 OK", tag="second", media_port=4302)
    assert media_port(sip, call) == 4302
    sip.expect(m.CallConfirmed)
    assert next_request(phone, "ACK").first("To").endswith("tag=second")
    answer(phone, invite, "200 OK", tag="third", media_port=4304)
    late = next_request(phone, "BYE")
    assert late.first("To").endswith("tag=third")
    phone.send(ok_to(late))
    end(sip, phone, call)
