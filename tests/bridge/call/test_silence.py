"""Stories of callers who say nothing, in virtual time."""

from __future__ import annotations

import pytest

from talkpath.bridge.call.patience import ANSWER_WAIT
from talkpath.bridge.call.sentences import LIMIT_SENTENCE, PRESENCE_SENTENCE, SILENCE_SENTENCE
from talkpath.bridge.call.transfer_order import TransferOrder
from talkpath.sip import messages as m
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.world import World, configuration
from tests.harness.virtual_time import in_virtual_time

Monkeypatch = pytest.MonkeyPatch

MONOLOGUE = {"reply": [{"monologue_s": 20}]}
AHA = {"reply": [{"say": "Aha."}]}
STILL_THERE = {"reply": [{"say": "Still there?"}]}
SOON = {"silence_timeout": "5s"}


def said(world: World) -> str:
    """What the newest model was told to say, all of it."""
    orders = world.model.asked("response.create")
    return " | ".join(order["response"].get("instructions", "") for order in orders)


async def asked(world: World) -> None:
    """A caller who has been greeted says nothing, until the agent asks."""
    await world.greeted()
    await world.until(lambda: world.state() == "asking")


@in_virtual_time
async def test_the_agent_asks_before_silence_ends_the_call(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent=SOON, script=[HELLO, STILL_THERE, AHA]) as w:
        await w.greeted()
        quiet = w.loop.time()
        await w.until(lambda: w.state() == "asking")
        assert w.loop.time() - quiet == pytest.approx(5, abs=0.2)
        assert PRESENCE_SENTENCE in said(w)
        assert SILENCE_SENTENCE not in said(w)
        await w.until(lambda: w.state() == "goodbye")
        assert w.phone.loud_after(quiet) > 20, "the question was heard"
        await w.until(lambda: w.records)
        assert SILENCE_SENTENCE in said(w)
    assert (w.record.outcome, w.record.cause) == ("completed", "silence")


@in_virtual_time
async def test_an_answer_is_waited_for_ten_seconds_after_the_question(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent={"silence_timeout": "1m"}, script=[HELLO, STILL_THERE, AHA]) as w:
        await w.greeted()
        await w.until(lambda: w.state() == "asking", limit=61)
        began = w.loop.time()
        await w.until(lambda: w.state() == "goodbye")
        spoken = w.phone.loud_after(began) * 0.02
        assert w.loop.time() - began == pytest.approx(ANSWER_WAIT + spoken, abs=0.5)
        await w.until(lambda: w.records)
    assert w.record.cause == "silence"


@in_virtual_time
async def test_silence_counts_from_the_ack_when_nobody_ever_speaks(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent={**SOON, "greeting": None}) as w:
        await w.answered()
        await w.until(lambda: w.state() == "asking", limit=5.2)
        await w.until(lambda: w.records)
    assert w.record.cause == "silence"


@in_virtual_time
async def test_a_caller_who_answers_the_question_stays(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent=SOON, script=[HELLO, STILL_THERE, AHA, STILL_THERE]) as w:
        await asked(w)
        await w.sleep(3)
        await w.whistle(0.6)
        assert w.state() == "talking"
        began = w.loop.time()
        await w.until(lambda: w.state() == "asking")
        assert w.loop.time() - began > 5, "the whole limit again"
        w.ended()
    assert w.record.cause == "caller_hung_up"


@in_virtual_time
async def test_a_key_is_an_answer(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent=SOON, script=[HELLO, STILL_THERE, AHA]) as w:
        await asked(w)
        w.worker.message(m.CallDigit(call="c1", digit="5", duration_ms=100))
        assert w.state() == "talking"
        await w.sleep(3)
        w.ended()
    assert w.record.cause == "caller_hung_up"


@in_virtual_time
async def test_a_model_that_is_lost_while_it_asks_comes_back_to_the_talk(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent=SOON, script=[HELLO, STILL_THERE, AHA]) as w:
        await asked(w)
        w.model.drop()
        await w.until(lambda: w.state() == "recovering")
        await w.until(lambda: w.state() == "talking")
        await w.until(lambda: w.state() == "asking")
        await w.until(lambda: w.records)
    assert (w.record.cause, w.record.model_reconnects) == ("silence", 1)


@in_virtual_time
async def test_the_limit_of_the_call_holds_while_the_agent_asks(monkeypatch: Monkeypatch) -> None:
    agent = {"silence_timeout": "8s", "max_duration": "13s"}
    async with World(monkeypatch, agent=agent, script=[HELLO, STILL_THERE, AHA]) as w:
        await asked(w)
        await w.until(lambda: w.state() == "time_up")
        assert LIMIT_SENTENCE in said(w)
        await w.until(lambda: w.records)
    assert w.record.cause == "time_limit"


@in_virtual_time
async def test_a_long_speech_is_no_silence(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent=SOON, script=[MONOLOGUE]) as w:
        await w.answered()
        await w.sleep(19)
        assert w.state() == "talking"
        w.phone.hertz = 700
        await w.sleep(11)
        assert w.state() == "talking"
        w.ended()
    assert w.record.cause == "caller_hung_up"


@in_virtual_time
async def test_whoever_speaks_into_the_words_about_silence_stays(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent=SOON, script=[HELLO, STILL_THERE, MONOLOGUE, AHA]) as w:
        await w.greeted()
        await w.until(lambda: w.state() == "goodbye")
        await w.sleep(1)
        await w.whistle(0.6)
        assert w.state() == "talking"
        await w.sleep(2)
        w.ended()
    assert w.record.cause == "caller_hung_up"


@in_virtual_time
async def test_an_operator_can_transfer_a_caller_who_is_asked(monkeypatch: Monkeypatch) -> None:
    config = configuration(SOON, sip={"outbound": {"allow": ["7??"]}})
    async with World(monkeypatch, config=config, script=[HELLO, STILL_THERE, AHA], callee="") as w:
        await asked(w)
        assert w.worker.calls["c1"].operator.transfer(TransferOrder(number="700")) is None
        await w.until(lambda: w.state() == "transferring")
        await w.sleep(6)
        assert w.state() == "transferring", "silence does not count there"
        w.ended()
    assert w.record.cause == "caller_hung_up"
