"""More stories of transfers: last resorts, limits, what crosses on the wire, what goes on after a join."""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkpath.bridge.transfer.tool import TRANSFER_TOOL
from talkpath.sip import messages as m
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.transferring import (
    BACK,
    BRIEF,
    DONE,
    TRANSFER,
    asked,
    back_with_the_agent,
    consult,
    told,
    world,
)
from tests.bridge.call.world import World, configuration
from tests.bridge.recording.sound import read
from tests.harness.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from pathlib import Path

Monkeypatch = pytest.MonkeyPatch
ACCEPTED = "1"
TONE_HZ = 700.0


def press(w: World, call: str, digit: str) -> None:
    """Somebody presses a key."""
    w.worker.message(m.CallDigit(call=call, digit=digit, duration_ms=100))


async def briefed(w: World) -> str:
    """The human has picked up and hears the briefing; returns the id of their leg."""
    await w.until(lambda: w.human.loud_after(0) > 20)
    return consult(w)


async def joined(w: World) -> str:
    """Caller and human talk through us."""
    await w.until(lambda: len(w.worker.plane) == 2 and not any(model.open for model in w.models))
    return consult(w)


def only_file(folder: Path) -> Path:
    """The one recording."""
    (path,) = folder.iterdir()
    return path


# Last resorts ---------------------------------------------------------------------------------------


@in_virtual_time
async def test_when_nobody_answers_the_extension_of_last_resort_is_called(monkeypatch: Monkeypatch) -> None:
    target = {"uri": ["700", "701"], "last_resort": {"uri": "799"}}
    async with world(monkeypatch, callee="486", target=target) as w:
        await asked(w)
        await back_with_the_agent(w)
    called = [order.uri.partition("@")[0] for order in w.of(m.PlaceCall)]
    assert called == ["sip:700", "sip:701", "sip:799"]
    assert w.record.transfer == "busy"


@in_virtual_time
async def test_an_announcement_of_last_resort_is_heard_before_the_agent_is_back(
    monkeypatch: Monkeypatch, tmp_path: Path
) -> None:
    sound = tmp_path / "nobody.wav"
    hum = 8_000 * np.sin(2 * np.pi * 200 * np.arange(8_000) / 8_000)
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(hum.astype("<i2").tobytes())
    target = {"last_resort": {"announcement": str(sound)}}
    async with world(monkeypatch, callee="480", target=target) as w:
        await asked(w)
        steps = w.worker.calls["c1"]._desk
        await w.until(lambda: steps._active is not None and steps._active._course.state.value == "announcing")
        since = w.loop.time()
        await w.until(lambda: w.state() == "talking")
        assert 45 <= w.phone.loud_after(since) <= 55
        await back_with_the_agent(w)
    assert w.record.transfer == "no_answer"


# Limits ---------------------------------------------------------------------------------------------


@in_virtual_time
async def test_the_longest_duration_waits_for_the_end_of_a_transfer(monkeypatch: Monkeypatch) -> None:
    own = {"transfer": {"targets": ["sales"]}, "max_duration": "8s"}
    config = configuration(own, targets=[{"name": "sales", "description": "Orders.", "uri": "700"}])
    async with World(monkeypatch, config=config, callee="", script=[HELLO, TRANSFER, BACK]) as w:
        await asked(w)
        await w.until(lambda: w.of(m.PlaceCall))
        await w.sleep(15.0)
        assert w.state() == "transferring"
        w.ended(consult(w), status=486, by="failure")
        await w.until(lambda: w.records)
    assert (w.record.cause, w.record.transfer) == ("time_limit", "busy")


@in_virtual_time
async def test_a_bridge_lasts_longer_than_the_agent_may_talk(monkeypatch: Monkeypatch) -> None:
    own = {"transfer": {"targets": ["sales"]}, "max_duration": "8s"}
    target = {"name": "sales", "description": "Orders.", "uri": "700", "mode": "bridge"}
    config = configuration(own, targets=[target])
    async with World(monkeypatch, config=config, script=[HELLO, TRANSFER]) as w:
        await asked(w)
        await joined(w)
        await w.sleep(20.0)
        assert w.state() == "transferring"
        w.ended()
    assert w.record.transfer == "bridged"


@in_virtual_time
async def test_no_voice_packets_do_not_end_a_call_that_the_peer_is_transferring(
    monkeypatch: Monkeypatch,
) -> None:
    async with world(monkeypatch, "blind") as w:
        await asked(w, (("accepted", 202), ("ringing", 180)))
        w.phone.gone = True
        await w.sleep(100.0)
        assert w.state() == "transferring"
        w.worker.message(m.ReferProgress(call="c1", stage="done", status=200, reason="OK"))
        await w.until(lambda: w.records)
    assert (w.record.outcome, w.record.transfer) == ("transferred", "referred")


