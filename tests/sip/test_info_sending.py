"""Digits that we send as SIP INFO, through one real SIP process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from talkpath.sip.info_digit import info_body, parse_info_digit
from tests.sip.double import running, settings
from tests.sip.phone import OFFER, Phone, ok_to, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")


@pytest.fixture(scope="module")
def sip() -> Iterator[SipProcessDouble]:
    with running(settings()) as process:
        yield process


def send(sip: SipProcessDouble, call: str, digit: str) -> None:
    sip.send(m.SendInfoDigit(call=call, digit=m.Secret(digit), duration_ms=160))


def test_each_digit_is_an_info_of_its_own(sip: SipProcessDouble, phone: Phone, call: str) -> None:
    for digit in "1#A":
        send(sip, call, digit)
        request = phone.receive()
        assert request.method == "INFO"
        assert request.first("Content-Type") == "application/dtmf-relay"
        assert request.body == f"Signal={digit}\r\nDuration=160\r\n"
        phone.send(ok_to(request))
        assert sip.expect(m.InfoDigitAnswered).status == 200


def test_a_refusal_is_told(sip: SipProcessDouble, phone: Phone, call: str) -> None:
    send(sip, call, "5")
    phone.send(ok_to(phone.receive(), status="415 Unsupported Media Type"))
    answered = sip.expect(m.InfoDigitAnswered)
    assert (answered.status, answered.reason) == (415, "Unsupported Media Type")


def test_what_is_no_key_and_a_second_digit_at_once_are_refused(
    sip: SipProcessDouble, phone: Phone, call: str
) -> None:
    send(sip, call, "x")
    assert sip.expect(m.InfoDigitAnswered).status == 500
    send(sip, call, "1")
    send(sip, call, "2")
    assert sip.expect(m.InfoDigitAnswered).status == 491
    phone.send(ok_to(phone.receive()))
    assert sip.expect(m.InfoDigitAnswered).status == 200


@pytest.mark.parametrize(
    ("status", "asks", "answers"),
    [(401, "WWW-Authenticate", "Authorization"), (407, "Proxy-Authenticate", "Proxy-Authorization")],
)
@pytest.mark.parametrize("second", ["200 OK", "403 Forbidden"])
def test_a_challenge_is_answered_and_the_last_word_is_told(
    status: int, asks: str, answers: str, second: str
) -> None:
    trunk = m.TrunkSettings(
        name="pbx", username="bridge", password=m.Secret("correct horse"), source_networks=("127.0.0.0/8",)
    )
    with running(settings(trunks=(trunk,))) as sip, Phone(sip.port) as phone:
        phone.send(phone.request("INVITE", OFFER))
        call = sip.expect(m.IncomingCall).call
        sip.send(m.Answer(call=call, rtp_port=20_000))
        assert status_of(phone.final("INVITE")) == 200
        phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
        sip.expect(m.CallConfirmed)
        send(sip, call, "4")
        first = phone.receive()
        challenge = f'{asks}: Digest realm="pbx", nonce="a1b2", algorithm=MD5, qop="auth"\r\n'
        phone.send(ok_to(first, status=f"{status} Unauthorized", headers=challenge))
        again = phone.receive()
        assert (again.method, again.body) == ("INFO", first.body)
        assert 'username="bridge"' in again.first(answers)
        assert again.first("CSeq") != first.first("CSeq")
        phone.send(ok_to(again, status=second))
        told = sip.expect(m.InfoDigitAnswered)
        assert told.status == int(second[:3])
        assert len(sip.seen(m.InfoDigitAnswered)) == 1


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/dtmf-relay", "Signal=7\r\nDuration=160\r\n"),
        ("application/dtmf", "7"),
    ],
)
def test_both_forms_of_the_peers_digits_are_told(
    sip: SipProcessDouble, phone: Phone, call: str, kind: str, body: str
) -> None:
    request = phone.request("INFO", body, cseq=20, branch=f"{phone.branch}i")
    phone.send(request.replace(b"application/sdp", kind.encode()))
    assert status_of(phone.final("INFO")) == 200
    told = sip.expect(m.CallDigit)
    assert (told.call, told.digit) == (call, "7")


@pytest.mark.parametrize("digit", list("0123456789*#ABCD"))
def test_what_is_written_is_read(digit: str) -> None:
    message = f"INFO sip:a SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\n{info_body(digit, 160)}"
    found = parse_info_digit(message)
    assert found is not None
    assert (found.digit, found.duration_ms) == (digit, 160)
