"""Requests of ours to telephones behind NAT, through one real SIP process.

The telephones name an address that leads nowhere; what they get, they get because the call came from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from tests.harness.peers import free_port
from tests.sip.double import running, settings
from tests.sip.phone import OFFER, Phone, StreamPhone, ok_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.sip.headers import SipText
    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")

PRIVATE = "10.77.0.2:5070"


class BehindNat(Phone):
    """A telephone that does not know its address."""

    def request(
        self, method: str, body: str = "", *, cseq: int = 1, headers: str = "", branch: str = ""
    ) -> bytes:
        known = super().request(method, body, cseq=cseq, headers=headers, branch=branch)
        return known.replace(f"127.0.0.1:{self.port}".encode(), PRIVATE.encode())

    def asked(self, method: str) -> SipText:
        """The next request of this method; others and responses are passed over."""
        while True:
            message = self.receive()
            if message.method == method:
                return message


class StreamBehindNat(StreamPhone, BehindNat):
    """The same over TCP."""


TCP_PORT = free_port()


@pytest.fixture(scope="module")
def sip() -> Iterator[SipProcessDouble]:
    listeners = (*settings().listeners, m.Listener(transport="tcp", host="127.0.0.1", port=TCP_PORT))
    with running(settings(listeners=listeners)) as process:
        yield process


@pytest.fixture(params=["udp", "tcp"])
def phone(sip: SipProcessDouble, request: pytest.FixtureRequest) -> Iterator[BehindNat]:
    with StreamBehindNat(TCP_PORT) if request.param == "tcp" else BehindNat(sip.port) as phone:
        yield phone


@pytest.fixture
def call(sip: SipProcessDouble, phone: BehindNat) -> str:
    """An answered call; the test hangs it up."""
    return answered(sip, phone)


def answered(sip: SipProcessDouble, phone: BehindNat) -> str:
    sip.inbox.clear()
    phone.send(phone.request("INVITE", OFFER))
    call = sip.expect(m.IncomingCall).call
    sip.send(m.Answer(call=call, rtp_port=20_000))
    phone.final("INVITE")
    phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
    sip.expect(m.CallConfirmed)
    sip.expect(m.MediaUpdated)
    return call


def hang_up(sip: SipProcessDouble, phone: BehindNat, call: str) -> SipText:
    """Let us hang up; returns the BYE."""
    sip.send(m.HangUp(call=call))
    bye = phone.asked("BYE")
    phone.send(ok_to(bye))
    assert sip.expect(m.CallEnded).status == 200
    return bye


def test_a_bye_reaches_the_telephone_and_shows_no_route(
    sip: SipProcessDouble, phone: BehindNat, call: str
) -> None:
    bye = hang_up(sip, phone, call)
    assert PRIVATE in bye.request_uri
    assert not bye.first("Route")


def test_a_hold_reaches_it_and_its_ack_too(sip: SipProcessDouble, phone: BehindNat, call: str) -> None:
    sip.send(m.Hold(call=call, on=True))
    contact = f"Contact: <sip:ann@{PRIVATE}>\r\nContent-Type: application/sdp\r\n"
    phone.send(ok_to(phone.asked("INVITE"), headers=contact, body=f"{OFFER}a=recvonly\r\n"))
    assert phone.asked("ACK")
    assert not sip.expect(m.MediaUpdated).media.receives
    assert hang_up(sip, phone, call), "after a new Contact as well"


def test_a_refer_reaches_it(sip: SipProcessDouble, phone: BehindNat, call: str) -> None:
    sip.send(m.Refer(call=call, refer_to="sip:200@pbx.example"))
    refer = phone.asked("REFER")
    phone.send(ok_to(refer, status="202 Accepted"))
    assert sip.expect(m.ReferProgress).stage == "accepted"
    hang_up(sip, phone, call)


def test_a_re_invite_of_its_own_changes_nothing(sip: SipProcessDouble, phone: BehindNat, call: str) -> None:
    phone.send(phone.request("INVITE", OFFER, cseq=2, branch=f"{phone.branch}re"))
    phone.final("INVITE")
    phone.send(phone.request("ACK", cseq=2, branch=f"{phone.branch}re-ack"))
    sip.expect(m.MediaUpdated)
    hang_up(sip, phone, call)


def test_a_contact_that_is_to_be_trusted_is_used() -> None:
    trunk = m.TrunkSettings(name="pbx", source_networks=("127.0.0.0/8",), trust_contact=True)
    with running(settings(trunks=(trunk,))) as sip, BehindNat(sip.port) as phone:
        sip.send(m.HangUp(call=answered(sip, phone)))
        assert phone.hears_nothing()
