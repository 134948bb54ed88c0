"""How agents end calls, told as stories.

A real worker and media plane in virtual time. At the end of each, `World` asserts that every lane, port,
socket, task and timer is back.
"""

from __future__ import annotations

import pytest

from talkpath.sip import messages as m
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.stories import AHA, goodbye
from tests.bridge.call.world import World
from tests.harness.virtual_time import in_virtual_time

Monkeypatch = pytest.MonkeyPatch


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
