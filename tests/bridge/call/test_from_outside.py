"""What ends calls from outside: a process that dies, a stop, an error, told as stories.

A real worker and media plane in virtual time. At the end of each, `World` asserts that every lane, port,
socket, task and timer is back.
"""

from __future__ import annotations

import pytest

from talkpath.bridge.call.machine import TIMEOUTS, State
from talkpath.sip import messages as m
from tests.bridge.call.world import World
from tests.harness.virtual_time import in_virtual_time

Monkeypatch = pytest.MonkeyPatch


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