# What crosses on the wire ---------------------------------------------------------------------------


@in_virtual_time
async def test_a_caller_may_hang_up_during_a_blind_refer(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, "blind") as w:
        await asked(w)
        await w.until(lambda: w.of(m.Refer))
        w.ended()
        await w.until(lambda: w.records)
    assert (w.record.outcome, w.record.transfer) == ("completed", "caller_left")


@in_virtual_time
async def test_a_target_that_answers_as_we_cancel_gets_nothing_more(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, callee="") as w:
        await asked(w)
        await w.until(lambda: w.of(m.PlaceCall))
        w.auto = False
        w.ended()
        w.worker.message(m.CallConfirmed(call=consult(w)))
        w.worker.message(w.media(consult(w)))
        w.ended(consult(w), by="us")
        await w.until(lambda: w.records)
    assert [order.call for order in w.of(m.HangUp)] == [consult(w)]
    assert w.record.transfer == "caller_left"


@pytest.mark.parametrize("order", [("c1", "c1-t1.1"), ("c1-t1.1", "c1")])
@in_virtual_time
async def test_two_byes_at_once_in_a_bridge_end_it_once(
    monkeypatch: Monkeypatch, order: tuple[str, str]
) -> None:
    async with world(monkeypatch, "bridge") as w:
        await asked(w)
        await joined(w)
        for call in order:
            w.ended(call)
        await w.until(lambda: w.records)
    assert w.record.transfer == "bridged"
    assert w.value("transfers_total", outcome="transferred", reason="bridged") == 1


@in_virtual_time
async def test_byes_on_both_legs_after_the_202_count_as_a_transfer(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch) as w:
        await asked(w, (("accepted", 202),))
        call = await briefed(w)
        press(w, call, ACCEPTED)
        await w.sleep(0.2)
        w.ended(call)
        w.ended()
        await w.until(lambda: w.records)
    assert (w.record.outcome, w.record.transfer) == ("transferred", "unconfirmed")


@in_virtual_time
async def test_a_caller_who_holds_us_during_the_consultation_is_transferred_all_the_same(
    monkeypatch: Monkeypatch,
) -> None:
    async with world(monkeypatch) as w:
        await asked(w, DONE)
        call = await briefed(w)
        w.worker.message(w.media(sends=False, receives=False))
        await w.sleep(2.0)
        assert w.state() == "transferring"
        w.worker.message(w.media())
        press(w, call, ACCEPTED)
        await w.until(lambda: w.records)
    assert w.record.transfer == "referred"


@in_virtual_time
async def test_a_late_success_is_counted_once(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, "blind") as w:
        await asked(w, (("accepted", 202),))
        await w.until(lambda: w.state() == "talking")
        w.worker.message(m.ReferProgress(call="c1", stage="done", status=200, reason="OK"))
        await w.until(lambda: w.records)
    assert w.value("transfers_total", outcome="transferred", reason="referred") == 1
    assert w.value("transfers_total", outcome="returned", reason="unconfirmed") == 0


@in_virtual_time
async def test_a_peer_that_reports_failure_and_keeps_the_caller_leaves_no_agent_alone(
    monkeypatch: Monkeypatch,
) -> None:
    async with world(monkeypatch, "blind") as w:
        await asked(w, (("accepted", 202), ("trying", 100)))
        await w.until(lambda: w.of(m.Refer))
        w.phone.gone = True
        await w.sleep(3.0)
        w.worker.message(m.ReferProgress(call="c1", stage="done", status=503, reason="No"))
        await w.until(lambda: w.records, limit=8.0)
    assert (w.record.outcome, w.record.cause, w.record.transfer) == ("failed", "no_media", "unreachable")
    assert "dialplan" in w.record.reason


@in_virtual_time
async def test_a_silent_telephone_is_not_taken_for_an_empty_call(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, "blind") as w:
        await asked(w)
        w.phone.gone = True  # it sends nothing in pauses
        await w.until(lambda: w.of(m.Refer))
        w.worker.message(m.ReferProgress(call="c1", stage="done", status=486, reason="Busy"))
        await back_with_the_agent(w)
    assert w.record.outcome == "completed"


# Refusals -------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_second_transfer_is_refused_and_the_first_goes_on(monkeypatch: Monkeypatch) -> None:
    call = {"call": TRANSFER_TOOL, "arguments": {"target": "sales", "reason": "a bicycle"}}
    twice = {"reply": [{"say": "One moment."}, call, call]}
    async with world(monkeypatch, "blind") as w:
        w.script = [HELLO, twice, BACK]
        await asked(w, DONE)
        outputs = [
            event["item"]["output"]
            for event in w.model.asked("conversation.item.create")
            if event["item"]["type"] == "function_call_output"
        ]
        await w.until(lambda: w.records)
    assert len(outputs) == 2
    assert '"already"' in outputs[1]
    assert len(w.of(m.Refer)) == 1


