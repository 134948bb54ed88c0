"""Keys that an agent presses, through a real worker and media plane in virtual time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.realtime import RealtimeFunctionTool

from talkpath.bridge.call.abilities.send_dtmf import SEND_DTMF, SENT
from talkpath.bridge.realtime.tools import RESERVED
from talkpath.sip import messages as m
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.world import World, configuration
from tests.harness.virtual_time import in_virtual_time

Monkeypatch = pytest.MonkeyPatch
DIALS = {"send_dtmf_tool": True}


def presses(digits: Any, *before: dict[str, Any]) -> dict[str, Any]:
    """A turn in which the model presses keys."""
    return {"reply": [*before, {"call": "send_dtmf", "arguments": {"digits": digits}}]}


def answers(world: World) -> list[str]:
    """What the model was told about its keys."""
    items = [event["item"] for event in world.model.asked("conversation.item.create")]
    return [item["output"] for item in items if item["type"] == "function_call_output"]


def by_trunk(dtmf: str) -> Any:
    trunk = {"name": "pbx", "match": ["127.0.0.1"], "dtmf": dtmf}
    return configuration(DIALS, trunks=[trunk])


async def pressed(w: World, **media: Any) -> None:
    """The caller speaks, the model presses keys and is told the outcome."""
    if media:
        w.worker.message(w.media(**media))
    await w.whistle(0.6)
    await w.until(lambda: answers(w))


@in_virtual_time
async def test_the_far_end_gets_exactly_the_keys_and_the_model_an_answer(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent=DIALS, script=[HELLO, presses("12 3w#*a")]) as w:
        await w.greeted()
        await pressed(w)
        assert w.phone.keys() == "123#*A"
        assert answers(w) == [SENT]
        w.ended()
    assert not w.of(m.SendInfoDigit)


@in_virtual_time
async def test_what_the_agent_said_before_is_heard_first(monkeypatch: Monkeypatch) -> None:
    turn = presses("1", {"say": "One moment please, I will press one for you."})
    async with World(monkeypatch, agent=DIALS, script=[HELLO, turn]) as w:
        await w.greeted()
        since = w.loop.time()
        await pressed(w)
        began = w.phone.events[0][0]
        loud = [at for at, codes in w.phone.heard if at > since and set(codes) - {0xFF, 0x7F}]
        assert len(loud) > 50
        assert max(loud) <= began
        w.ended()


@pytest.mark.parametrize(
    ("digits", "words"),
    [("12x", "no telephone has"), ("", "no keys"), (12, "no keys"), ("1" * 33, "at most 32")],
)
@in_virtual_time
async def test_what_cannot_be_sent_is_refused_in_words(
    monkeypatch: Monkeypatch, digits: Any, words: str
) -> None:
    async with World(monkeypatch, agent=DIALS, script=[HELLO, presses(digits)]) as w:
        await w.greeted()
        await pressed(w)
        assert words in json.loads(answers(w)[0])["error"]
        assert not w.phone.events
        w.ended()


@in_virtual_time
async def test_without_telephone_events_each_key_is_an_info(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent=DIALS, script=[HELLO, presses("4w2#")]) as w:
        await w.greeted()
        await pressed(w, dtmf_payload_type=None)
        assert answers(w) == [SENT]
        sent = w.of(m.SendInfoDigit)
        assert [(order.digit.value, order.duration_ms) for order in sent] == [
            ("4", 160),
            ("2", 160),
            ("#", 160),
        ]
        assert "4" not in repr(sent[0].digit)
        w.ended()


@in_virtual_time
async def test_an_info_that_is_refused_ends_the_keys(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent=DIALS, script=[HELLO, presses("42")]) as w:
        w.info_status = 415
        await w.greeted()
        await pressed(w, dtmf_payload_type=None)
        assert "415" in json.loads(answers(w)[0])["error"]
        assert len(w.of(m.SendInfoDigit)) == 1
        w.ended()


@in_virtual_time
async def test_an_info_that_is_never_answered_is_given_up(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent=DIALS, script=[HELLO, presses("42")]) as w:
        await w.greeted()
        w.auto = False
        await pressed(w, dtmf_payload_type=None)
        assert "in time" in json.loads(answers(w)[0])["error"]
        w.worker.message(m.InfoDigitAnswered(call="c1", status=200, reason="late"))
        await w.sleep(1)
        assert len(w.of(m.SendInfoDigit)) == 1
        w.ended()


@in_virtual_time
async def test_a_trunk_that_wants_info_gets_it(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, config=by_trunk("info"), script=[HELLO, presses("5")]) as w:
        w.invite(trunk="pbx")
        await w.until(lambda: w.of(m.Answer))
        await w.silence()
        await pressed(w)
        assert [order.digit.value for order in w.of(m.SendInfoDigit)] == ["5"]
        assert not w.phone.events
        w.ended()


@in_virtual_time
async def test_a_trunk_of_events_alone_that_takes_none_is_a_refusal(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, config=by_trunk("rfc4733"), script=[HELLO, presses("5")]) as w:
        w.invite(trunk="pbx")
        await w.until(lambda: w.of(m.Answer))
        await w.silence()
        await pressed(w, dtmf_payload_type=None)
        assert json.loads(answers(w)[0])["error"] == "The far end takes no keys on this call."
        assert not w.of(m.SendInfoDigit)
        w.ended()


@in_virtual_time
async def test_keys_of_a_call_on_hold_are_given_up_after_a_while(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent=DIALS, script=[HELLO, presses("5")]) as w:
        await w.greeted()
        await pressed(w, sends=False)
        assert "on hold" in json.loads(answers(w)[0])["error"]
        w.worker.message(w.media())
        await w.sleep(2)
        assert not w.phone.events
        w.ended()


@in_virtual_time
async def test_the_tool_is_there_only_when_it_is_wanted(monkeypatch: Monkeypatch) -> None:
    for agent in ({}, DIALS):
        async with World(monkeypatch, agent=agent) as w:
            await w.answered()
            names = [tool.name for tool in w.model.settings.tools]
            assert ("send_dtmf" in names) is (agent == DIALS)
            w.ended()


def test_its_definition_is_valid_and_its_name_taken() -> None:
    RealtimeFunctionTool.model_validate(SEND_DTMF.wire())
    assert SEND_DTMF.name in RESERVED
