"""REFERs of the other side: it sends us to somebody else, through one real SIP process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from talkpath.sip.headers import reason_text
from tests.sip.double import running, settings
from tests.sip.exchange_steps import begin, exchanging, take_bye, trunk
from tests.sip.phone import OFFER, Phone, ok_to, status_of
from tests.sip.steps import finish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.sip.headers import SipText
    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")

SDP = "Content-Type: application/sdp\r\n"


@pytest.fixture(scope="module")
def shared() -> Iterator[SipProcessDouble]:
    with exchanging() as process:
        yield process


def refer(phone: Phone, target: str, cseq: int = 2, more: str = "") -> None:
    headers = f"Refer-To: {target}\r\n{more}"
    phone.send(phone.request("REFER", cseq=cseq, headers=headers, branch=f"{phone.branch}r{cseq}"))


def accepted(phone: Phone) -> list[str]:
    """Take 202 and the first NOTIFY in either order; returns the fragments."""
    fragments: list[str] = []
    seen = False
    while not (seen and fragments):
        message = phone.receive()
        if message.method == "NOTIFY":
            fragments.append(take_notify(phone, message))
        elif message.first("CSeq").endswith("REFER"):
            assert status_of(message) == 202
            seen = True
    return fragments


def take_notify(phone: Phone, message: SipText) -> str:
    assert message.method == "NOTIFY"
    assert message.first("Event").partition(";")[0] == "refer"
    phone.send(ok_to(message))
    return message.body.strip()


def contact(phone: Phone) -> str:
    return f"Contact: <sip:desk@127.0.0.1:{phone.port}>\r\n"


def test_a_refer_within_allow_is_obeyed_and_reported(sip: SipProcessDouble, phone: Phone) -> None:
    call = begin(sip, phone)
    with Phone(sip.port) as desk:
        refer(phone, f"<sip:700@127.0.0.1:{desk.port}>", more="Referred-By: <sip:boss@pbx>\r\n")
        assert accepted(phone) == ["SIP/2.0 100 Trying"]
        invite = desk.receive()
        assert invite.start_line.startswith(f"INVITE sip:700@127.0.0.1:{desk.port}")
        assert invite.first("Referred-By") == "<sip:boss@pbx>"
        assert "m=audio 20000 " in invite.body
        desk.send(ok_to(invite, status="180 Ringing", headers=contact(desk)))
        assert take_notify(phone, phone.receive()).startswith("SIP/2.0 180")
        desk.send(ok_to(invite, headers=contact(desk) + SDP, body=OFFER.replace("4000", "4700")))
        assert desk.receive().method == "ACK"
        assert take_notify(phone, phone.receive()).startswith("SIP/2.0 200")
        moved = sip.expect(m.CallMoved)
        assert (moved.call, moved.by) == (call.call, "refer")
        assert moved.peer_uri == f"sip:700@127.0.0.1:{desk.port}"
        assert sip.expect(m.MediaUpdated).media.remote_port == 4700
        phone.send(phone.request("BYE", cseq=3, branch=f"{phone.branch}bye"))
        assert status_of(phone.final("BYE")) == 200
        sip.send(m.HangUp(call=call.call, reason="goodbye"))
        take_bye(desk)
        assert sip.expect(m.CallEnded).by == "us"
    assert len(sip.seen(m.CallConfirmed)) == len(sip.seen(m.CallEnded)) == 1


def test_who_refers_and_hangs_up_at_once_leaves_the_call_to_the_target(
    sip: SipProcessDouble, phone: Phone
) -> None:
    call = begin(sip, phone)
    with Phone(sip.port) as desk:
        refer(phone, f"<sip:700@127.0.0.1:{desk.port}>")
        accepted(phone)
        phone.send(phone.request("BYE", cseq=3, branch=f"{phone.branch}bye"))
        assert status_of(phone.final("BYE")) == 200
        held = sip.expect(m.MediaUpdated)
        assert (held.media.sends, held.media.receives) == (False, False)
        invite = desk.receive()
        desk.send(ok_to(invite, headers=contact(desk) + SDP, body=OFFER))
        assert desk.receive().method == "ACK"
        sip.expect(m.CallMoved)
        media = sip.expect(m.MediaUpdated)
        assert (media.media.sends, media.media.receives) == (True, True)
        sip.send(m.HangUp(call=call.call, reason="goodbye"))
        take_bye(desk)
        sip.expect(m.CallEnded)


@pytest.mark.parametrize("gone", [False, True])
def test_a_target_that_is_busy_ends_nothing_but_what_has_ended(
    sip: SipProcessDouble, phone: Phone, gone: bool
) -> None:
    call = begin(sip, phone)
    with Phone(sip.port) as desk:
        refer(phone, f"<sip:700@127.0.0.1:{desk.port}>")
        accepted(phone)
        invite = desk.receive()
        if gone:
            phone.send(phone.request("BYE", cseq=3, branch=f"{phone.branch}bye"))
            assert status_of(phone.final("BYE")) == 200
            sip.expect(m.MediaUpdated)
            assert sip.seen(m.CallEnded) == []
        desk.send(ok_to(invite, status="486 Busy Here"))
        assert desk.receive().method == "ACK"
        if gone:
            assert sip.expect(m.CallEnded).by == "caller"
        else:
            assert take_notify(phone, phone.receive()).startswith("SIP/2.0 486")
            refer(phone, f"<sip:701@127.0.0.1:{desk.port}>", cseq=5)  # another try is welcome
            accepted(phone)
            desk.send(ok_to(desk.receive(), status="486 Busy Here"))
            assert desk.receive().method == "ACK"
            assert take_notify(phone, phone.receive()).startswith("SIP/2.0 486")
            finish(sip, phone, call, cseq=6)
    assert sip.seen(m.CallMoved) == []


def test_who_does_not_hang_up_after_a_refer_gets_a_bye(sip: SipProcessDouble, phone: Phone) -> None:
    call = begin(sip, phone)
    with Phone(sip.port) as desk:
        refer(phone, f"<sip:700@127.0.0.1:{desk.port}>")
        accepted(phone)
        desk.send(ok_to(desk.receive(), headers=contact(desk) + SDP, body=OFFER))
        assert desk.receive().method == "ACK"
        assert take_notify(phone, phone.receive()).startswith("SIP/2.0 200")
        assert "moved" in take_bye(phone).first("Reason")
        sip.send(m.HangUp(call=call.call, reason="goodbye"))
        take_bye(desk)
        sip.expect(m.CallEnded)


def test_a_hang_up_while_the_target_rings_cancels_it(sip: SipProcessDouble, phone: Phone) -> None:
    call = begin(sip, phone)
    with Phone(sip.port) as desk:
        refer(phone, f"<sip:700@127.0.0.1:{desk.port}>")
        accepted(phone)
        invite = desk.receive()
        desk.send(ok_to(invite, status="180 Ringing", headers=contact(desk)))
        take_notify(phone, phone.receive())
        sip.send(m.HangUp(call=call.call, reason="goodbye"))
        cancel = desk.receive()
        assert cancel.method == "CANCEL"
        desk.send(ok_to(cancel))
        desk.send(ok_to(invite, status="487 Request Terminated"))
        ends = {phone.receive().method, phone.receive().method}
        assert ends == {"BYE", "NOTIFY"}
        phone.send(phone.request("BYE", cseq=9, branch=f"{phone.branch}bye"))  # they cross on the wire
        sip.expect(m.CallEnded)


def test_a_refer_with_replaces_lets_us_take_another_dialogs_place(
    sip: SipProcessDouble, phone: Phone
) -> None:
    call = begin(sip, phone)
    with Phone(sip.port) as desk:
        target = f"<sip:700@127.0.0.1:{desk.port}?Replaces=abc%3Bto-tag%3D1%3Bfrom-tag%3D2>"
        refer(phone, target)
        accepted(phone)
        invite = desk.receive()
        assert invite.first("Replaces") == "abc;to-tag=1;from-tag=2"
        assert "?" not in invite.request_uri
        desk.send(ok_to(invite, headers=contact(desk) + SDP, body=OFFER))
        assert desk.receive().method == "ACK"
        sip.expect(m.CallMoved)
        take_notify(phone, phone.receive())
        finish_by_peer = phone.request("BYE", cseq=9, branch=f"{phone.branch}bye")
        phone.send(finish_by_peer)
        assert status_of(phone.final("BYE")) == 200
        sip.send(m.HangUp(call=call.call))
        take_bye(desk)
        sip.expect(m.CallEnded)


def test_who_wants_no_reports_gets_none(sip: SipProcessDouble, phone: Phone) -> None:
    call = begin(sip, phone)
    with Phone(sip.port) as desk:
        refer(phone, f"<sip:700@127.0.0.1:{desk.port}>", more="Refer-Sub: false\r\n")
        final = phone.final("REFER")
        assert (status_of(final), final.first("Refer-Sub")) == (202, "false")
        desk.send(ok_to(desk.receive(), status="486 Busy Here"))
        assert desk.receive().method == "ACK"
    finish(sip, phone, call)


@pytest.mark.parametrize(
    ("target", "more", "answer"),
    [
        ("<sip:900@127.0.0.1>", "", (403, "the destination is not in allow of [trunks.outbound] of pbx")),
        ("<sip:700@evil.example>", "", (403, "not in allow")),
        ("<sip:700@127.0.0.1?From=sip%3Aboss@pbx>", "", (400, "the Refer-To sets headers besides")),
        ("<sip:700@127.0.0.1;method=BYE>", "", (400, "another method than INVITE")),
        ("<sip:700@127.0.0.1>", "Refer-To: <sip:701@127.0.0.1>\r\n", (400, "a REFER must have one Refer-To")),
        ("<http://127.0.0.1/>", "", (403, "not in allow")),
    ],
)
def test_a_refer_beyond_what_is_allowed_is_refused(
    sip: SipProcessDouble, phone: Phone, target: str, more: str, answer: tuple[int, str]
) -> None:
    call = begin(sip, phone)
    refer(phone, target, more=more)
    final = phone.final("REFER")
    assert status_of(final) == answer[0]
    assert answer[1] in reason_text(final.first("Reason"))
    finish(sip, phone, call)
    assert len(sip.seen(m.CallEnded)) == 1


def test_two_refers_at_once_are_one_too_many(sip: SipProcessDouble, phone: Phone) -> None:
    call = begin(sip, phone)
    with Phone(sip.port) as desk:
        refer(phone, f"<sip:700@127.0.0.1:{desk.port}>")
        accepted(phone)
        invite = desk.receive()
        refer(phone, f"<sip:701@127.0.0.1:{desk.port}>", cseq=3)
        assert status_of(phone.final("REFER")) == 491
        desk.send(ok_to(invite, status="486 Busy Here"))
        assert desk.receive().method == "ACK"
        take_notify(phone, phone.receive())
    finish(sip, phone, call, cseq=5)


def test_our_own_transfer_is_not_disturbed(sip: SipProcessDouble, phone: Phone) -> None:
    call = begin(sip, phone)
    sip.send(m.Refer(call=call.call, refer_to="sip:desk@pbx.example"))
    request = phone.receive()
    assert request.method == "REFER"
    refer(phone, "<sip:700@127.0.0.1>", cseq=3)
    assert status_of(phone.final("REFER")) == 491
    phone.send(ok_to(request, status="603 Decline"))
    sip.expect(m.ReferProgress, lambda told: told.stage == "refused")
    finish(sip, phone, call, cseq=5)


def test_no_refer_is_obeyed_unless_the_trunk_says_so() -> None:
    with running(settings(trunks=(trunk(accept_refer=False),))) as sip, Phone(sip.port) as phone:
        call = begin(sip, phone)
        refer(phone, "<sip:700@127.0.0.1>")
        final = phone.final("REFER")
        assert status_of(final) == 603
        assert "calls of this trunk may not be sent elsewhere" in final.first("Reason")
        finish(sip, phone, call)


@pytest.mark.parametrize(
    ("private", "caller"),
    [(False, '"Bicycle shop" <sip:+4930901820@127.0.0.1>'), (True, "sip:talkpath@127.0.0.1")],
)
def test_the_target_sees_the_caller_of_the_trunk(private: bool, caller: str) -> None:
    outbound = m.OutboundSettings(
        allow=("7*",), caller="+4930901820", caller_name="Bicycle shop", private=private
    )
    with running(settings(trunks=(trunk(outbound=outbound),))) as sip, Phone(sip.port) as phone:
        call = begin(sip, phone)
        with Phone(sip.port) as desk:
            refer(phone, f"<sip:700@127.0.0.1:{desk.port}>")
            accepted(phone)
            invite = desk.receive()
            assert invite.first("From").startswith(caller)
            desk.send(ok_to(invite, status="486 Busy Here"))
            assert desk.receive().method == "ACK"
            take_notify(phone, phone.receive())
        finish(sip, phone, call)
