"""Blind transfers by the daemon when the caller's telephone reports late, oddly or not at all: SIPp is it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.simulator.reply import FunctionCall, Reply
from talkpath.bridge.simulator.script import ScriptedTurn, ScriptPersona
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.scenario import (
    PCMU,
    ack,
    answer,
    invite,
    progress,
    receive,
    request,
    take,
    until_released,
    write_scenario,
)
from tests.harness.sipp import Sipp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

AGENT = '[agents.reception.transfer]\ntargets = ["sales"]\n'
TARGET = '[[targets]]\nname = "sales"\ndescription = "Orders."\nuri = "sip:9@pbx.example"\nmode = "blind"\n'
ACCEPTED = [
    invite(PCMU),
    progress(),
    receive(200),
    ack(),
    '<recv request="REFER"/>\n',
    answer("202 Accepted"),
]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    transfer = Reply((FunctionCall("transfer_call", '{"target": "sales", "reason": "x"}'),))
    script = ScriptPersona([ScriptedTurn(reply=transfer)])
    with (
        RunningSimulator(script) as model,
        Daemon(tmp_path, model_url=model.url, agent=AGENT, more=TARGET) as running,
    ):
        yield running


def notify(number: int, fragment: str, state: str = "active;expires=60") -> str:
    """Report, and wait for the answer."""
    headers = f"Event: refer\nSubscription-State: {state}\nContent-Type: message/sipfrag;version=2.0\n"
    step = request("NOTIFY", number, sdp=fragment, headers=headers)
    return step.replace("Content-Type: application/sdp\n", "") + receive(200)


def test_a_report_that_cannot_be_read_changes_nothing_and_the_next_one_counts(
    daemon: Daemon, tmp_path: Path
) -> None:
    steps = [
        *ACCEPTED,
        notify(2, "SIP/2.0 nonsense"),
        notify(3, "once upon a time"),
        notify(4, "SIP/2.0 200 OK", "terminated;reason=noresource"),
        take("BYE"),
    ]
    with Sipp(tmp_path, write_scenario(tmp_path, *steps), target=daemon.address) as caller:
        assert daemon.wait_for("call_ended")["outcome"] == "transferred"
        result = caller.wait()
    assert result.succeeded == 1, result.report
    daemon.assert_baseline()


def test_a_telephone_that_falls_silent_gives_the_caller_back_and_a_late_success_still_counts(
    daemon: Daemon, tmp_path: Path
) -> None:
    late = notify(2, "SIP/2.0 200 OK", "terminated;reason=noresource")
    steps = [*ACCEPTED, until_released(), late, take("BYE")]
    with Sipp(tmp_path, write_scenario(tmp_path, *steps), target=daemon.address) as caller:
        daemon.wait_for("refer_progress", stage="accepted")
        daemon.wait_for("transfer_ended", timeout_s=40)
        caller.release(1)
        ended = daemon.wait_for("call_ended", timeout_s=40)
        result = caller.wait()
    assert result.succeeded == 1, result.report
    assert ended["outcome"] == "transferred"
    outcomes = [told["outcome"] for told in daemon.events("transfer_ended")]
    assert outcomes[0] != outcomes[1]
