"""What a worker does around its calls; the calls themselves are in ``tests/bridge/call``."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from structlog.testing import capture_logs

from talkpath.bridge.call.machine import State
from talkpath.bridge.call.runner import CallRunner
from talkpath.bridge.media.lane import Beat, RtpStopped
from talkpath.bridge.media.ports import LISTENING_SECONDS, QUARANTINE_SECONDS
from talkpath.bridge.worker import worker
from talkpath.bridge.worker.readiness import make_ready
from talkpath.sip import messages as m
from talkpath.sip.addresses import user_part
from tests.bridge.call.world import World, configuration
from tests.harness.virtual_time import in_virtual_time

Monkeypatch = pytest.MonkeyPatch


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("sip:100@pbx.example.com", "100"),
        ("SIPS:alice@pbx.example.com;transport=tls", "alice"),
        ("<sip:+4912345@pbx>", "+4912345"),
        ("sip:100;phone-context=x@pbx", ""),
        ("tel:+49-123;phone-context=x", "+49-123"),
        ("sip:pbx.example.com", ""),
        ("", ""),
        ("mailto:someone@example.com", ""),
    ],
)
def test_the_user_part_of_a_uri(uri: str, user: str) -> None:
    assert user_part(uri) == user


@in_virtual_time
async def test_two_calls_at_once_do_not_mix(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        await w.greeted("c1")
        w.invite("c2")
        await w.until(lambda: w.state("c2") == "talking")
        before = len(w.models[0].heard)
        await w.whistle(0.5)  # the telephone is now that of c2
        assert set(w.models[1].heard[-160:]) - {0xFF, 0x7F}
        assert set(w.models[0].heard[before:]) <= {0xFF}
        seats = w.worker.participants
        assert all(seats.by_lane[runner.lane] is runner for runner in seats.calls.values())
        assert set(seats.calls) == {"c1", "c2"}
        w.ended("c1")
        assert w.state("c2") == "talking"
        w.ended("c2")
    assert [record.call for record in w.records] == ["c1", "c2"]


@pytest.mark.parametrize(("lanes", "ports"), [(1, 100), (4, 2)])
@in_virtual_time
async def test_a_full_worker_refuses_and_keeps_its_books_balanced(
    monkeypatch: Monkeypatch, lanes: int, ports: int
) -> None:
    async with World(monkeypatch, lanes=lanes, ports=ports) as w:
        await w.answered("c1")
        for number in range(3):
            w.invite(f"full{number}")
        rejected = w.of(m.Reject)
        assert {(one.status, one.reason, one.retry_after) for one in rejected} == {
            (503, "every line is busy", worker.RETRY_AFTER)
        }
        assert w.value("calls_active", agent="reception") == 1
        assert len(w.worker.ports) == 1
        assert {(record.outcome, record.cause) for record in w.records} == {("refused", "no_capacity")}
        labels = {"direction": "inbound", "agent": "reception", "outcome": "refused", "cause": "no_capacity"}
        assert w.value("calls_total", **labels) == 3
        w.originate("o1")
        assert w.of(m.CallEnded)[0].call == "o1", "whoever ordered the call is told"
        w.ended("c1")
        assert w.value("calls_active", agent="reception") == 0


@in_virtual_time
async def test_a_route_that_refuses_is_obeyed_and_recorded(monkeypatch: Monkeypatch) -> None:
    routes = [{"to": "666", "reject": 603, "reason": "Not here."}, {"to": "1*", "agent": "reception"}]
    async with World(monkeypatch, config=configuration(routes=routes)) as w:
        w.invite("c1", request_uri="sip:666@test")
        w.invite("c2", request_uri="sip:777@test")
        await w.answered("c3")
        w.ended("c3")
        refused = {one.call: (one.status, one.reason) for one in w.of(m.Reject)}
        assert refused["c1"] == (603, "Not here.")
        assert refused["c2"][0] == 404
        for cause in ("rejected_by_route", "no_route"):
            labels = {"direction": "inbound", "agent": "", "outcome": "refused", "cause": cause}
            assert w.value("calls_total", **labels) == 1


@in_virtual_time
async def test_messages_about_unknown_calls_go_nowhere(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        w.ended("ghost")
        w.worker.message(m.CallConfirmed(call="ghost"))
        w.worker.message(m.PeerLost(who="sip", calls=("ghost",)))
        w.worker.message(m.Admission(draining=False, free_lanes=3))
        assert w.sent == []


@in_virtual_time
async def test_a_worker_that_does_not_keep_up_says_so_and_takes_it_back(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        await w.answered("c1")
        with capture_logs() as logs:
            while not w.of(m.WorkerLoad):
                for _ in range(400):  # more than the beats of a second, which are in time here
                    w.worker.plane.lateness.record(0.240)
                w.worker.feed_metrics()
                await w.sleep(1.0)
            assert w.of(m.WorkerLoad) == [m.WorkerLoad(calls=1, lanes=4, overloaded=True)]
            while len(w.of(m.WorkerLoad)) == 1:
                w.worker.feed_metrics()
                await w.sleep(1.0)
        assert not w.of(m.WorkerLoad)[1].overloaded
        told = [line for line in logs if line["event"] in {"overloaded", "overload_over"}]
        assert [line["event"] for line in told] == ["overloaded", "overload_over"]
        assert "workers.lanes" in told[0]["problem"]
        w.ended("c1")


@in_virtual_time
async def test_a_call_that_the_other_side_moves_goes_on_as_one_call(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        await w.greeted("c1")
        moved = m.CallMoved(call="c1", by="replaces", sip_call_id="other", peer_uri="sip:boss@pbx")
        w.worker.message(moved)
        w.worker.message(w.media("c1", remote_port=5_000))
        assert list(w.worker.calls) == ["c1"]
        assert w.worker.calls["c1"].state is State.TALKING
        w.ended("c1")
        assert w.of(m.HangUp) == []


@in_virtual_time
async def test_a_call_that_cannot_even_begin_is_refused(monkeypatch: Monkeypatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError

    async with World(monkeypatch) as w:
        w.expected_errors = 1
        with monkeypatch.context() as patch:
            patch.setattr(worker, "route", broken)
            w.invite()
        assert w.of(m.Reject)[0].status == 500
        await w.greeted("c2")
        w.ended("c2")


@in_virtual_time
async def test_a_call_that_breaks_at_its_start_gives_everything_back(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        w.expected_errors = 1
        w.worker._services.tools.clear()
        w.invite()
        assert w.of(m.HangUp)[0].call == "c1"
        assert (w.record.outcome, w.record.cause) == ("failed", "internal_error")


@in_virtual_time
async def test_audio_that_one_call_cannot_take_still_reaches_the_others(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        w.expected_errors = 1
        for call in ("c1", "c2", "c3"):
            w.invite(call)
        await w.until(lambda: all(w.state(call) == "talking" for call in ("c1", "c2", "c3")))
        first, broken, last = (w.worker.calls[call] for call in ("c1", "c2", "c3"))
        heard: list[str] = []
        original = CallRunner.append

        def append(self: CallRunner, audio: bytes) -> None:
            if self is broken:
                raise RuntimeError("broken")
            heard.append(self.call)
            original(self, audio)

        monkeypatch.setattr(CallRunner, "append", append)
        frame = bytes(160)
        w.worker.beat(Beat(uplink=[(first.lane, frame), (broken.lane, frame), (last.lane, frame)]))
        assert heard == ["c1", "c3"]
        assert w.state("c2") == "ended"
        w.ended("c1")
        w.ended("c3")


@in_virtual_time
async def test_an_event_that_one_call_cannot_take_ends_that_call_only(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        w.expected_errors = 1
        for call in ("c1", "c2"):
            w.invite(call)
        await w.until(lambda: all(w.state(call) == "talking" for call in ("c1", "c2")))
        lanes = [w.worker.calls[call].lane for call in ("c1", "c2")]
        monkeypatch.setattr(w.worker.calls["c1"]._books, "rtp_stopped", lambda _seconds: 1 / 0)
        w.worker.beat(Beat(events=[RtpStopped(lane, 10.0) for lane in lanes]))
        assert (w.state("c1"), w.state("c2")) == ("ended", "talking")
        w.ended("c2")


@in_virtual_time
async def test_a_failure_while_giving_back_does_not_keep_the_rest(monkeypatch: Monkeypatch) -> None:
    """The books fail: lane, port, session and timers are given back all the same, and the worker knows."""
    async with World(monkeypatch) as w:
        w.expected_errors = 1
        await w.greeted()
        monkeypatch.setattr(w.worker.calls["c1"]._books, "statistics", lambda _figures: 1 / 0)
        w.ended()
        assert w.state() == "ended"


@in_virtual_time
async def test_metrics_tell_what_is_used(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        await w.greeted()
        w.worker.feed_metrics()
        assert (w.value("lanes", state="used"), w.value("lanes", state="free")) == (1, 3)
        assert (w.value("rtp_ports", state="used"), w.value("rtp_ports", state="free")) == (1, 49)
        w.ended()
        w.worker.feed_metrics()
        assert w.value("lanes", state="used") == 0


@in_virtual_time
async def test_who_still_sends_after_a_call_is_named_in_the_log(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        await w.greeted()
        port = w.worker.calls["c1"]._phone.rtp_port
        w.ended()
        await w.sleep(QUARANTINE_SECONDS + 0.1)
        with capture_logs() as logs, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as old_caller:
            w.worker.feed_metrics()
            old_caller.sendto(bytes(172), ("127.0.0.1", port))
            await w.sleep(LISTENING_SECONDS + 0.1)
            w.worker.feed_metrics()
        noisy = [entry for entry in logs if entry["event"] == "rtp_after_call"]
        assert [(entry["port"], entry["source"]) for entry in noisy] == [(port, "127.0.0.1")]


@in_virtual_time
async def test_a_live_call_keeps_its_configuration_and_the_next_one_gets_the_new(
    monkeypatch: Monkeypatch,
) -> None:
    async with World(monkeypatch) as w:
        await w.greeted("c1")
        other = configuration({"greeting": "Good evening.", "instructions": "Be brief."})
        w.worker.use(make_ready(other))
        assert w.worker.calls["c1"]._own.instructions == "Be kind."
        w.invite("c2")
        await w.until(lambda: w.state("c2") == "talking")
        assert w.worker.calls["c2"]._own.instructions == "Be brief."
        w.ended("c1")
        assert w.state("c2") == "talking"
        w.ended("c2")
    assert [record.call for record in w.records] == ["c1", "c2"]
