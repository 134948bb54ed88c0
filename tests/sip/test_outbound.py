from __future__ import annotations

import pytest

from talkpath.sip import messages as m
from talkpath.sip.outbound import Destinations, OutboundPolicy, plain_number
from talkpath.sip.outcomes import Outcome

PBX = {"hosts": ("pbx.example",), "networks": ("192.0.2.0/24",)}


@pytest.mark.parametrize(
    ("patterns", "uri", "allowed"),
    [
        ((), "sip:700@pbx.example", False),
        (("*",), "sip:700@pbx.example", True),
        (("*",), "sip:700@PBX.example;transport=tcp", True),
        (("*",), "sip:700@192.0.2.7:5070", True),
        (("*",), "sip:700@evil.example", False),
        (("*",), "sip:700@192.0.3.7", False),
        (("*@*",), "sip:700@evil.example", True),
        (("7??",), "sip:7@pbx.example", False),
        (("7??",), "sip:712@pbx.example", True),
        (("+49*",), "sip:+49-30.90(18)@pbx.example", True),
        (("+49*",), "sip:%2B4930@pbx.example", True),
        (("+49*",), "sip:+900@pbx.example", False),
        (("+49*",), "tel:+4930", True),
        (("+49*",), "tel:+900", False),
        (("+49*@carrier.example",), "sip:+4930@carrier.example", True),
        (("+49*@carrier.example",), "sip:+4930@pbx.example", False),
        (("+49*@carrier.example",), "tel:+4930", False),
        (("sales",), "sip:Sales@pbx.example", True),
        (("sales",), "sip:sales:secret@pbx.example", True),
        (("*",), "sip:pbx.example", True),
        (("*",), "sip:700@pbx.example?Replaces=1", False),
        (("*",), "sip:700@pbx.example\r\nX-Evil: 1", False),
        (("*",), "sip:700@pbx.example;maddr=192.0.3.7", False),
        (("*",), "sip:700@pbx.example;transport=udp;%6DAddr=192.0.3.7", False),
        (("*",), "http://pbx.example", False),
        (("*",), "", False),
        (("*",), "sip:" + "7" * 600 + "@pbx.example", False),
    ],
)
def test_what_may_be_called(patterns: tuple[str, ...], uri: str, allowed: bool) -> None:
    assert Destinations(patterns, **PBX).allow(uri) is allowed


@pytest.mark.parametrize(
    ("user", "plain"), [("+49 30-90.18", "+49309018"), ("anna-lee", "anna-lee"), ("*21#", "*21#"), ("", "")]
)
def test_numbers_lose_the_marks_of_people_and_names_do_not(user: str, plain: str) -> None:
    assert plain_number(user) == plain


def policy(**rules: object) -> OutboundPolicy:
    outbound = m.OutboundSettings(**{"allow": ("7*",), **rules})  # type: ignore[arg-type]  # the test's words
    trunk = m.TrunkSettings(name="pbx", registrar="sip:pbx.example", max_calls=3, outbound=outbound)
    return OutboundPolicy(m.SipSettings(listeners=(), trunks=(trunk,)))


@pytest.mark.parametrize(
    ("trunk", "uri", "vouched", "outgoing", "all_calls", "found"),
    [
        ("pbx", "sip:7@pbx.example", False, 0, 0, None),
        ("pbx", "sip:8@pbx.example", False, 0, 0, ("not_allowed", 403)),
        ("pbx", "sip:8@pbx.example", True, 0, 0, None),
        ("pbx", "sip:7@pbx.example", True, 2, 2, ("capacity", 503)),
        ("pbx", "sip:7@pbx.example", True, 1, 3, ("capacity", 503)),
        ("", "sip:7@pbx.example", False, 0, 0, ("not_allowed", 403)),
        ("nowhere", "sip:7@pbx.example", True, 0, 0, ("unknown_trunk", 500)),
    ],
)
def test_who_may_call_whom(
    *, trunk: str, uri: str, vouched: bool, outgoing: int, all_calls: int, found: tuple[str, int] | None
) -> None:
    refused = policy(max_calls=2).refuse(
        trunk, uri, 100.0, vouched=vouched, outgoing=outgoing, all_calls=all_calls
    )
    assert (refused and (refused.counter, refused.status)) == found
    assert refused is None or refused.outcome is Outcome.BLOCKED
    assert refused is None or "8" not in refused.reason, "a number is private"


def test_calls_that_begin_too_fast_wait_for_their_turn() -> None:
    limited = policy(calls_per_second=1.0)

    def counter(now: float) -> str:
        refused = limited.refuse("pbx", "sip:7@pbx.example", now, vouched=True, outgoing=0, all_calls=0)
        return refused.counter if refused else ""

    assert [counter(now) for now in (10.0, 10.5, 11.0)] == ["", "rate", ""]
