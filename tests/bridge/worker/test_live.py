"""What a worker tells of its live calls, and what it does on an operator's order."""

from __future__ import annotations

from typing import Any

import pytest

from talkpath.bridge.worker.readiness import make_ready
from talkpath.sip import messages as m
from tests.bridge.call.world import World, configuration
from tests.harness.virtual_time import in_virtual_time

Monkeypatch = pytest.MonkeyPatch
API = {"operate": {"alice": "x" * 24}}


def watched(**more: Any) -> Any:
    return configuration(api=API, **more)


def order(world: World, make: Any, **facts: Any) -> m.OrderAnswered:
    """Give an order and return its answer."""
    world.worker.message(make(call="c1", request=len(world.sent), **facts))
    answer: m.OrderAnswered = world.of(m.OrderAnswered)[-1]
    return answer


@in_virtual_time
async def test_the_life_of_a_call_is_told_in_its_order(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, config=watched()) as w:
        await w.greeted()
        w.ended()
        told = [message for message in w.sent if isinstance(message, m.LiveMessage)]
        assert isinstance(told[0], m.CallBegan)
        assert (told[0].agent, told[0].caller.value) == ("reception", "alice")
        assert [one.state for one in told if isinstance(one, m.CallState)] == ["answered", "talking", "ended"]
        said = [one.text.value for one in told if isinstance(one, m.Said)]
        assert said == ["Hello there, how can I help you?"]
        assert isinstance(told[-1], m.CallOver)
        assert (told[-1].outcome, told[-1].cause) == ("completed", "caller_hung_up")


@in_virtual_time
async def test_where_nobody_may_watch_nothing_is_told(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        await w.greeted()
        w.ended()
        assert w.of(m.LiveMessage) == []


@in_virtual_time
async def test_levels_and_pieces_of_words_are_told_only_while_somebody_watches(
    monkeypatch: Monkeypatch,
) -> None:
    async with World(monkeypatch, config=watched()) as w:
        await w.greeted()
        assert w.of(m.Figures) == []
        w.worker.message(m.Watch(on=True))
        await w.whistle(1.0)
        loud = [figures.calls[0] for figures in w.of(m.Figures)]
        assert max(one.caller_level for one in loud) > -40
        assert any(one.mos is not None for one in loud)
        assert w.of(m.CallerSpoke)[0].speaking
        w.worker.message(m.Watch(on=False))
        count = len(w.of(m.Figures))
        await w.sleep(1.0)
        assert len(w.of(m.Figures)) == count
        assert not w.worker.plane.tap.active
        w.ended()


@in_virtual_time
async def test_the_agents_voice_has_a_level_too(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, config=watched()) as w:
        w.worker.message(m.Watch(on=True))
        await w.greeted()
        assert max(one.calls[0].agent_level for one in w.of(m.Figures) if one.calls) > -40
        w.ended()


@in_virtual_time
async def test_the_operator_ends_a_call(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, config=watched()) as w:
        await w.greeted()
        assert order(w, m.EndCall).verdict == "done"
        await w.until(lambda: w.records)
        assert (w.record.cause, w.record.ended_by) == ("operator", "us")


@in_virtual_time
async def test_the_operator_tells_the_agent_something_and_presses_keys(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, config=watched()) as w:
        await w.greeted()
        assert order(w, m.TellAgent, text=m.Secret("He is in a hurry.")).verdict == "done"
        assert order(w, m.PressKeys, digits=m.Secret("x")).verdict == "invalid"
        assert order(w, m.PressKeys, digits=m.Secret("12#")).verdict == "done"
        await w.until(lambda: w.phone.keys() == "12#")
        w.ended()


@in_virtual_time
async def test_the_operator_holds_a_caller_and_gives_them_back(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, config=watched()) as w:
        await w.greeted()
        assert order(w, m.HoldCaller, on=True).verdict == "done"
        assert w.of(m.CallState)[-1].state == "held"
        assert order(w, m.HoldCaller, on=True).verdict == "not_now"
        assert order(w, m.HoldCaller, on=False).verdict == "done"
        assert w.of(m.CallState)[-1].state == "talking"
        await w.silence()
        w.ended()


@in_virtual_time
async def test_an_order_that_cannot_be_is_answered_with_the_reason(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, config=watched()) as w:
        assert order(w, m.EndCall).verdict == "no_call"
        await w.greeted()
        answer = order(w, m.TransferCall, target="nobody")
        assert answer.verdict == "unknown_target"
        assert "nobody" in answer.problem
        w.ended()


@in_virtual_time
async def test_a_call_that_finds_no_room_is_told_from_beginning_to_end(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, config=watched(), lanes=1) as w:
        await w.greeted()
        w.invite("full")
        told = [type(one) for one in w.of(m.LiveMessage) if one.call == "full"]
        assert told == [m.CallBegan, m.CallOver]
        w.ended()


@in_virtual_time
async def test_a_reload_that_brings_the_first_token_or_address_lets_later_calls_be_told(
    monkeypatch: Monkeypatch,
) -> None:
    async with World(monkeypatch) as w:
        await w.greeted()
        w.worker.use(make_ready(watched()))
        w.ended()
        assert [one for one in w.of(m.LiveMessage) if not isinstance(one, m.CallOver)] == []
        w.invite("c2")
        await w.until(lambda: w.of(m.Said))
        w.ended("c2")
        told = [one for one in w.of(m.LiveMessage) if one.call == "c2"]
        assert isinstance(told[0], m.CallBegan)
        assert {type(one) for one in told} >= {m.CallState, m.Said, m.CallOver}
