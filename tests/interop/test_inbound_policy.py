"""Which refusal a caller hears, and why: SIPp calls a daemon with rules."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.peers import wait_until
from tests.harness.scenario import PCMU, ack, invite, pause, progress, receive, take, write_scenario
from tests.harness.sipp import Sipp, SippResult, run_sipp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

RULES = """
[[routes]]
caller = "blocked*"
reject = 603
reason = "Not you again."

[[routes]]
to = "701"
hours = ["{closed}"]
timezone = "UTC"
agent = "reception"

[[routes]]
to = "701"
reject = 480
reason = "We are closed."
retry_after = 3600

[[routes]]
to = "700"
agent = "reception"
"""


def elsewhen() -> str:
    """An hour of every day that is not now, nor soon."""
    hour = (dt.datetime.now(dt.UTC).hour + 6) % 23
    return f"mon-sun {hour:02}:00-{hour + 1:02}:00"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    more = RULES.format(closed=elsewhen())
    folder = tmp_path_factory.mktemp("daemon")
    with (
        RunningSimulator() as model,
        Daemon(folder, model_url=model.url, sip="max_calls = 1\n", more=more) as running,
    ):
        yield running


def refused(folder: Path, daemon: Daemon, status: int, *, number: str = "700", caller: str = "caller") -> str:
    """Call, and hear this refusal; returns its text."""
    folder.mkdir(exist_ok=True)
    steps = [invite(PCMU), progress(), receive(status), ack()]
    named = [
        step.replace("sip:700@", f"sip:{number}@").replace("sip:caller@", f"sip:{caller}@") for step in steps
    ]
    result = run_sipp(folder, write_scenario(folder, *named), target=daemon.address)
    assert result.succeeded == 1, result.report
    return _final(result, status)


def _final(result: SippResult, status: int) -> str:
    return result.messages.rpartition(f"SIP/2.0 {status}")[2].partition("----")[0]


def test_a_blocked_caller_is_declined(daemon: Daemon, tmp_path: Path) -> None:
    assert 'text="Not you again."' in refused(tmp_path, daemon, 603, caller="blocked7")
    assert daemon.wait_for("call_ended", sip_status=603)["cause"] == "rejected_by_route"


def test_after_hours_the_number_is_unavailable_for_a_while(daemon: Daemon, tmp_path: Path) -> None:
    text = refused(tmp_path, daemon, 480, number="701")
    assert 'text="We are closed."' in text
    assert "Retry-After: 3600" in text
    assert daemon.wait_for("call_ended", sip_status=480)["cause"] == "rejected_by_route"


def test_a_number_that_nobody_has_is_not_found(daemon: Daemon, tmp_path: Path) -> None:
    refused(tmp_path, daemon, 404, number="799")
    assert daemon.wait_for("call_ended", sip_status=404)["cause"] == "no_route"


def test_a_full_house_says_when_to_try_again(daemon: Daemon, tmp_path: Path) -> None:
    answered = len(daemon.events("call_answered"))
    steps = [invite(PCMU), progress(), receive(200), ack(), pause(200), take("BYE")]
    with Sipp(tmp_path, write_scenario(tmp_path, *steps), target=daemon.address):
        daemon.wait_for("call_answered", count=answered + 1)
        assert "Retry-After: 5" in refused(tmp_path / "second", daemon, 503)
    wait_until(lambda: refusals(daemon) == 1, "the count of it", log=daemon.log)


def refusals(daemon: Daemon) -> float:
    """Calls that were refused for want of room: whichever is noticed first, of lanes or of calls."""
    return sum(daemon.metric("talkpath_sip_refused_total", cause=cause) for cause in ("capacity", "no_lane"))
