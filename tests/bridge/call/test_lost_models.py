"""Models that go away in the middle of a call, told as stories.

A real worker and media plane in virtual time. At the end of each, `World` asserts that every lane, port,
socket, task and timer is back.
"""

from __future__ import annotations

import asyncio

import pytest

from talkpath.bridge.call.sentences import (
    RESUME_SENTENCE,
)
from talkpath.sip import messages as m
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.stories import AHA, DOWN, MONOLOGUE, said
from tests.bridge.call.world import World
from tests.harness.virtual_time import in_virtual_time

Monkeypatch = pytest.MonkeyPatch


@in_virtual_time
async def test_a_lost_model_brings_comfort_sound_and_comes_back_with_its_memory(
    monkeypatch: Monkeypatch,
) -> None:
    async with World(monkeypatch, connects=[]) as w:
        await w.greeted()
        w._connects = [DOWN, DOWN, DOWN]
        w.model.drop()
        assert w.state() == "recovering"
        lost = w.loop.time()
        await w.sleep(0.5)
        assert w.phone.loud_after(lost) > 5, "the caller hears the comfort sound"
        await w.until(lambda: w.state() == "talking", limit=15)
        await w.sleep(0.1)
        sent = [event["type"] for event in w.model.sent]
        assert sent.index("conversation.item.create") < sent.index("response.create")
        seed = w.model.asked("conversation.item.create")[0]["item"]
        assert (seed["role"], seed["content"][0]["text"]) == ("assistant", "Hello there, how can I help you?")
        assert RESUME_SENTENCE in said(w)
        await w.sleep(2)
        await w.silence()
        w.ended()
    assert (w.record.outcome, w.record.cause, w.record.model_reconnects) == ("completed", "caller_hung_up", 1)
    assert w.record.reason == "BYE"
    assert w.value("model_reconnects_total", result="ok") == 1


@in_virtual_time
async def test_a_model_that_was_lost_before_its_greeting_greets_after_it(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        await w.answered()
        w.model.drop()
        await w.until(lambda: w.phone.loud_after(0) > 5 and w.state() == "talking")
        await w.silence()
        assert "Hello there" in said(w)
        assert RESUME_SENTENCE not in said(w)
        w.ended()
    assert w.record.model_reconnects == 1


@in_virtual_time
async def test_a_model_that_does_not_come_back_ends_in_the_announcement(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        await w.greeted()
        w._connects = [DOWN] * 99
        w.model.drop()
        lost = w.loop.time()
        await w.until(lambda: w.state() == "fallback")
        assert 10 < w.loop.time() - lost < 21
        assert not w.of(m.HangUp)
        began = w.loop.time()
        await w.until(lambda: w.records)
        assert 1.0 < w.loop.time() - began < 1.6, "three beeps and two pauses"
        assert w.phone.loud_after(began) > 30
    assert (w.record.outcome, w.record.cause) == ("failed", "model_lost")
    assert w.record.reason == str(DOWN)
    assert w.value("model_reconnects_total", result="failed") == 1


@in_virtual_time
async def test_the_announcement_comes_after_what_the_model_had_said_and_is_not_cut(
    monkeypatch: Monkeypatch,
) -> None:
    async with World(monkeypatch, script=[{"reply": [{"monologue_s": 3}]}]) as w:
        await w.answered()
        await w.sleep(1.5)
        began = w.loop.time()
        w.model.drop(4000, "wrong model")
        assert w.state() == "fallback"
        await w.until(lambda: w.records)
        assert w.loop.time() - began > 1.0 + 1.1, "the rest of the speech, then the beeps"
    assert w.record.cause == "model_lost"


@in_virtual_time
async def test_a_model_that_drops_every_session_does_not_keep_the_caller_for_ever(
    monkeypatch: Monkeypatch,
) -> None:
    async with World(monkeypatch) as w:
        await w.greeted()
        lost = w.loop.time()
        while w.state() != "fallback":
            if w.state() == "talking":
                w.model.drop()
            await w.sleep(0.02)
        assert w.loop.time() - lost < 25
        await w.until(lambda: w.records)
    assert w.record.cause == "model_lost"


@in_virtual_time
async def test_a_model_that_cannot_be_made_to_answer_ends_in_the_announcement(
    monkeypatch: Monkeypatch,
) -> None:
    failing = [{"reply": [{"fail": "server_error"}], "repeat": True}]
    async with World(monkeypatch, script=failing) as w:
        await w.answered()
        await w.until(lambda: w.records)
    assert (w.record.outcome, w.record.cause) == ("failed", "model_lost")
    assert not w.model.open


@in_virtual_time
async def test_a_caller_who_leaves_while_the_model_is_away_leaves_nothing(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        await w.greeted()
        w._connects = [DOWN, None]
        w.model.drop()
        await w.sleep(1.5)
        assert w.state() == "recovering"
        w.ended()
    assert (w.record.outcome, w.record.cause) == ("completed", "caller_hung_up")


@in_virtual_time
async def test_speech_of_a_lost_session_stops_when_the_caller_speaks(monkeypatch: Monkeypatch) -> None:
    """The new session does not know that the old one's words are still being played."""
    async with World(monkeypatch, script=[MONOLOGUE]) as w:
        await w.answered()
        await w.sleep(3.0)
        w.script = [AHA]
        w.model.drop()
        await w.until(lambda: w.state() == "talking")
        assert w.worker.plane.queued_ms(w.worker.calls["c1"].lane) > 5000
        await w.whistle(0.5)
        await w.sleep(0.2)
        assert w.worker.plane.queued_ms(w.worker.calls["c1"].lane) < 5000
        w.ended()
    assert len(w.record.barge_in_stops) == 1


async def order(city: str) -> str:
    """Order something.

    Args:
        city: where to.
    """
    await asyncio.sleep(2)
    return f"a parcel to {city}"


@pytest.mark.parametrize(("after", "words"), [(1.0, "may have been carried out"), (2.5, "a parcel to Ulm")])
@in_virtual_time
async def test_the_model_that_comes_back_knows_of_the_tools_of_the_one_before(
    monkeypatch: Monkeypatch, after: float, words: str
) -> None:
    calls = {"reply": [{"call": "order", "arguments": {"city": "Ulm"}}]}
    async with World(monkeypatch, script=[HELLO, calls, AHA], tools=[order]) as w:
        await w.greeted()
        await w.whistle(0.6)
        await w.until(lambda: w.record_of("c1").tool_calls)
        await w.sleep(after)
        w.model.drop()
        await w.until(lambda: w.state() == "recovering")
        await w.until(lambda: w.state() == "talking", limit=15)
        await w.sleep(0.1)
        seed = [event["item"] for event in w.model.asked("conversation.item.create")]
        (told,) = [item["content"][0]["text"] for item in seed if item["role"] == "system"]
        assert told.startswith('You called order with {"city":"Ulm"}.')
        assert words in told
        await w.sleep(2)
        await w.silence()
        w.ended()
