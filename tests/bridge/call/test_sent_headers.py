from __future__ import annotations

from typing import Any

import pytest

from talkpath.bridge.call.sent_headers import sent_headers
from talkpath.bridge.realtime.tools import CallContext
from talkpath.sip import messages as m
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.stories import AHA, goodbye
from tests.bridge.call.world import World
from tests.harness.virtual_time import in_virtual_time


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("sold", "sold"),
        (42, "42"),
        (True, "true"),
        (False, "false"),
        ("two\r\nVia: lines", "two Via: lines"),
        ("x" * 1000, "x" * 200),
    ],
)
def test_a_value_is_one_short_line(value: object, text: str) -> None:
    call = CallContext("c1", variables={"outcome": value})
    assert sent_headers({"X-Outcome": "outcome"}, call) == (("X-Outcome", text),)


@pytest.mark.parametrize("value", [None, "", " ", ["a"], {"a": 1}, object()])
def test_what_is_no_value_is_no_header(value: object) -> None:
    assert sent_headers({"X-Outcome": "outcome"}, CallContext("c1", variables={"outcome": value})) == ()


def test_variables_come_before_facts_and_the_rest_is_left_out() -> None:
    names = {"X-Account": "account", "X-Outcome": "outcome", "X-Other": "other"}
    call = CallContext(
        "c1", facts={"account": "1", "outcome": "asked"}, variables={"outcome": "sold", "pin": 1}
    )
    assert sent_headers(names, call) == (("X-Account", "1"), ("X-Outcome", "sold"))


def sell(call: CallContext) -> str:
    """Sell something."""
    call.variables["outcome"] = "sold"
    return "done"


@in_virtual_time
async def test_the_bye_tells_what_a_function_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: dict[str, Any] = {"reply": [{"call": "sell", "arguments": {}}]}
    script = [HELLO, calls, {**AHA, "output_of": "sell"}, goodbye({"say": "Goodbye!"})]
    agent = {"send_headers": {"X-Outcome": "outcome"}}
    async with World(monkeypatch, script=script, tools=[sell], agent=agent) as w:
        await w.greeted()
        await w.whistle(0.6)
        await w.until(lambda: w.record_of("c1").tool_calls)
        await w.silence()
        await w.whistle(0.6)
        await w.until(lambda: w.records)
        assert w.of(m.HangUp)[0].headers == (("X-Outcome", "sold"),)
