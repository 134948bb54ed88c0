"""Stories of how calls begin that we place, in virtual time."""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from talkpath.bridge.call.machine import TABLE, Event, State, step
from talkpath.bridge.call.sentences import ANSWER_NOTE, LIMIT_SENTENCE
from talkpath.bridge.call.verdict import CAUSES
from talkpath.sip import messages as m
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.world import World
from tests.harness.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from pathlib import Path

Monkeypatch = pytest.MonkeyPatch
GREETING = "Hello there, how can I help you?"
AHA = {"reply": [{"say": "Aha."}]}


def orders(world: World) -> list[str]:
    """Everything the newest model was told to say."""
    return [order["response"].get("instructions", "") for order in world.model.asked("response.create")]


def notes(world: World) -> list[str]:
    """What the newest model was told silently."""
    items = [event["item"] for event in world.model.asked("conversation.item.create")]
    return [item["content"][0]["text"] for item in items if item["type"] == "message"]


def waits(seconds: float) -> dict[str, Any]:
    return {"outbound": {"wait_for_voice": seconds}}


async def picked_up(world: World, call: str = "o1") -> None:
    """A call of ours is answered."""
    world.originate(call)
    await world.until(lambda: world.state(call) == "listening")


@in_virtual_time
async def test_the_first_words_of_the_callee_are_answered_by_one_response(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, script=[HELLO, AHA]) as w:
        await picked_up(w)
        assert notes(w) == [f"{ANSWER_NOTE}{GREETING}"]
        await w.sleep(1)
        assert not w.phone.loud_after(0), "the agent waits"
        await w.whistle(0.6)
        assert w.state("o1") == "talking"
        await w.until(lambda: w.phone.loud_after(0) > 5)
        await w.silence("o1")
        await w.sleep(5)
        w.ended("o1")
    assert not orders(w), "the greeting was not asked for besides"
    assert w.record.turns == 1


