"""Stories of holds of ours, through a real worker and media plane, in virtual time.

At the end of each, `World` asserts that every lane, port, socket, task and timer is back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from talkpath.bridge.call.caller_hold import BACK_NOTE, HELD_NOTE, PAUSE, TRIES
from talkpath.bridge.call.transfer_order import TransferOrder
from talkpath.sip import messages as m
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.test_operator import notes, operator
from tests.bridge.call.test_recording import announcement
from tests.bridge.call.transferring import ACCEPT, BACK, BRIEF, TRANSFER, asked, back_with_the_agent
from tests.bridge.call.world import World, configuration
from tests.harness.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Monkeypatch = pytest.MonkeyPatch
ANSWER = {"reply": [{"say": "Thank you for waiting, now where were we?"}]}
DONE = (("accepted", 202), ("done", 200))
PBX = {"name": "pbx", "match": ["192.0.2.0/24"]}


def world(
    monkeypatch: Monkeypatch,
    hold: str = "signal",
    *,
    agent: dict[str, Any] | None = None,
    script: Sequence[dict[str, Any]] = (HELLO, ANSWER, ANSWER),
    target: dict[str, Any] | None = None,
    **more: Any,
) -> World:
    """A call of a trunk that wants holds so; its agent may transfer to one target."""
    sales = {"name": "sales", "description": "Orders.", "uri": "700", **(target or {})}
    own = {"transfer": {"targets": ["sales"]}, **(agent or {})}
    sip = {"rtp_timeout": "10s"}
    config = configuration(own, targets=[sales], trunks=[{**PBX, "hold": hold}], sip=sip)
    made = World(monkeypatch, config=config, script=script, **more)
    made.invite = lambda call="c1", **facts: World.invite(made, call, trunk="pbx", **facts)  # type: ignore[method-assign]  # the calls of this world have a trunk
    return made


def holds(w: World) -> list[bool]:
    """What the SIP process was told: True for a hold, False for its end."""
    return [order.on for order in w.of(m.Hold)]


async def held(w: World) -> None:
    """The operator puts a caller on hold who has heard the greeting."""
    await w.greeted()
    assert operator(w).hold() is None
    await w.sleep(0.1)
    assert w.state() == "held"


# The operator -----------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_caller_on_hold_hears_a_sound_and_the_model_hears_and_says_nothing(
    monkeypatch: Monkeypatch,
) -> None:
    async with world(monkeypatch, "local") as w:
        await held(w)
        since, turns = w.loop.time(), len(w.model.asked("response.create"))
        await w.whistle(1.0)
        await w.sleep(2.0)
        assert w.phone.loud_after(since) > 20, "the comfort sound"
        assert len(w.model.asked("response.create")) == turns
        assert w.record_of("c1").turns == 0
        assert notes(w).count(("system", HELD_NOTE)) == 1
        assert operator(w).resume() is None
        since = w.loop.time()
        await w.until(lambda: w.phone.loud_after(since) > 20)
        assert w.state() == "talking"
        assert notes(w).count(("system", BACK_NOTE)) == 1
        await w.silence()
        await w.whistle(0.6)
        await w.until(lambda: w.record_of("c1").turns == 1)
        await w.silence()
        w.ended()
    assert holds(w) == []
    assert (w.record.holds, w.value("holds_total", result="local")) == (1, 1)


@in_virtual_time
async def test_a_signalled_hold_may_last_longer_than_the_caller_may_send_nothing(
    monkeypatch: Monkeypatch,
) -> None:
    async with world(monkeypatch) as w:
        await held(w)
        w.phone.gone = True  # as a PBX does that plays its own music
        await w.sleep(120.0)
        assert w.state() == "held"
        w.phone.gone = False
        assert operator(w).resume() is None
        await w.sleep(0.1)
        await w.silence()
        w.ended()
    assert holds(w) == [True, False]
    assert (w.record.holds, w.record.cause) == (1, "caller_hung_up")
    assert w.value("holds_total", result="agreed") == 1


@in_virtual_time
async def test_a_caller_who_sends_nothing_on_a_local_hold_is_given_up(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, "local") as w:
        await held(w)
        w.phone.gone = True
        await w.until(lambda: w.records)
    assert w.record.cause == "no_media"


@in_virtual_time
async def test_a_peer_that_refuses_is_held_with_the_comfort_sound(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        w.hold_status = 488
        await held(w)
        since = w.loop.time()
        await w.sleep(1.0)
        assert w.phone.loud_after(since) > 20
        w.hold_status = 200
        assert operator(w).resume() is None
        await w.sleep(1.0)
        w.ended()
    assert w.value("holds_total", result="refused") == 1
    assert w.value("holds_total", result="agreed") == 0


@in_virtual_time
async def test_a_peer_that_will_not_be_taken_back_is_asked_again(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        await held(w)
        w.hold_status = 500
        assert operator(w).resume() is None
        await w.sleep((TRIES + 2) * PAUSE)
        assert holds(w) == [True, *[False] * (TRIES + 1)]
        w.ended()
    assert w.value("holds_total", result="not_resumed") == TRIES + 1


@in_virtual_time
async def test_a_new_hold_ends_the_tries_to_take_the_caller_back(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        await held(w)
        w.hold_status = 500
        assert operator(w).resume() is None
        await w.sleep(0.1)
        await w.silence()
        w.hold_status = 200
        assert operator(w).hold() is None
        await w.sleep(3 * PAUSE)
        assert holds(w) == [True, False, True]
        w.ended()
    assert w.record.holds == 2


@in_virtual_time
async def test_what_cannot_be_held_or_given_back_is_denied(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        await w.greeted()
        denial = operator(w).resume()
        assert denial is not None
        assert denial.code == "not_now"
        assert operator(w).hold() is None
        again = operator(w).hold()
        assert again is not None
        assert again.sentence == "The caller is on hold already."
        assert operator(w).press("1") is not None
        operator(w).hang_up()
        assert operator(w).hold() is not None
        await w.until(lambda: w.records)
    assert w.record.cause == "operator"
    assert holds(w) == [True]


@in_virtual_time
async def test_a_caller_who_hangs_up_on_hold_is_gone(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        await held(w)
        w.ended()
    assert (w.record.outcome, w.record.cause, w.record.holds) == ("completed", "caller_hung_up", 1)


@in_virtual_time
async def test_keys_of_a_caller_on_hold_reach_no_model(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        await held(w)
        before = len(w.model.asked("conversation.item.create"))
        w.worker.message(m.CallDigit(call="c1", digit="5", duration_ms=100))
        await w.sleep(5.0)
        assert len(w.model.asked("conversation.item.create")) == before
        w.ended()
    assert w.record.digits == 1


@in_virtual_time
async def test_a_model_that_drops_on_hold_is_missed_only_when_the_caller_is_back(
    monkeypatch: Monkeypatch,
) -> None:
    async with world(monkeypatch) as w:
        await held(w)
        w.model.drop()
        await w.sleep(30.0)
        assert (w.state(), len(w.models)) == ("held", 1)
        assert operator(w).resume() is None
        assert w.state() == "recovering"
        await w.until(lambda: w.state() == "talking")
        await w.silence()
        assert len(w.models) == 2
        w.ended()
    assert holds(w) == [True, False]


@in_virtual_time
async def test_the_longest_duration_ends_a_hold_that_was_forgotten(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, agent={"max_duration": "1m"}) as w:
        await held(w)
        await w.until(lambda: w.records, limit=120.0)
    assert w.record.cause == "time_limit"
    assert holds(w) == [True, False]


@in_virtual_time
async def test_a_held_caller_is_transferred_by_the_operator_and_held_once(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        w.briefing, w.refer = (BRIEF, ACCEPT), DONE
        await held(w)
        assert operator(w).transfer(TransferOrder(target="sales")) is None
        await w.until(lambda: w.human.loud_after(0) > 20)
        w.human.hertz = 700.0
        await w.sleep(0.6)
        w.human.hertz = 0.0
        await w.until(lambda: w.records)
    assert (w.record.outcome, w.record.holds) == ("transferred", 1)
    assert holds(w) == [True], "a caller who is with the human is not taken back"


@in_virtual_time
async def test_a_held_caller_whose_transfer_fails_is_the_agents_again(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, callee="486") as w:
        await held(w)
        assert operator(w).transfer(TransferOrder(target="sales")) is None
        await w.until(lambda: w.state() == "talking")
        await w.silence()
        w.ended()
    assert holds(w) == [True, False]


# Transfers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hold", "orders"), [("signal", [True, False]), ("local", [])])
@in_virtual_time
async def test_a_caller_is_held_while_a_human_is_called(
    monkeypatch: Monkeypatch, hold: str, orders: list[bool]
) -> None:
    async with world(monkeypatch, hold, script=[HELLO, TRANSFER, BACK], callee="486") as w:
        await asked(w)
        await back_with_the_agent(w)
    assert holds(w) == orders
    assert w.record.holds == 1


@in_virtual_time
async def test_an_announcement_waits_until_the_caller_is_back(
    monkeypatch: Monkeypatch, tmp_path: Path
) -> None:
    target = {"last_resort": {"announcement": announcement(tmp_path)}}
    async with world(monkeypatch, script=[HELLO, TRANSFER, BACK], callee="486", target=target) as w:
        w.hold_status = 0  # no answer yet
        await asked(w)
        await w.until(lambda: False in holds(w))
        w.worker.message(m.HoldAnswered(call="c1", on=True, status=200, reason="OK"))
        since = w.loop.time() + 0.1
        await w.sleep(5.0)
        assert not w.phone.loud_after(since)
        w.worker.message(m.HoldAnswered(call="c1", on=False, status=200, reason="OK"))
        await w.until(lambda: w.phone.loud_after(since) > 20)
        await back_with_the_agent(w)


@in_virtual_time
async def test_a_bridge_after_a_refused_refer_takes_the_caller_back_first(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, script=[HELLO, TRANSFER, BACK], target={"mode": "bridge"}) as w:
        await asked(w)
        await w.until(lambda: w.state() == "transferring" and False in holds(w))
        await w.sleep(1.0)
        since = w.loop.time()
        w.phone.hertz = 700.0
        await w.until(lambda: w.human.loud_after(since) > 20)
        w.phone.hertz = 0.0
        w.ended()
        await w.until(lambda: w.records)
    assert holds(w) == [True, False]
    assert w.record.transfer == "bridged"
