"""Calls that no worker can report have their record all the same."""

from __future__ import annotations

from datetime import timedelta

from talkpath.bridge.records.orphans import MAX_OPEN, OrphanedCalls
from talkpath.sip import messages as m
from tests.bridge.records.calls import NOON
from tests.harness.incoming import incoming

LATER = NOON + timedelta(seconds=3)


def invite(call: str) -> m.IncomingCall:
    return incoming(
        call, sip_call_id=f"{call}@pbx", trunk="pbx", source="192.0.2.1:5060", from_uri="sip:+4930123456@pbx"
    )


def test_the_calls_of_a_worker_that_died_are_reported_and_no_others() -> None:
    orphans = OrphanedCalls()
    for call in ("c-1", "c-2", "c-3"):
        orphans.came(invite(call), NOON)
    orphans.reported("c-2")
    (full,) = orphans.worker_lost(("c-1", "c-2", "c-9"), LATER)
    lost = full.call
    assert (lost.id, lost.sip_call_id, lost.trunk) == ("c-1", "c-1@pbx", "pbx")
    assert (lost.caller, lost.called) == ("+4930123456", "100")
    assert (lost.outcome, lost.cause, lost.ended_by) == ("failed", "worker_lost", "failure")
    assert (lost.started_at, lost.ended_at) == (NOON, LATER)
    assert [(one.at, one.name) for one in full.moments] == [(0.0, "INVITE"), (3.0, "worker process lost")]
    assert orphans.worker_lost(("c-1",), LATER) == []
    assert len(orphans) == 1


def test_what_the_supervisor_refuses_has_its_cause() -> None:
    orphans = OrphanedCalls()
    for reason, cause in (("shutting down", "draining"), ("every line is busy", "no_capacity")):
        orphans.came(invite("c-1"), NOON)
        full = orphans.refused(m.Reject(call="c-1", status=503, reason=reason), LATER)
        assert full is not None
        assert (full.call.outcome, full.call.cause, full.call.sip_status) == ("refused", cause, 503)
    assert orphans.refused(m.Reject(call="c-1", status=503, reason=""), LATER) is None


def test_calls_that_nobody_reports_are_forgotten_in_the_end() -> None:
    orphans = OrphanedCalls()
    for number in range(MAX_OPEN + 10):
        orphans.came(invite(f"c-{number}"), NOON)
    assert len(orphans) == MAX_OPEN
