"""Callers whom a blind transfer gives away, and who come back by a new call, in virtual time."""

from __future__ import annotations

from typing import Any

import pytest

from talkpath.bridge.transfer.comebacks import Comebacks
from talkpath.sip import messages as m
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.transferring import BACK, TRANSFER
from tests.bridge.call.world import World, configuration
from tests.harness.incoming import incoming
from tests.harness.virtual_time import in_virtual_time

Monkeypatch = pytest.MonkeyPatch

CALLER = {"trunk": "pbx", "from_uri": "sip:4711@pbx"}


def world(monkeypatch: Monkeypatch, **transfer: Any) -> World:
    """A call of a trunk whose agent transfers in its second turn, blindly."""
    target = {"name": "sales", "description": "Orders.", "uri": "700", "mode": "blind"}
    own = {"greeting": "Welcome to the shop.", "transfer": {"targets": ["sales"], **transfer}}
    trunk = {"name": "pbx", "match": ["127.0.0.1"]}
    config = configuration(own, targets=[target], trunks=[trunk])
    return World(monkeypatch, config=config, script=[HELLO, TRANSFER, BACK])


async def given_away(w: World, *refer: tuple[str, int]) -> None:
    """The agent has asked the peer to take the caller, who is told about as said."""
    w.refer = refer
    w.invite("c1", **CALLER)
    await w.until(lambda: w.of(m.Answer))
    await w.until(lambda: w.phone.loud_after(0) > 5)
    await w.silence()
    await w.whistle(0.6)
    await w.until(lambda: w.of(m.Refer))


def remembered(w: World) -> Comebacks:
    """The supervisor's memory, with what it was told so far."""
    memory = Comebacks()
    for message in w.sent:
        if isinstance(message, m.Handover | m.HandoverEnded):
            memory.take(message, w.loop.time())
    return memory


async def back(w: World) -> None:
    """The same caller calls again, and the agent speaks first."""
    first = incoming("c2", trunk=CALLER["trunk"], from_uri=CALLER["from_uri"])
    w.worker.message(remembered(w).recognise(first, w.loop.time()))
    await w.until(lambda: w.worker.calls["c2"].state.value == "talking")


def ends(w: World) -> list[str]:
    """What the supervisor was told about the ends of transfers."""
    return [message.end for message in w.of(m.HandoverEnded)]


@in_virtual_time
async def test_an_agent_goes_on_where_it_was_with_a_caller_nobody_took(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        await given_away(w, ("accepted", 202), ("trying", 100))
        w.ended("c1")
        await w.until(lambda: len(w.records) == 1)
        await back(w)
        settings = w.models[-1].settings
        await w.until(lambda: w.models[-1].asked("response.create"))
        w.ended("c2")
    assert ends(w) == ["lost"]
    assert settings.greeting_mode == "own_words"
    assert "Welcome to the shop" not in settings.greeting
    assert settings.instructions.startswith("Be kind.\n\nThe caller of this call is back")
    for part in ("Nobody took the call there.", "Reason: a bicycle", "Summary: Red.", "Agent: "):
        assert part in settings.instructions
    (asked,) = w.models[-1].asked("response.create")
    assert "Do not welcome them again" in asked["response"]["instructions"]
    assert w.value("callers_back_total") == 1


@in_virtual_time
async def test_a_call_that_was_reported_taken_is_told_so(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        await given_away(w, ("accepted", 202), ("done", 200))
        await w.until(lambda: w.records)
        await back(w)
        text = w.models[-1].settings.instructions
        w.ended("c2")
    assert ends(w) == ["taken"]
    assert "reported that the call was put through" in text


@in_virtual_time
async def test_a_caller_whom_the_peer_has_given_back_is_not_waited_for(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        await given_away(w, ("accepted", 202), ("done", 486))
        await w.until(lambda: w.state() == "talking")
        assert ends(w) == ["back"]
        assert len(remembered(w)) == 0
        w.ended("c1")


@in_virtual_time
async def test_a_caller_whom_the_peer_has_kept_is_waited_for(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        await given_away(w, ("accepted", 202), ("trying", 100))
        w.phone.gone = True
        await w.sleep(1.0)
        w.worker.message(m.ReferProgress(call="c1", stage="done", status=486, reason="Busy"))
        await w.until(lambda: w.records, limit=90)
        assert (w.record.cause, ends(w)) == ("no_media", ["lost"])
        assert len(remembered(w)) == 1


@in_virtual_time
async def test_a_peer_that_refuses_has_given_nobody_away(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        await given_away(w, ("refused", 603))
        await w.until(lambda: ends(w))
        assert ends(w) == ["back"]
        w.ended("c1")
        await w.until(lambda: w.records, limit=90)
    assert ends(w) == ["back"]


@in_virtual_time
async def test_nothing_is_remembered_where_that_is_switched_off(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, remember_caller="0s") as w:
        await given_away(w, ("accepted", 202), ("done", 200))
        await w.until(lambda: w.records)
    assert not w.of(m.Handover)
    assert ends(w) == []


@in_virtual_time
async def test_a_caller_who_is_new_is_greeted_as_ever(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        await back(w)
        assert w.models[-1].settings.greeting == "Welcome to the shop."
        w.ended("c2")
    assert w.value("callers_back_total") == 0
