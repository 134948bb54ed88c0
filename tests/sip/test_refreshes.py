"""Session timers in which we refresh (RFC 4028): what the other side may say to that. One real SIP process.

A session has 90 seconds at least and is refreshed after half of them, so all calls wait for that together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from tests.sip.double import running, settings
from tests.sip.phone import OFFER, Phone, ok_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.sip.headers import SipText
    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")

REFRESHED_BY_US = "Allow: INVITE, ACK, CANCEL, BYE\r\nRequire: timer\r\nSession-Expires: 90;refresher=uac\r\n"
"""Of a callee who takes no UPDATE: we have to send re-INVITEs."""

MOVED = OFFER.replace("4000", "4444").replace("8 0 101", "0 101")


@pytest.fixture(scope="module")
def sip() -> Iterator[SipProcessDouble]:
    with running(settings()) as process:
        yield process


def agree(phone: Phone, invite: SipText, body: str = OFFER) -> None:
    contact = f"Contact: <sip:7@127.0.0.1:{phone.port}>\r\nContent-Type: application/sdp\r\n"
    phone.send(ok_to(invite, headers=f"{contact}{REFRESHED_BY_US}", body=body))


def next_request(phone: Phone, method: str) -> SipText:
    while True:
        message = phone.receive()
        if message.method == method:
            return message


def called(sip: SipProcessDouble, phone: Phone, call: str) -> None:
    """A call of ours that we have to refresh."""
    phone.socket.settimeout(60.0)
    sip.send(m.PlaceCall(call=call, uri=f"sip:7@127.0.0.1:{phone.port}", rtp_port=20_000, vouched=True))
    agree(phone, next_request(phone, "INVITE"))
    sip.expect(m.CallConfirmed)


def media_of(sip: SipProcessDouble, call: str) -> tuple[int, str, bool, bool]:
    media = sip.expect(m.MediaUpdated, lambda told: told.call == call).media
    return media.remote_port, media.codec, media.sends, media.receives


def hung_up(sip: SipProcessDouble, phone: Phone, call: str) -> None:
    sip.send(m.HangUp(call=call))
    phone.send(ok_to(next_request(phone, "BYE")))
    assert sip.expect(m.CallEnded, lambda ended: ended.call == call).by == "us"


def test_the_answer_to_a_refresh_counts_and_its_refusal_changes_nothing(sip: SipProcessDouble) -> None:
    with Phone(sip.port) as plain, Phone(sip.port) as held, Phone(sip.port) as refusing:
        phones = {"c-plain": plain, "c-held": held, "c-refusing": refusing}
        for call, phone in phones.items():
            called(sip, phone, call)
            assert media_of(sip, call) == (4000, "PCMA", True, True)
        sip.send(m.Hold(call="c-held", on=True))
        agree(held, next_request(held, "INVITE"), f"{OFFER}a=recvonly\r\n")
        assert media_of(sip, "c-held") == (4000, "PCMA", True, False)

        agree(plain, next_request(plain, "INVITE"), MOVED)
        assert media_of(sip, "c-plain") == (4444, "PCMU", True, True)

        refusing.send(ok_to(next_request(refusing, "INVITE"), status="491 Request Pending"))
        sip.send(m.Hold(call="c-refusing", on=True))
        agree(refusing, next_request(refusing, "INVITE"), f"{OFFER}a=recvonly\r\n")
        assert media_of(sip, "c-refusing") == (4000, "PCMA", True, False)

        refresh = next_request(held, "INVITE")
        assert "a=sendonly" in refresh.body, "a refresh does not end a hold"
        agree(held, refresh, f"{MOVED}a=recvonly\r\n")
        assert media_of(sip, "c-held") == (4444, "PCMU", True, False)
        for call, phone in phones.items():
            hung_up(sip, phone, call)
