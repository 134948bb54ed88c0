"""Keys, tools, barge-in and hold in the conversation, told as stories.

A real worker and media plane in virtual time. At the end of each, `World` asserts that every lane, port,
socket, task and timer is back.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from talkpath.bridge.realtime.tools import CallContext  # noqa: TC001 - a tool's hints are read at run time
from talkpath.sip import messages as m
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.stories import AHA, MONOLOGUE
from tests.bridge.call.world import World, configuration
from tests.harness.virtual_time import in_virtual_time

Monkeypatch = pytest.MonkeyPatch


@in_virtual_time
async def test_a_key_interrupts_the_agent_and_is_answered(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, script=[MONOLOGUE, {**AHA, "heard": "pressed 4"}]) as w:
        await w.answered()
        await w.sleep(2)
        w.worker.message(m.CallDigit(call="c1", digit="4", duration_ms=100))
        await w.sleep(0.1)
        flushed = w.record_of("c1").barge_in_stops
        assert len(flushed) == 1
        assert flushed[0] < 0.2, "measured from the key, not from the last frame of the model"
        await w.until(lambda: "pressed 4" in str(w.model.asked("conversation.item.create")))
        await w.sleep(2)
        await w.silence()
        w.ended()
    assert w.record.digits == 1


@in_virtual_time
async def test_keys_before_the_answer_are_ignored(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, connects=[None]) as w:
        w.invite()
        w.worker.message(m.CallDigit(call="c1", digit="4", duration_ms=100))
        w.ended(status=487)
    assert w.record.digits == 0


def order(call: CallContext, city: str) -> dict[str, str]:
    """Order something.

    Args:
        city: where to.
    """
    return {"customer": call.headers["X-Customer"], "caller": call.caller, "city": city}


def broken(city: str) -> str:
    """Order something.

    Args:
        city: where to.
    """
    raise RuntimeError(city)


async def slow(city: str) -> str:
    """Order something.

    Args:
        city: where to.
    """
    await asyncio.sleep(100)
    return city


@pytest.mark.parametrize(
    ("function", "output", "failures"),
    [
        (order, '{"customer":"42","caller":"alice","city":"Ulm"}', 0),
        (broken, '{"error":"The tool failed: RuntimeError."}', 1),
        (slow, '{"error":"The tool did not answer in time."}', 1),
    ],
    ids=["good", "broken", "slow"],
)
@in_virtual_time
async def test_a_tool_runs_and_the_model_is_told(
    monkeypatch: Monkeypatch, function: Any, output: str, failures: int
) -> None:
    name = function.__name__
    calls = {"reply": [{"call": name, "arguments": {"city": "Ulm"}}]}
    script = [HELLO, calls, {**AHA, "output_of": name}]
    async with World(monkeypatch, script=script, tools=[function], agent={"tool_timeout": "3s"}) as w:
        await w.greeted()
        await w.whistle(0.6)
        await w.sleep(8)
        await w.silence()
        results = [
            event["item"]["output"]
            for event in w.model.asked("conversation.item.create")
            if event["item"]["type"] == "function_call_output"
        ]
        assert results == [output]
        w.ended()
    assert (w.record.tool_calls, w.record.tool_failures) == (1, failures)
    assert w.record.turns == 1


@in_virtual_time
async def test_a_call_that_ends_takes_its_tool_along(monkeypatch: Monkeypatch) -> None:
    calls = {"reply": [{"call": "slow", "arguments": {"city": "Ulm"}}]}
    async with World(monkeypatch, script=[HELLO, calls], tools=[slow], agent={"tool_timeout": "60s"}) as w:
        await w.greeted()
        await w.whistle(0.6)
        await w.until(lambda: w.record_of("c1").tool_calls)
        w.ended()


@in_virtual_time
async def test_barge_in_stops_the_agent_and_tells_the_model_what_was_heard(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, script=[MONOLOGUE, AHA]) as w:
        await w.answered()
        await w.sleep(3)
        await w.whistle(0.5)
        truncated = w.model.asked("conversation.item.truncate")
        heard = sum(1 for _, codes in w.phone.heard if set(codes) - {0xFF, 0x7F}) * 20
        assert truncated[0]["audio_end_ms"] == pytest.approx(heard, abs=60)
        await w.sleep(3)
        await w.silence()
        w.ended()
    assert len(w.record.barge_in_stops) == 1
    assert w.record.turns == 1
    assert w.value("barge_in_stop_seconds_count", agent="reception") == 1


@in_virtual_time
async def test_on_hold_the_model_hears_silence_and_time_goes_on(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        await w.greeted()
        w.worker.message(w.media(receives=False))
        await w.sleep(0.2)
        before = len(w.model.heard)
        await w.whistle(2.0)
        held = w.model.heard[before:]
        assert len(held) == pytest.approx(16_000, abs=480)
        assert set(held) == {0xFF}
        w.worker.message(w.media())
        await w.sleep(0.2)
        before = len(w.model.heard)
        await w.whistle(0.3)
        assert set(w.model.heard[before:]) - {0xFF, 0x7F}
        w.ended()
    assert w.record.outcome == "completed"


@in_virtual_time
async def test_a_caller_whose_voice_stays_away_is_given_up(monkeypatch: Monkeypatch) -> None:
    config = configuration(sip={"rtp_timeout": "20s"})
    async with World(monkeypatch, config=config) as w:
        await w.greeted()
        w.phone.gone, gone = True, w.loop.time()
        await w.until(lambda: w.records)
        assert w.loop.time() - gone == pytest.approx(20, abs=0.5)
        assert w.of(m.HangUp)
    assert (w.record.outcome, w.record.cause) == ("failed", "no_media")


@in_virtual_time
async def test_a_voice_that_comes_back_and_a_hold_keep_the_call(monkeypatch: Monkeypatch) -> None:
    config = configuration(sip={"rtp_timeout": "20s"})
    async with World(monkeypatch, config=config) as w:
        await w.greeted()
        w.phone.gone = True
        await w.sleep(15)
        w.phone.gone = False
        await w.sleep(15)
        w.phone.gone = True
        await w.sleep(15)
        w.worker.message(w.media(receives=False))
        await w.sleep(60)
        assert w.state() == "talking"
        w.ended()
    assert w.record.outcome == "completed"
