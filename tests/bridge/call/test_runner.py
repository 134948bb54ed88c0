"""Stories of calls, through a real worker and media plane, in virtual time.

At the end of each, `World` asserts that every lane, port, socket, task and timer is back.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from talkpath.bridge.call.machine import TIMEOUTS, Event, State
from talkpath.bridge.call.sentences import (
    LIMIT_SENTENCE,
    RESUME_SENTENCE,
)
from talkpath.bridge.realtime.connect_errors import ConnectError
from talkpath.bridge.realtime.settings import Deadlines
from talkpath.bridge.realtime.tools import CallContext  # noqa: TC001 - a tool's hints are read at run time
from talkpath.bridge.simulator.faults import Faults
from talkpath.sip import messages as m
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.world import World, configuration
from tests.harness.virtual_time import in_virtual_time

Monkeypatch = pytest.MonkeyPatch

DOWN = ConnectError("unreachable", "No connection to the model server.", retryable=True)
WRONG_KEY = ConnectError("http_401", "The model server refused the key.", retryable=False)

MONOLOGUE = {"reply": [{"monologue_s": 20}]}
AHA = {"reply": [{"say": "Aha."}]}


def goodbye(*before: dict[str, Any]) -> dict[str, Any]:
    """A turn in which the model hangs up."""
    return {"reply": [*before, {"call": "hang_up", "arguments": {"reason": "done"}}]}


def said(world: World) -> str:
    """What the newest model was told to say, all of it."""
    orders = world.model.asked("response.create")
    return " | ".join(order["response"].get("instructions", "") for order in orders)


# Set-up ---------------------------------------------------------------------------------------------


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

    async with World(monkeypatch) as w:
        await w.greeted()
        w.worker.message(w.media(codec="OPUS"))
        await w.sleep(0.1)
    assert "OPUS" in w.record.reason


# The end by the agent -------------------------------------------------------------------------------


@in_virtual_time
async def test_a_goodbye_is_played_to_its_end_before_we_hang_up(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, script=[HELLO, goodbye({"say": "Thank you for calling. Goodbye!"})]) as w:
        await w.greeted()
        await w.whistle(0.6)
        began = w.loop.time()
        await w.until(lambda: w.state() == "goodbye")
        await w.until(lambda: w.records)
        # 31 characters at 15 a second: a tone ladder of 2.07 s, to the last frame.
        assert 100 <= w.phone.loud_after(began) <= 106
    assert (w.record.outcome, w.record.cause) == ("completed", "agent_hung_up")
    assert w.of(m.HangUp)[0].reason == "agent hung up"


@in_virtual_time
async def test_a_model_that_hangs_up_without_a_word_is_asked_for_a_goodbye(monkeypatch: Monkeypatch) -> None:
    farewell = {"reply": [{"say": "Goodbye!"}], "output_of": "hang_up"}
    async with World(monkeypatch, script=[HELLO, goodbye(), farewell]) as w:
        await w.greeted()
        await w.whistle(0.6)
        began = w.loop.time()
        await w.until(lambda: w.records)
        assert w.phone.loud_after(began) > 20
    assert w.record.cause == "agent_hung_up"


@in_virtual_time
async def test_a_caller_who_interrupts_the_goodbye_goes_on_talking(monkeypatch: Monkeypatch) -> None:
    long_goodbye = goodbye({"say": "Thank you for calling, it was a pleasure, have a good day. Goodbye!"})
    async with World(monkeypatch, script=[HELLO, long_goodbye, AHA]) as w:
        await w.greeted()
        await w.whistle(0.6)
        await w.until(lambda: w.state() == "goodbye")
        await w.sleep(1.0)
        await w.whistle(0.6)
        assert w.state() == "talking"
        await w.sleep(5)
        assert w.state() == "talking"
        w.ended()
    assert w.record.cause == "caller_hung_up", "the hang-up was taken back"
    assert len(w.record.barge_in_stops) == 1


@in_virtual_time
async def test_a_key_in_the_goodbye_keeps_the_call(monkeypatch: Monkeypatch) -> None:
    long_goodbye = goodbye({"say": "Thank you for calling, it was a pleasure, have a good day. Goodbye!"})
    async with World(monkeypatch, script=[HELLO, long_goodbye, AHA]) as w:
        await w.greeted()
        await w.whistle(0.6)
        await w.until(lambda: w.state() == "goodbye")
        w.worker.message(m.CallDigit(call="c1", digit="5", duration_ms=100))
        assert w.state() == "talking"
        await w.sleep(5)
        w.ended()
    assert w.record.cause == "caller_hung_up"


@in_virtual_time
async def test_a_goodbye_whose_session_drops_is_still_heard(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, script=[HELLO, goodbye({"say": "Thank you for calling. Goodbye!"})]) as w:
        await w.greeted()
        await w.whistle(0.6)
        began = w.loop.time()
        await w.until(lambda: w.state() == "goodbye")
        w.model.drop()
        await w.until(lambda: w.records)
        assert w.phone.loud_after(began) > 80
        assert len(w.models) == 1
    assert (w.record.outcome, w.record.cause) == ("completed", "agent_hung_up")


@in_virtual_time
async def test_last_words_that_were_never_spoken_do_not_keep_the_caller(monkeypatch: Monkeypatch) -> None:
    """The session drops between the order for the goodbye and its first sound."""
    async with World(monkeypatch, script=[HELLO, goodbye()]) as w:
        await w.greeted()
        await w.whistle(0.6)
        await w.until(lambda: w.state() == "goodbye")
        w.model.drop()
        await w.until(lambda: w.records, limit=0.5)
    assert w.record.cause == "agent_hung_up"


# The model is lost ----------------------------------------------------------------------------------


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


# Limits ---------------------------------------------------------------------------------------------


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


# Keys, tools, hold ----------------------------------------------------------------------------------


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


# From outside ---------------------------------------------------------------------------------------


@in_virtual_time
async def test_the_loss_of_the_sip_process_ends_the_call(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        await w.greeted()
        w.worker.message(m.PeerLost(who="sip", calls=("c1", "unknown")))
    assert (w.record.outcome, w.record.cause) == ("failed", "sip_process_lost")
    assert not w.of(m.HangUp)


@in_virtual_time
async def test_stop_hangs_up_and_refuses_new_calls(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, connects=[None]) as w:
        w._connects.insert(0, w._simulator)
        await w.greeted()
        w.invite("c2")
        await w.sleep(0.1)
        w.worker.message(m.Stop(reason="shutting down"))
        await w.sleep(0.1)
        assert len(w.records) == 2
        w.invite("c3")
    causes = {record.call: (record.outcome, record.cause) for record in w.records}
    assert causes == {"c1": ("completed", "draining"), "c2": ("refused", "draining")}
    assert {reject.call: reject.status for reject in w.of(m.Reject)} == {"c2": 503, "c3": 503}


@in_virtual_time
async def test_a_dialog_that_nobody_ends_is_given_up(monkeypatch: Monkeypatch) -> None:
    monkeypatch.setitem(TIMEOUTS, State.ENDING, 3.0)
    async with World(monkeypatch) as w:
        await w.greeted()
        w.auto = False
        w.worker.message(m.Stop())
        assert w.state() == "ending"
        await w.until(lambda: w.records, limit=4)
    assert w.record.cause == "draining"


@in_virtual_time
async def test_an_error_in_one_call_ends_that_call_only(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        await w.greeted("c1")
        w.sent.clear()
        await w.answered("c2")
        monkeypatch.setattr(w.worker.calls["c1"]._line, "expires_soon", lambda: 1 / 0)
        w.worker.calls["c1"]._line.leg.session._timers.set("expiry", w.loop.time() + 0.1)  # type: ignore[union-attr]  # it has one
        w.worker.calls["c1"]._line.leg._arm()  # type: ignore[union-attr]  # it has one
        await w.sleep(0.3)
        assert w.state("c1") == "ended"
        assert w.state("c2") == "talking"
        assert w.of(m.HangUp)[0].call == "c1"
        assert w.internal_errors() == 1
        w.ended("c2")
        w.expected_errors = 1
    assert (w.records[0].outcome, w.records[0].cause) == ("failed", "internal_error")
    assert w.records[1].outcome == "completed"


# Outbound -------------------------------------------------------------------------------------------


@in_virtual_time
async def test_an_ordered_call_is_dialled_when_the_model_is_ready(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        w.originate()
        assert not w.sent
        await w.until(lambda: w.of(m.PlaceCall))
        assert w.of(m.PlaceCall)[0].uri == "sip:bob@test"
        await w.until(lambda: w.phone.loud_after(0) > 5)
        await w.silence("o1")
        w.ended("o1")
    assert (w.record.direction, w.record.outcome, w.record.cause) == (
        "outbound",
        "completed",
        "caller_hung_up",
    )
    assert not w.of(m.CallEnded), "the SIP process has told of the end"


@pytest.mark.parametrize(
    ("status", "outcome", "cause"),
    [("486", "abandoned", "no_answer"), ("603", "abandoned", "no_answer"), ("404", "failed", "sip_failure")],
)
@in_virtual_time
async def test_a_callee_who_does_not_take_the_call(
    monkeypatch: Monkeypatch, status: str, outcome: str, cause: str
) -> None:
    async with World(monkeypatch, callee=status) as w:
        w.originate()
        await w.until(lambda: w.records)
    assert (w.record.outcome, w.record.cause, w.record.sip_status) == (outcome, cause, int(status))


@in_virtual_time
async def test_the_ringing_of_the_callee_is_not_taken_for_speech(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, callee="") as w:
        w.originate()
        await w.until(lambda: w.of(m.PlaceCall))
        w.worker.message(w.media("o1"))
        await w.whistle(3.0, hertz=425)
        assert not w.model.heard
        w.worker.message(m.CallConfirmed(call="o1"))
        await w.sleep(1)
        assert w.model.heard
        w.ended("o1")
    assert w.record.setup == pytest.approx(3.0, abs=0.1), "counted from our INVITE"


@in_virtual_time
async def test_whoever_ordered_a_call_hears_of_its_end_without_a_dialog(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, connects=[WRONG_KEY]) as w:
        w.originate()
        await w.until(lambda: w.records)
        assert w.of(m.CallEnded)[0].call == "o1"
        assert w.of(m.CallEnded)[0].reason == str(WRONG_KEY)
    assert (w.record.outcome, w.record.cause) == ("failed", "model_unavailable")


@in_virtual_time
async def test_nobody_answers_and_nobody_says_so(monkeypatch: Monkeypatch) -> None:
    monkeypatch.setitem(TIMEOUTS, State.DIALING, 3.0)
    async with World(monkeypatch, callee="") as w:
        w.originate()
        await w.until(lambda: w.records, limit=4)
        assert w.of(m.HangUp)
    assert (w.record.outcome, w.record.cause) == ("abandoned", "no_answer")
