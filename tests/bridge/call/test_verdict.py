from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.call.verdict import Ending, verdict
from talkpath.sip.outcomes import Outcome as SipOutcome
from talkpath.sip.outcomes import outcome_of

if TYPE_CHECKING:
    from talkpath.bridge.observe.call_record import Cause, Direction, EndedBy


@pytest.mark.parametrize(
    ("cause", "by", "expected"),
    [
        (None, "caller", ("completed", "caller_hung_up")),
        (None, "callee", ("completed", "callee_hung_up")),
        ("model_lost", "callee", ("failed", "model_lost")),
        ("agent_hung_up", "us", ("completed", "agent_hung_up")),
        ("agent_hung_up", "caller", ("completed", "agent_hung_up")),
        ("silence", "caller", ("completed", "silence")),
        ("time_limit", "us", ("completed", "time_limit")),
        ("draining", "us", ("completed", "draining")),
        ("model_lost", "us", ("failed", "model_lost")),
        ("model_lost", "caller", ("failed", "model_lost")),
        ("sip_process_lost", "", ("failed", "sip_process_lost")),
        ("internal_error", "", ("failed", "internal_error")),
        (None, "failure", ("failed", "sip_failure")),
    ],
)
@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_how_a_call_that_was_answered_ends(
    direction: Direction, cause: Cause | None, by: EndedBy, expected: tuple[str, str]
) -> None:
    assert verdict(Ending(direction, True, cause, by, SipOutcome.UNKNOWN)) == expected


@pytest.mark.parametrize(
    ("direction", "cause", "by", "status", "expected"),
    [
        ("inbound", None, "caller", 487, ("abandoned", "caller_hung_up")),
        ("inbound", "model_unavailable", "us", 503, ("refused", "model_unavailable")),
        ("inbound", "model_unavailable", "caller", 487, ("refused", "model_unavailable")),
        ("inbound", "no_capacity", "", 0, ("refused", "no_capacity")),
        ("inbound", "draining", "us", 503, ("refused", "draining")),
        ("inbound", "internal_error", "us", 480, ("failed", "internal_error")),
        ("inbound", None, "failure", 408, ("failed", "sip_failure")),
        ("outbound", None, "callee", 486, ("abandoned", "no_answer")),
        ("outbound", None, "failure", 408, ("abandoned", "no_answer")),
        ("outbound", "no_answer", "us", 480, ("abandoned", "no_answer")),
        ("outbound", None, "callee", 404, ("failed", "sip_failure")),
        ("outbound", None, "callee", 503, ("failed", "sip_failure")),
        ("outbound", "model_unavailable", "", 0, ("failed", "model_unavailable")),
    ],
)
def test_how_a_call_that_was_never_answered_ends(
    direction: Direction, cause: Cause | None, by: EndedBy, status: int, expected: tuple[str, str]
) -> None:
    assert verdict(Ending(direction, False, cause, by, outcome_of(status))) == expected
