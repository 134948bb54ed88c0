"""Stories of transfers, through a real worker and media plane, in virtual time.

At the end of each, `World` asserts that every lane, port, socket, task and timer is back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from talkpath.sip import messages as m
from tests.bridge.call.transferring import (
    ACCEPT,
    BACK,
    BRIEF,
    DECLINE,
    DONE,
    asked,
    back_with_the_agent,
    consult,
    heard_by,
    told,
    world,
)
from tests.harness.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from tests.bridge.call.world import World

Monkeypatch = pytest.MonkeyPatch


# Blind ----------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_blind_transfer_ends_our_call_when_the_peer_reports_success(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, "blind") as w:
        await asked(w, DONE)
        await w.until(lambda: w.records)
    refer = w.of(m.Refer)[0]
    assert (refer.refer_to, refer.replaces_call) == ("sip:700@127.0.0.1:5060", "")
    assert len(w.of(m.HangUp)) == 1
    assert (w.record.outcome, w.record.cause) == ("transferred", "transferred")
    assert (w.record.transfer, w.record.transfer_target) == ("referred", "sales")
    account = w.record.account
    assert account is not None
    assert (account.outcome, account.cause, account.asked_by) == ("transferred", "referred", "agent")
    assert (account.reason, account.summary, account.accepted_by) == ("a bicycle", "Red.", "700")
    assert w.value("transfers_total", outcome="transferred", reason="referred") == 1


@in_virtual_time
async def test_the_refer_tells_what_the_configuration_wants(monkeypatch: Monkeypatch) -> None:
    agent = {"headers": {"X-Customer": "customer"}, "send_headers": {"X-Account": "customer"}}
    async with world(monkeypatch, "blind", agent=agent) as w:
        await asked(w, DONE)
        await w.until(lambda: w.records)
    assert w.of(m.Refer)[0].headers == w.of(m.HangUp)[0].headers == (("X-Account", "42"),)


@in_virtual_time
async def test_the_agents_words_are_heard_before_anything_moves(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, "blind") as w:
        await asked(w)
        since = w.loop.time()
        await w.until(lambda: w.of(m.Refer))
        assert w.phone.loud_after(since) > 20
        assert w.worker.calls["c1"]._phone.speechless
        w.ended()


@in_virtual_time
async def test_a_caller_whose_target_is_busy_is_back_with_an_agent_who_knows(
    monkeypatch: Monkeypatch,
) -> None:
    async with world(monkeypatch, "blind") as w:
        await asked(w, (("accepted", 202), ("done", 486)))
        await back_with_the_agent(w)
        answer = told(w)
    assert (answer["ok"], answer["outcome"]) == (False, "busy")
    assert (w.record.outcome, w.record.transfer) == ("completed", "busy")
    assert w.value("transfers_total", outcome="returned", reason="busy") == 1


@in_virtual_time
async def test_a_peer_that_refuses_refer_lets_us_call_and_bridge(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, "blind") as w:
        await asked(w, (("refused", 603),))
        await w.until(lambda: len(w.worker.plane) == 2 and not w.model.open)
        assert await heard_by(w.human, w.phone, w) > 40
        w.ended(consult(w))
        await w.until(lambda: w.records)
    assert (w.record.outcome, w.record.transfer) == ("transferred", "bridged")


@in_virtual_time
async def test_a_peer_that_accepts_and_says_nothing_gives_the_caller_back(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, "blind") as w:
        await asked(w, (("accepted", 202),))
        await back_with_the_agent(w)
    assert (w.record.outcome, w.record.transfer) == ("completed", "unconfirmed")


@in_virtual_time
async def test_a_success_that_is_told_late_still_counts(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, "blind") as w:
        await asked(w, (("accepted", 202),))
        await w.until(lambda: w.state() == "talking")
        w.worker.message(m.ReferProgress(call="c1", stage="done", status=200, reason="OK"))
        await w.until(lambda: w.records)
    assert (w.record.outcome, w.record.transfer) == ("transferred", "referred")


# Warm -----------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_human_who_accepts_gets_the_caller_by_replaces(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, briefing=(BRIEF, ACCEPT)) as w:
        await asked(w, DONE)
        await w.until(lambda: w.human.loud_after(0) > 20)  # the briefing
        call = consult(w)
        w.human.hertz = 700.0  # "yes"
        await w.sleep(0.6)
        w.human.hertz = 0.0
        await w.until(lambda: w.records)
    refer = w.of(m.Refer)[0]
    assert (refer.replaces_call, refer.refer_to) == (call, "")
    assert {message.call for message in w.of(m.HangUp)} == {"c1", call}
    assert (w.record.outcome, w.record.transfer) == ("transferred", "referred")


@in_virtual_time
async def test_no_model_hears_the_caller_while_they_wait(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        await asked(w)
        await w.until(lambda: w.human.loud_after(0) > 20)
        before = [len(model.heard) for model in w.models]
        await w.whistle(1.0)
        heard = [model.heard[count:] for model, count in zip(w.models, before, strict=True)]
        assert len(heard) == 2
        assert all(len(audio) > 7000 and set(audio) <= {0xFF, 0x7F} for audio in heard)
        w.ended()
        await w.until(lambda: w.records)
    assert w.record.transfer == "caller_left"


@in_virtual_time
async def test_a_peer_that_refuses_replaces_leaves_both_talking_through_us(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        await asked(w, (("refused", 405),))
        await w.until(lambda: w.human.loud_after(0) > 20)
        w.worker.message(m.CallDigit(call=consult(w), digit="1", duration_ms=100))
        await w.until(lambda: w.of(m.Refer))
        await w.sleep(0.5)
        assert await heard_by(w.human, w.phone, w) > 40
        assert await heard_by(w.phone, w.human, w) > 40
        assert not any(model.open for model in w.models)
        w.ended()
        await w.until(lambda: w.records)
    assert w.of(m.HangUp)[-1].call == consult(w)
    assert (w.record.outcome, w.record.cause) == ("transferred", "transferred")
    assert w.record.transfer == "bridged"
    assert w.record.media["frames_joined"] > 100


@in_virtual_time
async def test_lanes_of_different_laws_are_bridged(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, "bridge") as w:
        w.auto = True
        await asked(w)
        await w.until(lambda: w.of(m.PlaceCall))
        w.worker.message(w.media(consult(w), codec="PCMA", payload_type=8))
        await w.sleep(0.5)
        since = w.loop.time()
        await w.whistle(1.0)
        loud = [codes for at, codes in w.human.heard if at > since and set(codes) - {0xD5, 0x55}]
        assert 40 < len(loud) < 60
        w.ended()
        await w.until(lambda: w.records)


@in_virtual_time
async def test_what_a_human_who_declines_says_is_passed_on(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, briefing=(BRIEF, DECLINE)) as w:
        await asked(w)
        await w.until(lambda: w.human.loud_after(0) > 20)
        w.human.hertz = 700.0
        await w.sleep(0.6)
        w.human.hertz = 0.0
        await back_with_the_agent(w)
        answer = told(w)
    assert (answer["outcome"], answer["message_for_the_caller"]) == ("declined", "I call back at three.")
    assert [message.call for message in w.of(m.HangUp)] == [consult(w)]
    assert w.record.transfer == "declined"


@in_virtual_time
async def test_a_human_who_presses_the_other_key_declines(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        await asked(w)
        await w.until(lambda: w.human.loud_after(0) > 20)
        w.worker.message(m.CallDigit(call=consult(w), digit="5", duration_ms=100))
        assert w.state() == "transferring"
        w.worker.message(m.CallDigit(call=consult(w), digit="2", duration_ms=100))
        await back_with_the_agent(w)
    assert w.record.transfer == "declined"


@pytest.mark.parametrize(
    ("callee", "reason"), [("486", "busy"), ("408", "no_answer"), ("404", "unreachable")]
)
@in_virtual_time
async def test_a_target_that_does_not_answer_gives_the_caller_back(
    monkeypatch: Monkeypatch, callee: str, reason: str
) -> None:
    async with world(monkeypatch, callee=callee) as w:
        await asked(w)
        await back_with_the_agent(w)
        assert told(w)["outcome"] == reason
    assert w.record.transfer == reason
    assert not w.of(m.HangUp)


@in_virtual_time
async def test_several_destinations_are_tried_in_order(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, callee="486", target={"uri": ["700", "sip:701@elsewhere"]}) as w:
        await asked(w)
        await back_with_the_agent(w)
    assert [order.uri for order in w.of(m.PlaceCall)] == ["sip:700@127.0.0.1:5060", "sip:701@elsewhere"]
    assert len({order.call for order in w.of(m.PlaceCall)}) == 2


# Races ----------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_caller_who_hangs_up_while_it_rings_ends_both(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, callee="") as w:
        await asked(w)
        await w.until(lambda: w.of(m.PlaceCall))
        w.ended()
        await w.until(lambda: w.records)
    assert [message.call for message in w.of(m.HangUp)] == [consult(w)]
    assert (w.record.outcome, w.record.transfer) == ("completed", "caller_left")


@in_virtual_time
async def test_a_caller_who_hangs_up_after_the_202_may_have_been_joined(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        await asked(w, (("accepted", 202),))
        await w.until(lambda: w.human.loud_after(0) > 20)
        w.worker.message(m.CallDigit(call=consult(w), digit="1", duration_ms=100))
        await w.sleep(0.2)
        w.ended()
        await w.sleep(0.5)
        assert w.state() == "transferring"
        w.ended(consult(w))
        await w.until(lambda: w.records, limit=0.5)
    assert (w.record.outcome, w.record.transfer) == ("transferred", "unconfirmed")


@in_virtual_time
async def test_a_human_who_hangs_up_during_the_briefing_gives_the_caller_back(
    monkeypatch: Monkeypatch,
) -> None:
    async with world(monkeypatch) as w:
        await asked(w)
        await w.until(lambda: w.human.loud_after(0) > 10)
        w.ended(consult(w))
        await back_with_the_agent(w)
    assert w.record.transfer == "target_hung_up"
    assert not w.of(m.HangUp)


@in_virtual_time
async def test_an_agent_that_is_lost_meanwhile_comes_back_with_the_caller(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, callee="") as w:
        await asked(w)
        await w.until(lambda: w.of(m.PlaceCall))
        w.model.drop()
        await w.sleep(3.0)
        assert len(w.models) == 1
        w.script = [BACK]
        w.ended(consult(w), status=486)
        await back_with_the_agent(w)
        assert told(w)["outcome"] == "busy"
    assert len(w.models) == 2
    assert w.record.model_reconnects == 1


@in_virtual_time
async def test_an_agent_that_cannot_come_back_leaves_the_fallback(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, callee="") as w:
        await asked(w)
        await w.until(lambda: w.of(m.PlaceCall))
        w.model.drop()
        w._connects = [None]
        w.ended(consult(w), status=486)
        await w.until(lambda: w.state() == "fallback", limit=50)
        await w.until(lambda: w.records)
    assert w.record.cause == "model_lost"


@in_virtual_time
async def test_a_briefing_that_cannot_be_had_does_not_keep_the_human(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        await asked(w, DONE)
        w._connects = [lambda settings, frame, close: _dropped(w, settings, frame, close)]
        await w.until(lambda: w.records)
    assert w.record.transfer == "referred"


def _dropped(w: World, settings: Any, on_frame: Any, on_close: Any) -> Any:
    """A socket that goes at once."""
    made = w._simulator(settings, on_frame, on_close)
    w.loop.call_later(0.05, made.drop)
    return made


@in_virtual_time
async def test_the_operator_can_end_a_call_in_a_transfer(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, callee="") as w:
        await asked(w)
        await w.until(lambda: w.of(m.PlaceCall))
        w.worker.message(m.Stop())
        await w.until(lambda: w.records)
    assert {message.call for message in w.of(m.HangUp)} == {"c1", consult(w)}
    assert (w.record.cause, w.record.transfer) == ("draining", "stopping")


@in_virtual_time
async def test_a_bridge_is_ended_by_the_operator_as_a_transfer(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, "bridge") as w:
        await asked(w)
        await w.until(lambda: w.of(m.PlaceCall))
        await w.sleep(1.0)
        w.worker.message(m.Stop())
        await w.until(lambda: w.records)
    assert (w.record.outcome, w.record.transfer) == ("transferred", "bridged")


@in_virtual_time
async def test_the_sip_process_dies_in_a_transfer(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        await asked(w)
        await w.until(lambda: w.human.loud_after(0) > 10)
        w.worker.message(m.PeerLost(who="sip", calls=("c1", consult(w))))
        await w.until(lambda: w.records)
    assert (w.record.cause, w.record.transfer) == ("sip_process_lost", "sip_lost")


@in_virtual_time
async def test_without_a_second_lane_the_caller_stays_with_the_agent(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, lanes=1) as w:
        await asked(w)
        await back_with_the_agent(w)
    assert w.record.transfer == "unreachable"
    assert not w.of(m.PlaceCall)


@in_virtual_time
async def test_a_closed_target_is_refused_at_once(monkeypatch: Monkeypatch) -> None:
    closed = {"holidays": [f"{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 29)]}
    late = {"holidays": [*closed["holidays"], *(f"{month:02}-29" for month in range(1, 13))]}
    more = [f"{month:02}-30" for month in range(1, 13) if month != 2]
    last = [f"{month:02}-31" for month in (1, 3, 5, 7, 8, 10, 12)]
    target = {"holidays": [*late["holidays"], *more, *last], "timezone": "Europe/Berlin"}
    async with world(monkeypatch, target=target) as w:
        await w.greeted()
        await w.whistle(0.6)
        await w.until(lambda: w.record_of("c1").transfer)
        assert w.state() == "talking"
        await w.sleep(2.0)
        await w.silence()
        w.ended()
    assert w.record.transfer == "closed"
    assert w.value("transfers_total", outcome="refused", reason="closed") == 1
