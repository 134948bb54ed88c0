"""Limits of time, money and sessions, told as stories.

A real worker and media plane in virtual time. At the end of each, `World` asserts that every lane, port,
socket, task and timer is back.
"""

from __future__ import annotations

import pytest

from talkpath.bridge.call.machine import Event
from talkpath.bridge.call.sentences import LIMIT_SENTENCE, RESUME_SENTENCE
from talkpath.bridge.realtime.settings import Deadlines
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.stories import AHA, DOWN, said
from tests.bridge.call.world import World
from tests.harness.virtual_time import in_virtual_time

Monkeypatch = pytest.MonkeyPatch


@in_virtual_time
async def test_the_longest_duration_ends_the_call_after_a_last_sentence(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent={"max_duration": "10s"}) as w:
        await w.greeted()
        await w.until(lambda: w.state() == "time_up", limit=10)
        began = w.loop.time()
        await w.until(lambda: w.records)
        assert LIMIT_SENTENCE in said(w)
        assert w.phone.loud_after(began) > 20
    assert (w.record.outcome, w.record.cause) == ("completed", "time_limit")
    assert 10 < w.record.talk < 16


@in_virtual_time
async def test_what_a_call_may_cost_ends_it_after_a_last_sentence(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent={"max_cost": 0.000_001}) as w:
        await w.greeted()
        await w.until(lambda: w.worker.calls["c1"].record.cost)
        await w.whistle(0.5)
        await w.until(lambda: w.state() == "time_up", limit=10)
        await w.until(lambda: w.records)
        assert LIMIT_SENTENCE in said(w)
    assert (w.record.outcome, w.record.cause) == ("completed", "cost_limit")


@in_virtual_time
async def test_interrupting_the_last_sentence_does_not_lift_the_limit(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent={"max_duration": "10s"}) as w:
        await w.greeted()
        await w.until(lambda: w.state() == "time_up", limit=10)
        w.phone.hertz = 700
        await w.until(lambda: w.records, limit=21)
    assert w.record.cause == "time_limit"


@in_virtual_time
async def test_the_limit_holds_while_the_model_is_away(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent={"max_duration": "6s"}) as w:
        await w.greeted()
        w._connects = [DOWN] * 99
        w.model.drop()
        await w.until(lambda: w.records, limit=8)
    assert w.record.cause == "time_limit"


@in_virtual_time
async def test_a_session_is_exchanged_before_its_time_limit_and_no_word_is_lost(
    monkeypatch: Monkeypatch,
) -> None:
    limit = Deadlines(session_limit=20.0, expiry_notice=14.0)
    monkeypatch.setattr("talkpath.bridge.call.agent_session._deadlines", lambda _own: limit)
    async with World(monkeypatch, script=[HELLO, AHA, AHA]) as w:
        await w.greeted()
        w.phone.hertz = 700
        await w.sleep(5.0)
        assert len(w.models) == 1, "not while somebody speaks"
        w.phone.hertz = 0.0
        await w.until(lambda: len(w.tries) == 2)
        w.phone.hertz = 900  # speaks while the new session is being opened
        await w.until(lambda: len(w.models) == 2)
        gap = w.loop.time() - w.tries[1]
        await w.sleep(0.3)
        w.phone.hertz = 0.0
        assert not w.models[0].open
        assert w.state() == "talking"
        frames = len(w.model.heard) // 160
        assert frames >= (gap + 0.3) / 0.02 - 3
        assert w.model.heard[: 160 * 3] != bytes([0xFF]) * 480, "what was said in the gap was delivered"
        seed = w.model.asked("conversation.item.create")
        assert seed[0]["item"]["content"][0]["text"].startswith("Hello there")
        assert RESUME_SENTENCE not in said(w)
        await w.sleep(4)
        w.ended()
    assert (w.record.outcome, w.record.model_reconnects) == ("completed", 0)


@in_virtual_time
async def test_a_limit_that_comes_in_the_middle_of_an_exchange_is_kept(monkeypatch: Monkeypatch) -> None:
    """The new session becomes ready in the last words; that is nothing special."""
    limit = Deadlines(session_limit=20.0, expiry_notice=14.0)
    monkeypatch.setattr("talkpath.bridge.call.agent_session._deadlines", lambda _own: limit)
    async with World(monkeypatch, agent={"max_duration": "20s"}) as w:
        await w.greeted()
        await w.until(lambda: len(w.tries) == 2)
        w.worker.calls["c1"].happen(Event.LIMIT_REACHED)
        assert w.state() == "time_up"
        await w.until(lambda: w.records)
        assert LIMIT_SENTENCE in said(w)
    assert w.record.cause == "time_limit"
