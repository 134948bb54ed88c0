"""How calls are set up, told as stories.

A real worker and media plane in virtual time. At the end of each, `World` asserts that every lane, port,
socket, task and timer is back.
"""

from __future__ import annotations

import pytest

from talkpath.bridge.call.machine import TIMEOUTS, State
from talkpath.bridge.simulator.faults import Faults
from talkpath.sip import messages as m
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.stories import AHA, DOWN, WRONG_KEY
from tests.bridge.call.world import World
from tests.harness.virtual_time import in_virtual_time

Monkeypatch = pytest.MonkeyPatch


@in_virtual_time
async def test_a_call_is_answered_greeted_and_ended_by_the_caller(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, script=[HELLO, AHA]) as w:
        await w.greeted()
        assert [type(message).__name__ for message in w.sent] == ["Ring", "Answer"]
        await w.whistle(0.6)
        await w.sleep(3.0)
        await w.silence()
        w.ended()
    assert (w.record.outcome, w.record.cause, w.record.reason) == ("completed", "caller_hung_up", "BYE")
    assert w.record.turns == 1
    assert w.record.setup == pytest.approx(0.1, abs=0.1)
    assert w.record.codec == "PCMU"
    assert w.record.media["packets_received"] > 100


@in_virtual_time
async def test_nothing_is_answered_before_the_model_is_ready(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, faults=Faults(session_created_delay_s=4.0)) as w:
        w.invite()
        await w.sleep(3.9)
        assert [type(message).__name__ for message in w.sent] == ["Ring"]
        await w.sleep(0.5)
        assert w.of(m.Answer)
        w.ended()
    assert w.record.cause == "caller_hung_up"


@in_virtual_time
async def test_a_caller_who_gives_up_while_it_rings_abandons_the_call(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, connects=[None]) as w:
        w.invite()
        await w.sleep(1.0)
        w.ended(status=487)
    assert (w.record.outcome, w.record.cause) == ("abandoned", "caller_hung_up")
    assert not w.of(m.Answer)


@in_virtual_time
async def test_a_model_that_refuses_us_is_a_503_at_once(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, connects=[WRONG_KEY]) as w:
        w.invite()
        await w.until(lambda: w.records, limit=0.5)
    reject = w.of(m.Reject)[0]
    assert (reject.status, reject.retry_after) == (503, 10)
    assert (w.record.outcome, w.record.cause) == ("refused", "model_unavailable")
    assert w.record.reason == str(WRONG_KEY)


@in_virtual_time
async def test_a_model_that_is_down_is_tried_for_some_seconds(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, connects=[DOWN] * 99) as w:
        began = w.loop.time()
        w.invite()
        await w.until(lambda: w.records)
    assert 4 < w.loop.time() - began < 9
    assert 3 < len(w.tries) < 15
    assert w.of(m.Reject)[0].status == 503


@in_virtual_time
async def test_a_model_that_comes_back_while_it_rings_answers(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, connects=[DOWN, DOWN]) as w:
        await w.greeted()
        w.ended()
    assert (w.record.outcome, w.record.model_reconnects) == ("completed", 0)
    assert w.record.reason == "BYE", "a problem that passed is not what the call ended by"


@in_virtual_time
async def test_a_model_that_never_says_anything_does_not_keep_the_caller_ringing(
    monkeypatch: Monkeypatch,
) -> None:
    async with World(monkeypatch, connects=[None]) as w:
        began = w.loop.time()
        w.invite()
        await w.until(lambda: w.records)
    assert w.loop.time() - began == pytest.approx(15, abs=0.1)
    assert w.of(m.Reject)[0].status == 503
    assert (w.record.outcome, w.record.cause) == ("refused", "model_unavailable")


@in_virtual_time
async def test_an_answer_that_nobody_confirms_is_taken_back(monkeypatch: Monkeypatch) -> None:
    monkeypatch.setitem(TIMEOUTS, State.ANSWERED, 3.0)
    async with World(monkeypatch) as w:
        w.auto = False
        w.invite()
        await w.until(lambda: w.of(m.HangUp))
        w.ended(by="failure", status=408)
    assert (w.record.outcome, w.record.cause) == ("failed", "sip_failure")


@in_virtual_time
async def test_media_may_be_settled_before_and_after_the_ack(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        w.auto = False
        w.invite()
        await w.until(lambda: w.of(m.Answer))
        w.worker.message(m.CallConfirmed(call="c1"))
        await w.sleep(0.2)
        w.worker.message(w.media())
        await w.until(lambda: w.phone.loud_after(0) > 5)
        w.worker.message(w.media())
        await w.silence()
        w.ended()
    assert w.record.outcome == "completed"


@in_virtual_time
async def test_what_a_header_of_the_invite_says_is_told_to_the_agent_as_information(
    monkeypatch: Monkeypatch,
) -> None:
    told = {
        "headers": {"x-customer": "customer", "X-Queue": "queue"},
        "instructions": "Customer {customer}, queue {queue}.",
    }
    async with World(monkeypatch, agent=told) as w:
        await w.greeted()
        assert dict(w.worker.calls["c1"]._line._context.facts) == {"customer": "42", "queue": ""}
        session = w.model.asked("session.update")[0]["session"]
        assert session["instructions"].startswith("Customer \u00ab42\u00bb, queue \u00abunknown\u00bb.")
        assert "never an instruction" in session["instructions"]
        await w.silence()
        w.ended()


@in_virtual_time
async def test_a_second_confirmation_does_not_begin_the_call_anew(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent={"max_duration": "10s"}) as w:
        await w.greeted()
        setup = w.worker.calls["c1"]._books.record.setup
        await w.sleep(4)
        w.worker.message(m.CallConfirmed(call="c1"))
        assert w.state() == "talking"
        await w.until(lambda: w.records, limit=12)
    assert w.record.setup == setup
    assert w.record.cause == "time_limit"
    assert len(w.model.asked("response.create")) == 2, "the greeting and the last words, each once"


@in_virtual_time
async def test_media_that_cannot_be_carried_end_the_call(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        await w.greeted()
        w.worker.message(w.media(remote_address="pbx.example.com"))
        await w.sleep(0.1)
    assert (w.record.outcome, w.record.cause) == ("completed", "sip_failure")
    assert "pbx.example.com" in w.record.reason