@in_virtual_time
async def test_a_target_that_is_ourselves_is_refused_at_once(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, target={"uri": "100"}) as w:
        await w.greeted()
        await w.whistle(0.6)
        await w.until(lambda: w.record_of("c1").transfer)
        assert w.state() == "talking"
        await w.sleep(1.0)
        await w.silence()
        w.ended()
    assert w.record.transfer == "ourselves"
    assert not w.of(m.PlaceCall)


@in_virtual_time
async def test_a_target_that_turns_out_to_be_ourselves_is_left_for_the_next(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, callee="482", target={"uri": ["700", "701"]}) as w:
        await asked(w)
        await back_with_the_agent(w)
        assert told(w)["outcome"] == "ourselves"
    assert len(w.of(m.PlaceCall)) == 2


# After a join ---------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_human_whose_network_goes_ends_the_bridge(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, "bridge") as w:
        await asked(w)
        await joined(w)
        w.human.gone = True
        await w.until(lambda: w.records, limit=90)
    assert (w.record.outcome, w.record.transfer) == ("transferred", "bridged")
    assert {order.call for order in w.of(m.HangUp)} == {"c1", consult(w)}


@in_virtual_time
async def test_keys_pass_between_caller_and_human(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, "bridge") as w:
        await asked(w)
        call = await joined(w)
        for digit in "12#":
            press(w, "c1", digit)
        press(w, call, "7")
        await w.until(lambda: w.human.keys() == "12#" and w.phone.keys() == "7")
        w.ended()
    assert w.record.digits == 3


@in_virtual_time
async def test_keys_pass_as_info_to_a_human_who_takes_no_events(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, "bridge") as w:
        await asked(w)
        call = await joined(w)
        w.worker.message(w.media(call, dtmf_payload_type=None))
        press(w, "c1", "4")
        press(w, "c1", "2")
        await w.until(lambda: len(w.of(m.SendInfoDigit)) == 2)
        w.ended()
    assert [(one.call, one.digit.value) for one in w.of(m.SendInfoDigit)] == [(call, "4"), (call, "2")]


@in_virtual_time
async def test_a_recording_goes_on_after_the_join_and_has_the_human(
    monkeypatch: Monkeypatch, tmp_path: Path
) -> None:
    own = {
        "transfer": {"targets": ["sales"]},
        "recording": {"mode": "always", "directory": str(tmp_path)},
    }
    target = {"name": "sales", "description": "Orders.", "uri": "700", "mode": "bridge"}
    config = configuration(own, targets=[target])
    async with World(monkeypatch, config=config, script=[HELLO, TRANSFER]) as w:
        await asked(w)
        await joined(w)
        await w.sleep(1.0)
        w.human.hertz = TONE_HZ
        await w.sleep(1.0)
        w.human.hertz = 0.0
        await w.sleep(0.3)
        w.ended()
    both = read(only_file(tmp_path))
    last = both[-int(1.2 * 8_000) :, 1]
    assert np.count_nonzero(np.abs(last) > 500) > 4_000
    assert w.record.media["frames_joined"] > 80


@in_virtual_time
async def test_the_summary_travels_in_the_headers_that_are_named(monkeypatch: Monkeypatch) -> None:
    headers = {"headers": ["X-Talkpath-Summary", "User-to-User"]}
    async with world(monkeypatch, transfer=headers, briefing=(BRIEF,)) as w:
        await asked(w, DONE)
        press(w, await briefed(w), ACCEPTED)
        await w.until(lambda: w.records)
    invite, refer = w.of(m.PlaceCall)[0], w.of(m.Refer)[0]
    assert dict(invite.headers) == {
        "X-Talkpath-Summary": "Red.",
        "User-to-User": f"{b'Red.'.hex()};encoding=hex",
    }
    assert (refer.headers, refer.new_call_headers) == ((), ())
    assert refer.referred_by == "sip:100@test"


@in_virtual_time
async def test_the_peer_that_calls_the_human_itself_is_asked_to_hand_the_summary_on(
    monkeypatch: Monkeypatch,
) -> None:
    async with world(monkeypatch, "blind", transfer={"headers": ["X-Talkpath-Summary"]}) as w:
        await asked(w, DONE)
        await w.until(lambda: w.records)
    (refer,) = w.of(m.Refer)
    assert (refer.headers, refer.new_call_headers) == ((), (("X-Talkpath-Summary", "Red."),))
