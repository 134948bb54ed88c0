"""The messages of RFC 4475 at one running SIP process: the right answer or silence, and never a crash."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from tests.sip.double import running, settings
from tests.sip.phone import Phone, status_of
from tests.sip.torture import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")


@pytest.fixture(scope="module")
def sip() -> Iterator[SipProcessDouble]:
    with running(settings(calls_per_second_per_source=1000.0)) as process:
        yield process


def written(text: str, sip: SipProcessDouble, phone: Phone) -> bytes:
    """The message with its marks filled in and its line ends as they travel."""
    marks = {
        "{via}": f"SIP/2.0/UDP 127.0.0.1:{phone.port};branch={phone.branch};rport",
        "{branch}": phone.branch,
        "{port}": str(phone.port),
        "{host}": f"127.0.0.1:{sip.port}",
        "{id}": uuid.uuid4().hex,
        "{n}": "1",
    }
    for mark, value in marks.items():
        text = text.replace(mark, value)
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode()


@pytest.mark.parametrize(("text", "right"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_an_odd_message_is_answered_as_it_should_be_or_not_at_all(
    sip: SipProcessDouble, phone: Phone, text: str, right: frozenset[int]
) -> None:
    sip.inbox.clear()
    phone.send(written(text, sip, phone))
    if not right:
        assert phone.hears_nothing(0.1)
    else:
        phone.socket.settimeout(0.5)
        try:
            found = status_of(phone.receive())
        except TimeoutError:
            found = 0
        assert found in right | {0} if 400 in right else found in right, found
        if found == 100:
            sip.send(m.Reject(call=sip.expect(m.IncomingCall).call, status=486, reason="tortured"))
            sip.expect(m.CallEnded)
    with Phone(sip.port) as healthy:
        healthy.send(healthy.request("OPTIONS"))
        assert status_of(healthy.final("OPTIONS")) == 200
    assert not [name for name in sip.counters() if name.startswith("callback_error")]


def test_all_messages_of_the_rfc_are_there() -> None:
    assert len({name for name, _, _ in ROWS}) == 49