@in_virtual_time
async def test_a_callee_who_says_nothing_is_greeted_after_a_while(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        await picked_up(w)
        answered = w.loop.time()
        await w.until(lambda: w.state("o1") == "talking")
        assert w.loop.time() - answered == pytest.approx(2.5, abs=0.1)
        await w.silence("o1")
        w.ended("o1")
    (order,) = orders(w)
    assert GREETING in order


@in_virtual_time
async def test_without_patience_the_agent_speaks_at_once(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent=waits(0)) as w:
        w.originate()
        await w.until(lambda: w.of(m.PlaceCall))
        await w.until(lambda: w.phone.loud_after(0) > 5, limit=1)
        w.ended("o1")
    assert len(orders(w)) == 1


@in_virtual_time
async def test_whoever_calls_us_is_greeted_at_once(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent=waits(20)) as w:
        await w.answered()
        await w.until(lambda: w.phone.loud_after(0) > 5, limit=1)
        w.ended()
    assert not notes(w)


@in_virtual_time
async def test_an_agent_without_a_greeting_is_told_nothing(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent={"greeting": None}) as w:
        await picked_up(w)
        await w.sleep(5)
        w.ended("o1")
    assert not orders(w)
    assert not notes(w)


@in_virtual_time
async def test_a_callee_who_speaks_into_the_late_greeting_interrupts_it(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, script=[HELLO, AHA]) as w:
        await picked_up(w)
        await w.until(lambda: w.phone.loud_after(0) > 5)
        await w.whistle(0.6)
        await w.sleep(2)
        await w.silence("o1")
        w.ended("o1")
    assert len(w.record.barge_in_stops) == 1
    assert len(orders(w)) == 1


@in_virtual_time
async def test_a_model_lost_while_we_listen_comes_back_with_the_greeting(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, script=[HELLO, AHA]) as w:
        await picked_up(w)
        w.model.drop()
        await w.until(lambda: w.state("o1") == "recovering")
        await w.until(lambda: w.state("o1") == "talking")
        await w.until(lambda: len(orders(w)) == 1)
        assert GREETING in orders(w)[0]
        await w.silence("o1")
        w.ended("o1")
    assert w.record.model_reconnects == 1


@in_virtual_time
async def test_a_model_lost_while_it_rings_knows_its_greeting_all_the_same(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, callee="", script=[HELLO, AHA]) as w:
        w.originate()
        await w.until(lambda: w.of(m.PlaceCall))
        w.model.drop()
        w.worker.message(w.media("o1"))
        w.worker.message(m.CallConfirmed(call="o1"))
        assert w.state("o1") == "listening"
        await w.until(lambda: len(w.models) == 2 and notes(w))
        await w.whistle(0.6)
        await w.until(lambda: w.phone.loud_after(0) > 5)
        await w.silence("o1")
        w.ended("o1")
    assert notes(w) == [f"{ANSWER_NOTE}{GREETING}"]
    assert not orders(w)


@in_virtual_time
async def test_a_later_session_does_not_greet_whoever_was_answered(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, script=[HELLO, AHA, AHA]) as w:
        await picked_up(w)
        await w.whistle(0.6)
        await w.until(lambda: w.phone.loud_after(0) > 5)
        await w.silence("o1")
        w.model.drop()
        await w.until(lambda: len(w.models) == 2 and orders(w))
        await w.silence("o1")
        w.ended("o1")
    assert not [order for order in orders(w) if GREETING in order]


@in_virtual_time
async def test_who_picks_up_elsewhere_is_waited_for_like_anybody(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, callee="", script=[HELLO, AHA]) as w:
        w.originate()
        await w.until(lambda: w.of(m.PlaceCall))
        w.worker.message(m.CallRinging(call="o1", status=180))
        w.worker.message(m.CallMoved(call="o1", by="replaces", sip_call_id="x", peer_uri="sip:carol@test"))
        w.worker.message(w.media("o1"))
        w.worker.message(m.CallConfirmed(call="o1"))
        assert w.state("o1") == "listening"
        await w.whistle(0.6)
        await w.until(lambda: w.phone.loud_after(0) > 5)
        await w.silence("o1")
        w.ended("o1")
    assert w.record.outcome == "completed"


@in_virtual_time
async def test_a_key_ends_the_wait(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, script=[HELLO, AHA]) as w:
        await picked_up(w)
        w.worker.message(m.CallDigit(call="o1", digit="5", duration_ms=100))
        assert w.state("o1") == "talking"
        await w.sleep(5)
        w.ended("o1")
    assert not [order for order in orders(w) if GREETING in order]


@in_virtual_time
async def test_a_recording_is_announced_before_the_answer(monkeypatch: Monkeypatch, tmp_path: Path) -> None:
    path = tmp_path / "announcement.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        hum = 8_000 * np.sin(2 * np.pi * 200 * np.arange(16_000) / 8_000)
        file.writeframes(hum.astype("<i2").tobytes())
    recording = {"mode": "always", "directory": str(tmp_path / "calls"), "announcement": str(path)}
    async with World(monkeypatch, agent={"recording": recording}, script=[AHA, HELLO]) as w:
        await picked_up(w)
        await w.sleep(0.5)
        spoke = w.loop.time()
        await w.whistle(0.6)
        await w.until(lambda: w.record_of("o1").recording)
        assert w.loop.time() - spoke > 2, "once the announcement has been heard"
        await w.until(lambda: len(orders(w)) == 1)
        assert GREETING in orders(w)[0], "what the model answered meanwhile was not heard"
        await w.until(lambda: w.phone.loud_after(w.loop.time() - 0.1) > 2)
        await w.silence("o1")
        w.ended("o1")


@in_virtual_time
async def test_the_limit_of_the_call_holds_while_we_listen(monkeypatch: Monkeypatch) -> None:
    agent = {**waits(30), "max_duration": "3s"}
    async with World(monkeypatch, agent=agent, script=[AHA]) as w:
        await picked_up(w)
        await w.until(lambda: w.records)
    assert LIMIT_SENTENCE in orders(w)[0]
    assert w.record.cause == "time_limit"


def test_all_that_can_happen_in_the_talk_can_happen_while_we_listen() -> None:
    """The same way out, except for what begins the talk, and what only comes after one."""
    own = {Event.CALLER_SPOKE, Event.SILENT_TOO_LONG, Event.MODEL_READY, Event.CONFIRMED, Event.TRANSFERRED}
    for (state, event), (following, effects) in TABLE.items():
        if state is State.TALKING and event not in own:
            there, then = step(State.LISTENING, event)
            assert then == effects
            assert there is following or (following is State.TALKING and there is State.LISTENING)
            assert CAUSES.get((State.LISTENING, event)) == CAUSES.get((State.TALKING, event))
