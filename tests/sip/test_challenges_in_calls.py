"""A peer that challenges what we send in a call: one real SIP process whose trunk has a password."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from tests.sip.double import running, settings
from tests.sip.phone import Phone, ok_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.sip.headers import SipText
    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")

CHALLENGE = 'WWW-Authenticate: Digest realm="pbx", nonce="n{number}", algorithm=MD5, qop="auth"\r\n'


@pytest.fixture(scope="module")
def sip() -> Iterator[SipProcessDouble]:
    trunk = m.TrunkSettings(
        name="pbx", username="bridge", password=m.Secret("a horse"), source_networks=("127.0.0.0/8",)
    )
    with running(settings(trunks=(trunk,))) as process:
        yield process


def outcome(sip: SipProcessDouble, method: str) -> int:
    """The status that the worker is told."""
    match method:
        case "INVITE":
            return sip.expect(m.HoldAnswered).status
        case "INFO":
            return sip.expect(m.InfoDigitAnswered).status
    return sip.expect(m.ReferProgress, lambda told: told.stage in {"refused", "accepted"}).status


def order(call: str, method: str) -> m.Message:
    match method:
        case "INVITE":
            return m.Hold(call=call, on=True)
        case "INFO":
            return m.SendInfoDigit(call=call, digit=m.Secret("1"), duration_ms=100)
    return m.Refer(call=call, refer_to="sip:7@pbx.example")


@pytest.mark.parametrize("method", ["INVITE", "INFO", "REFER"])
@pytest.mark.parametrize("nonces", [(1, 1), (1, 2, 3, 4)], ids=["the same nonce", "a nonce for each"])
def test_a_password_that_is_never_right_is_told_and_the_next_order_goes_out(
    sip: SipProcessDouble, phone: Phone, call: str, method: str, nonces: tuple[int, ...]
) -> None:
    """The stack tries again by itself as long as there is hope, and shows the last refusal only."""
    for last in ("401", "603"):
        sip.send(order(call, method))
        for number in nonces if last == "401" else ():
            challenge = CHALLENGE.format(number=number)
            phone.send(ok_to(next_request(phone, method), status="401 Unauthorized", headers=challenge))
        if last == "603":
            phone.send(ok_to(next_request(phone, method), status="603 Decline"))
        assert outcome(sip, method) == int(last)


def next_request(phone: Phone, method: str) -> SipText:
    """The next of this method; ACKs to refusals of ours are passed over."""
    while True:
        message = phone.receive()
        if message.method == method:
            return message
