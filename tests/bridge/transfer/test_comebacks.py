from __future__ import annotations

from typing import Any

import pytest

from talkpath.bridge.transfer.comebacks import MOST, UNDER_WAY, Comebacks
from talkpath.sip import messages as m
from tests.harness.incoming import incoming


def given(call: str = "c1", **facts: Any) -> m.Handover:
    known: dict[str, Any] = {
        "call": call,
        "trunk": "pbx",
        "caller": m.Secret("4711"),
        "target": "sales",
        "record": m.Secret("Reason: a bicycle"),
        "remember": 120.0,
    }
    return m.Handover(**{**known, **facts})


def invite(number: str = "4711", trunk: str = "pbx", **facts: Any) -> m.IncomingCall:
    return incoming(**{"call": "c2", "trunk": trunk, "from_uri": f"sip:{number}@pbx", **facts})


def remembered(*messages: m.AnyMessage, at: float = 0.0) -> Comebacks:
    memory = Comebacks()
    for message in messages:
        assert memory.take(message, at)
    return memory


def test_a_caller_who_comes_back_is_known_once() -> None:
    memory = remembered(given())
    comeback = memory.recognise(invite(), 30.0).comeback
    assert comeback == m.Comeback(
        call="c1", target="sales", taken=False, record=m.Secret("Reason: a bicycle")
    )
    assert memory.recognise(invite(), 31.0).comeback is None
    assert len(memory) == 0


@pytest.mark.parametrize(
    "other",
    [
        invite("4712"),
        invite(trunk="carrier"),
        invite(trunk=""),
        invite(headers=(("Privacy", "id"),)),
        invite(from_uri="sip:4711@anonymous.invalid"),
    ],
)
def test_nobody_else_is_taken_for_them(other: m.IncomingCall) -> None:
    memory = remembered(given())
    assert memory.recognise(other, 1.0).comeback is None
    assert memory.recognise(invite(headers=(("Privacy", "none"),)), 1.0).comeback is not None


@pytest.mark.parametrize("number", ["", "anonymous", "Anonymous", "unknown", "asterisk", "0000000000", "+0"])
def test_a_hidden_number_is_nobodys(number: str) -> None:
    memory = remembered(given(caller=m.Secret(number)))
    assert len(memory) == 0
    assert memory.recognise(invite(number), 1.0).comeback is None


@pytest.mark.parametrize("facts", [{"trunk": ""}, {"remember": 0.0}])
def test_what_cannot_or_shall_not_be_remembered_is_not(facts: dict[str, Any]) -> None:
    assert len(remembered(given(**facts))) == 0


def test_two_callers_behind_one_number_are_not_taken_for_each_other() -> None:
    memory = remembered(given("c1"), given("c2"))
    assert memory.recognise(invite(), 1.0).comeback is None
    assert memory.recognise(invite(), 1.0).comeback is None


def test_the_time_counts_from_the_end_of_the_transfer() -> None:
    memory = remembered(given(remember=60.0))
    assert memory.take(m.HandoverEnded(call="c1", end="lost"), 100.0)
    assert memory.recognise(invite(), 159.9).comeback is not None
    memory = remembered(given(remember=60.0))
    memory.take(m.HandoverEnded(call="c1", end="lost"), 100.0)
    assert memory.recognise(invite(), 160.0).comeback is None
    assert len(memory) == 0


def test_a_transfer_whose_end_is_never_told_is_forgotten() -> None:
    memory = remembered(given(remember=10.0))
    assert memory.recognise(invite(), UNDER_WAY - 1).comeback is not None
    memory = remembered(given(remember=10.0))
    assert memory.recognise(invite(), UNDER_WAY).comeback is None


def test_what_the_peer_reported_is_told() -> None:
    memory = remembered(given(), m.HandoverEnded(call="c1", end="taken"))
    comeback = memory.recognise(invite(), 1.0).comeback
    assert comeback is not None
    assert comeback.taken


def test_a_caller_who_is_with_the_agent_again_is_forgotten() -> None:
    memory = remembered(given(), m.HandoverEnded(call="c1", end="back"))
    assert memory.recognise(invite(), 1.0).comeback is None


def test_a_late_report_brings_nothing_back() -> None:
    memory = remembered(given())
    assert memory.recognise(invite(), 1.0).comeback is not None
    memory.take(m.HandoverEnded(call="c1", end="taken"), 2.0)
    assert memory.recognise(invite(), 3.0).comeback is None


def test_the_memory_is_bounded_and_the_oldest_goes() -> None:
    memory = remembered(*(given(f"c{number}", caller=m.Secret(f"x{number}")) for number in range(MOST + 2)))
    assert len(memory) == MOST
    assert memory.recognise(invite("x1"), 1.0).comeback is None
    assert memory.recognise(invite("x2"), 1.0).comeback is not None


def test_other_messages_are_left_to_others() -> None:
    assert not Comebacks().take(m.Stop(), 0.0)


def test_nothing_private_stands_in_a_repr() -> None:
    comeback = remembered(given()).recognise(invite(), 1.0).comeback
    for text in (repr(given()), repr(comeback)):
        assert "4711" not in text
        assert "bicycle" not in text
