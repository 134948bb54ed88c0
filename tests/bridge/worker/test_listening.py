"""Listening to the calls of a worker: talking, held, handed to a human; and nothing of it is left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from talkpath.sip import messages as m
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.transferring import TRANSFER, asked
from tests.bridge.call.world import World, configuration
from tests.harness.virtual_time import in_virtual_time

Monkeypatch = pytest.MonkeyPatch
API = {"operate": {"alice": "x" * 24}, "listen": ["alice"]}


def ask(w: World, *, on: bool = True, listener: int = 1, call: str = "c1") -> m.OrderAnswered:
    """Somebody begins to listen, or stops."""
    order = m.ListenCall(call=call, request=len(w.sent), listener=listener, who="alice", on=on)
    w.worker.message(order)
    answer: m.OrderAnswered = w.of(m.OrderAnswered)[-1]
    return answer


def heard(w: World) -> Any:
    """All that was sent to listeners (n, 2), as samples of caller and agent."""
    sound = b"".join(piece.samples for piece in w.of(m.CallSound))
    return np.frombuffer(sound, "<i2").reshape(-1, 2)


def loud(samples: Any) -> list[bool]:
    """Whether caller and agent are heard."""
    return [bool(np.abs(side.astype(np.int32)).max(initial=0) > 1_000) for side in samples.T]


@in_virtual_time
async def test_both_voices_are_heard_while_somebody_listens_and_not_a_moment_longer(
    monkeypatch: Monkeypatch,
) -> None:
    async with World(monkeypatch, config=configuration(api=API)) as w:
        await w.answered()
        assert w.of(m.CallSound) == []
        assert ask(w).verdict == "done"
        await w.until(lambda: w.phone.loud_after(0) > 5)
        await w.whistle(1.0)
        assert loud(heard(w)) == [True, True]
        w.ended()
    assert not w.worker.plane.tap.active


@in_virtual_time
async def test_the_tap_goes_with_the_last_listener(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, config=configuration(api=API)) as w:
        await w.greeted()
        ask(w, listener=1)
        ask(w, listener=2)
        ask(w, listener=1, on=False)
        await w.sleep(1.0)
        seconds = len(heard(w)) / 8_000
        assert seconds == pytest.approx(1.0, abs=0.08), "one tap, however many listen"
        ask(w, listener=2, on=False)
        ask(w, listener=2, on=False)
        assert not w.worker.plane.tap.active
        count = len(w.of(m.CallSound))
        await w.sleep(1.0)
        assert len(w.of(m.CallSound)) == count
        w.ended()


@in_virtual_time
async def test_a_call_that_is_over_cannot_be_listened_to(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, config=configuration(api=API)) as w:
        assert ask(w).verdict == "no_call"
        await w.greeted()
        ask(w)
        w.ended()
        assert ask(w, on=False).verdict == "no_call"


@in_virtual_time
async def test_a_held_call_is_heard_in_real_time(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, config=configuration(api=API)) as w:
        await w.greeted()
        ask(w)
        w.worker.message(w.media(receives=False))
        await w.sleep(2.0)
        assert len(heard(w)) / 8_000 == pytest.approx(2.0, abs=0.08)
        w.ended()


@in_virtual_time
async def test_a_human_who_took_the_call_is_heard_in_the_place_of_the_agent(monkeypatch: Monkeypatch) -> None:
    target = {"name": "sales", "description": "Orders.", "uri": "700", "mode": "bridge"}
    config = configuration({"transfer": {"targets": ["sales"]}}, targets=[target], api=API)
    async with World(monkeypatch, config=config, script=[HELLO, TRANSFER]) as w:
        await asked(w)
        await w.until(lambda: len(w.worker.plane) == 2 and not any(model.open for model in w.models))
        assert ask(w).verdict == "done"
        w.human.hertz = 400.0
        await w.whistle(1.0)
        assert loud(heard(w)) == [True, True]
        w.ended()


@in_virtual_time
async def test_who_listened_stands_in_the_steps_of_the_call(monkeypatch: Monkeypatch) -> None:
    records = {"url": "sqlite:///unused.db"}
    async with World(monkeypatch, config=configuration(api=API, records=records)) as w:
        await w.greeted()
        ask(w)
        ask(w, on=False)
        journal = w.worker.calls["c1"].record.journal
        assert journal is not None
        w.ended()
    steps = [(step.name, step.detail) for step in journal.parts()["moments"]]
    assert ("listening", "alice") in steps
    assert ("listening ends", "alice") in steps


@in_virtual_time
async def test_a_supervisor_that_does_not_keep_up_costs_sound_and_it_is_counted(
    monkeypatch: Monkeypatch,
) -> None:
    async with World(monkeypatch, config=configuration(api=API)) as w:
        await w.greeted()
        w.worker._ears._backlog = lambda: 1_000
        ask(w)
        await w.sleep(1.0)
        assert w.of(m.CallSound) == []
        assert w.value("listening_dropped_total", cause="backlog") >= 15
        w.ended()
