"""More calls than the stack has numbers for: it gives those of ended calls to new ones."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from talkpath.sip import messages as m
from tests.sip.double import SipProcessDouble, running, settings
from tests.sip.phone import Phone, status_of
from tests.sip.steps import answered, call_in, finish

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")

NUMBERS = 1024
STEADY = 20


def busy(sip: SipProcessDouble) -> None:
    """A call comes in and is rejected."""
    with Phone(sip.port) as phone:
        call = call_in(sip, phone).call
        sip.send(m.Reject(call=call, status=486, reason="busy"))
        assert status_of(phone.final("INVITE")) == 486
        phone.send(phone.request("ACK"))
        sip.expect(m.CallEnded, lambda ended: ended.call == call)


def test_calls_live_on_whatever_becomes_of_those_that_had_their_numbers() -> None:
    """The first numbers stay taken, and for each new call the stack looks for a free one from the next on: so
    for as many calls as are taken it finds the one behind them, again and again.
    """
    with running(settings(calls_per_second_per_source=10_000.0)) as sip, ExitStack() as stack:

        def talk() -> tuple[Phone, m.IncomingCall]:
            phone = stack.enter_context(Phone(sip.port))
            return phone, answered(sip, phone)

        talking = [talk() for _ in range(STEADY)]
        for _ in range(NUMBERS - STEADY):
            busy(sip)
        for _ in range(STEADY // 2):
            busy(sip)
            talking.append(talk())
            for _ in range(20):
                busy(sip)
        for phone, call in talking:
            assert phone.hears_nothing(0.01), "the call was ended"
            finish(sip, phone, call)
        sip.expect_gauge("calls", 0)
        assert not [name for name in sip.counters() if name.startswith("callback_error")]
