"""What tests share in which the other side exchanges who we talk to."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from talkpath.sip import messages as m
from tests.sip.double import running, settings
from tests.sip.phone import OFFER, Phone, ok_to, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.sip.headers import SipText
    from tests.sip.double import SipProcessDouble


def trunk(**changes: object) -> m.TrunkSettings:
    values: dict[str, object] = {
        "name": "pbx",
        "source_networks": ("127.0.0.0/8",),
        "accept_replaces": True,
        "accept_refer": True,
        "outbound": m.OutboundSettings(allow=("7*",), calls_per_second=1000.0),
        **changes,
    }
    return m.TrunkSettings(**values)  # type: ignore[arg-type]  # a test names its fields itself


@contextlib.contextmanager
def exchanging() -> Iterator[SipProcessDouble]:
    """A SIP process with the trunk; when it is over, no call is left and no callback has failed."""
    with running(settings(trunks=(trunk(),))) as process:
        yield process
        process.expect_gauge("calls", 0)
        assert not [name for name in process.counters() if name.startswith("callback_error")]


def begin(sip: SipProcessDouble, phone: Phone) -> m.IncomingCall:
    phone.send(phone.request("INVITE", OFFER))
    call = sip.expect(m.IncomingCall)
    sip.send(m.Answer(call=call.call, rtp_port=20_000))
    assert status_of(phone.final("INVITE")) == 200
    phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
    sip.expect(m.CallConfirmed)
    sip.expect(m.MediaUpdated)
    return call


def replaces(phone: Phone, more: str = "") -> str:
    return f"Replaces: {phone.call_id};to-tag={phone.to_tag};from-tag=from{more}\r\n"


def take_bye(phone: Phone) -> SipText:
    message = phone.receive()
    assert message.method == "BYE", message.start_line
    phone.send(ok_to(message))
    return message
