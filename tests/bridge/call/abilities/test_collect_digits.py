"""Keys of the caller that come to the model as one answer, in virtual time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.realtime import RealtimeFunctionTool

from talkpath.bridge.call.abilities.collect_digits import COLLECT_DIGITS
from talkpath.bridge.realtime.tools import RESERVED
from talkpath.sip import messages as m
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.world import World
from tests.harness.virtual_time import in_virtual_time

Monkeypatch = pytest.MonkeyPatch
COLLECTS = {"collect_digits_tool": True}


def collects(*before: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    return {"reply": [*before, {"call": "collect_digits", "arguments": arguments}]}


def items(world: World) -> list[dict[str, Any]]:
    return [event["item"] for event in world.model.asked("conversation.item.create")]


def answers(world: World) -> list[dict[str, Any]]:
    """What the model was told as results."""
    return [json.loads(item["output"]) for item in items(world) if item["type"] == "function_call_output"]


def told(world: World) -> list[str]:
    """Keys that the model was told of one by one."""
    return [item["content"][0]["text"] for item in items(world) if "keypad" in json.dumps(item)]


def press(world: World, digits: str) -> None:
    for digit in digits:
        world.worker.message(m.CallDigit(call="c1", digit=digit, duration_ms=100))


async def asked(w: World) -> None:
    """The caller speaks, and the model begins to collect."""
    await w.greeted()
    await w.whistle(0.6)
    runner = w.worker.calls["c1"]
    await w.until(lambda: runner._collector._entry)
    await w.sleep(0.2)


@pytest.mark.parametrize(
    ("arguments", "keys", "digits", "ended_by"),
    [
        ({}, "1234#", "1234", "terminator"),
        ({"terminator": "*"}, "12#4*", "12#4", "terminator"),
        ({"max_digits": 3}, "987", "987", "max_digits"),
        ({"terminator": ""}, "1#", "1#", "digit_timeout"),
        ({}, "#", "", "terminator"),
        ({"timeout": 3}, "", "", "timeout"),
        ({"timeout": 3, "digit_timeout": 10}, "7", "7", "timeout"),
    ],
)
@in_virtual_time
async def test_the_keys_come_as_one_answer(
    monkeypatch: Monkeypatch, arguments: dict[str, Any], keys: str, digits: str, ended_by: str
) -> None:
    async with World(monkeypatch, agent=COLLECTS, script=[HELLO, collects(**arguments)]) as w:
        await asked(w)
        press(w, keys)
        await w.until(lambda: answers(w))
        assert answers(w) == [{"digits": digits, "ended_by": ended_by}]
        assert told(w) == []
        w.ended()
    assert w.record.digits == len(keys)


@in_virtual_time
async def test_each_key_renews_the_time_for_the_next(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent=COLLECTS, script=[HELLO, collects(digit_timeout=2)]) as w:
        await asked(w)
        for digit in "123":
            press(w, digit)
            await w.sleep(1.8)
        assert not answers(w)
        await w.sleep(0.3)
        assert answers(w)[0]["digits"] == "123"
        w.ended()


@in_virtual_time
async def test_the_first_key_stops_the_prompt_and_the_time_begins_after_it(monkeypatch: Monkeypatch) -> None:
    prompt = {"monologue_s": 15}
    async with World(monkeypatch, agent=COLLECTS, script=[HELLO, collects(prompt, timeout=5)]) as w:
        await asked(w)
        await w.sleep(6)
        assert not answers(w), "the caller still hears what to enter"
        press(w, "5")
        since = w.loop.time()
        await w.sleep(0.5)
        assert w.phone.loud_after(since) <= 2
        press(w, "#")
        await w.until(lambda: answers(w))
        assert answers(w)[0]["digits"] == "5"
        w.ended()


@in_virtual_time
async def test_before_and_after_a_collection_each_key_is_told(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent=COLLECTS, script=[HELLO, collects(max_digits=1)]) as w:
        await asked(w)
        press(w, "1")
        await w.until(lambda: answers(w))
        press(w, "2")
        await w.sleep(1)
        assert len(told(w)) == 1
        assert "2" in told(w)[0]
        w.ended()


@in_virtual_time
async def test_a_session_that_is_lost_ends_the_collection(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent=COLLECTS, script=[HELLO, collects()]) as w:
        await asked(w)
        press(w, "1")
        w.model.drop()
        await w.until(lambda: len(w.models) == 2 and w.state() == "talking")
        press(w, "2")
        await w.sleep(1)
        assert len(told(w)) == 1
        w.ended()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"max_digits": 0}, "max_digits must be a number from 1 to 32"),
        ({"timeout": "long"}, "timeout must be"),
        ({"digit_timeout": True}, "digit_timeout must be"),
        ({"terminator": "0"}, "terminator can be"),
        ({"terminator": ["#"]}, "terminator can be"),
    ],
)
@in_virtual_time
async def test_arguments_that_do_not_fit_are_refused_in_words(
    monkeypatch: Monkeypatch, arguments: dict[str, Any], words: str
) -> None:
    async with World(monkeypatch, agent=COLLECTS, script=[HELLO, collects(**arguments)]) as w:
        await w.greeted()
        await w.whistle(0.6)
        await w.until(lambda: answers(w))
        assert words in answers(w)[0]["error"]
        w.ended()


@in_virtual_time
async def test_the_keys_stand_in_no_log(
    monkeypatch: Monkeypatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with World(monkeypatch, agent=COLLECTS, script=[HELLO, collects()]) as w:
        await asked(w)
        press(w, "4711990#")
        await w.until(lambda: answers(w))
        w.ended()
    assert "4711990" not in caplog.text + "".join(capsys.readouterr())


def test_its_definition_is_valid_and_its_name_taken() -> None:
    RealtimeFunctionTool.model_validate(COLLECT_DIGITS.wire())
    assert COLLECT_DIGITS.name in RESERVED
