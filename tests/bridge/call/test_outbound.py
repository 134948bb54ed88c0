"""Calls of ours, told as stories.

A real worker and media plane in virtual time. At the end of each, `World` asserts that every lane, port,
socket, task and timer is back.
"""

from __future__ import annotations

import pytest

from talkpath.bridge.call.machine import TIMEOUTS, State
from talkpath.sip import messages as m
from tests.bridge.call.stories import WRONG_KEY
from tests.bridge.call.world import World
from tests.harness.virtual_time import in_virtual_time

Monkeypatch = pytest.MonkeyPatch


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
