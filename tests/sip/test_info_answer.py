"""Which INFO is answered how, and by whom: the rule, and one real SIP process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from talkpath.sip.info_answer import verdict
from talkpath.sip.request_answer import RequestAnswer
from tests.sip.double import running, settings
from tests.sip.phone import status_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sip.double import SipProcessDouble
    from tests.sip.phone import Phone

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")


@pytest.fixture(scope="module")
def shared() -> Iterator[SipProcessDouble]:
    with running(settings()) as process:
        yield process


def info(headers: str, body: str = "") -> str:
    return f"INFO sip:a SIP/2.0\r\n{headers}\r\n{body}"


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ("Content-Type: application/dtmf\r\n", "5", 200),
        ("Content-Type: application/dtmf\r\n", "55", 400),
        ("Content-Type: application/dtmf-relay\r\n", "Signal=5", None),
        ("Content-Type: application/media_control+xml\r\n", "<a/>", None),
        ("Content-Type: text/plain\r\n", "hello", 415),
        ("", "hello", 415),
        ("", "", 200),
        ("Info-Package: conference\r\n", "", 469),
        ("Info-Package: dtmf\r\nContent-Type: application/dtmf\r\n", "5", 469),
    ],
)
def test_what_an_info_is_answered(headers: str, body: str, status: int | None) -> None:
    found = verdict(info(headers, body))
    assert (found.status if found else None) == status


def test_what_cannot_be_read_is_left_to_the_stack() -> None:
    assert verdict("INFO sip:a SIP/2.0\r\nno header\r\n\r\n") is None


def test_a_refusal_says_what_would_be_taken() -> None:
    assert verdict(info("Info-Package: x\r\n")) == RequestAnswer(469, (("Recv-Info", ""),))
    refused = verdict(info("Content-Type: text/plain\r\n", "x"))
    assert refused is not None
    assert dict(refused.headers)["Accept"] == "application/dtmf-relay, application/dtmf"


@pytest.mark.parametrize(
    "told",
    [
        ("application/dtmf", "7", 200),
        ("application/dtmf", "77", 400),
        ("text/plain", "hello", 415),
        ("application/sdp", "", 200),
    ],
)
def test_the_peer_hears_one_answer_and_the_call_goes_on(
    sip: SipProcessDouble, phone: Phone, call: str, told: tuple[str, str, int]
) -> None:
    kind, body, status = told
    request = phone.request("INFO", body, cseq=20, branch=f"{phone.branch}i")
    phone.send(request.replace(b"application/sdp", kind.encode()))
    assert status_of(phone.final("INFO")) == status
    phone.send(request.replace(b"application/sdp", kind.encode()))
    assert status_of(phone.final("INFO")) == status, "sent again, it gets the same answer"
    if body == "7":
        assert sip.expect(m.CallDigit).digit == "7"
    more = [message for message in sip.inbox if not isinstance(message, m.SipStatistics)]
    assert more == [], f"nothing more is told about {call}"
