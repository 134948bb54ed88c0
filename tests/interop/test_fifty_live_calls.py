"""What an operator does, and what may happen, while fifty calls are up: none that should live is lost."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.peers import wait_until
from tests.harness.scenario import (
    PCMU,
    ack,
    bye,
    invite,
    progress,
    receive,
    until_released,
    write_scenario,
)
from tests.harness.sipp import Sipp, run_sipp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.daemon, pytest.mark.alone]

CALLS = 50
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def model() -> Iterator[RunningSimulator]:
    with RunningSimulator("bench") as running:
        yield running


@pytest.fixture
def daemon(model: RunningSimulator, tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path, model_url=model.url, workers=2, drain="3m") as running:
        yield running


def fifty_calls(daemon: Daemon, folder: Path) -> Sipp:
    """Fifty callers who talk until they are released; all of them are connected when this returns."""
    talk = write_scenario(folder, invite(PCMU), progress(), receive(200), ack(), until_released(), bye())
    callers = Sipp(folder, talk, target=daemon.address, calls=CALLS, rate=25)
    callers.start()
    daemon.wait_for("call_answered", count=CALLS, timeout_s=60)
    wait_until(lambda: daemon.health()["calls"] == CALLS, "all to be up at once", log=daemon.log)
    return callers


def assert_ended_by_their_callers(daemon: Daemon, count: int, **facts: str) -> None:
    """Every such call was carried to the caller's own BYE."""
    what = {"cause": "caller_hung_up", **facts}
    wait_until(lambda: len(daemon.events("call_ended", **what)) == count, "the calls to end", log=daemon.log)
    ended = daemon.events("call_ended", **what)
    assert {call["outcome"] for call in ended} == {"completed"}
    assert all(call["rtp_sent"] > 0 for call in ended)


def test_a_reload_touches_none_of_them(daemon: Daemon, tmp_path: Path) -> None:
    callers = fifty_calls(daemon, tmp_path)
    file = daemon.config_path
    file.write_text(file.read_text().replace("[agents.reception]", "[agents.sales]"))
    daemon.signal(signal.SIGHUP)
    daemon.wait_for("reloaded")
    assert run_sipp(tmp_path, "uac", target=daemon.address, arguments=("-d", "300")).succeeded == 1
    assert_ended_by_their_callers(daemon, 1, agent="sales")
    callers.release(CALLS)
    result = callers.wait(timeout_s=PATIENCE_S)
    assert (result.succeeded, result.failed) == (CALLS, 0), result.errors
    assert_ended_by_their_callers(daemon, CALLS, agent="reception")
    daemon.assert_baseline()


def test_a_drain_lets_all_of_them_finish_and_takes_no_new_one(daemon: Daemon, tmp_path: Path) -> None:
    callers = fifty_calls(daemon, tmp_path)
    daemon.terminate()
    wait_until(lambda: daemon.readiness() == 503, "the drain to begin")
    late = run_sipp(tmp_path, "uac", target=daemon.address)
    assert "SIP/2.0 503" in late.messages
    assert "Retry-After" in late.messages
    callers.release(CALLS)
    result = callers.wait(timeout_s=PATIENCE_S)
    assert (result.succeeded, result.failed) == (CALLS, 0), result.errors
    assert_ended_by_their_callers(daemon, CALLS)
    assert daemon.wait_until_ended() == 0, "it ends as soon as the last call is over"


def test_a_worker_that_dies_takes_only_its_own_calls_along(daemon: Daemon, tmp_path: Path) -> None:
    callers = fifty_calls(daemon, tmp_path)
    doomed = len(daemon.events("call_answered", process="worker-0"))
    assert 0 < doomed < CALLS
    os.kill(daemon.pid_of("worker-0"), signal.SIGKILL)
    wait_until(
        lambda: daemon.metric("talkpath_calls_lost_total", process="worker-0") == doomed,
        "the dead worker's calls to be counted",
        log=daemon.log,
    )
    wait_until(lambda: callers.messages.count("\nBYE sip:caller@") >= doomed, "our BYE in each of them")
    callers.release(CALLS)
    result = callers.wait(timeout_s=PATIENCE_S)
    # The scenario does not expect our BYE: the calls of the dead worker fail there, each by a BYE.
    assert (result.succeeded, result.failed) == (CALLS - doomed, doomed), result.errors
    assert_ended_by_their_callers(daemon, CALLS - doomed, process="worker-1")
    wait_until(lambda: daemon.health()["processes"]["worker-0"]["ready"], "the worker to be back")
    assert run_sipp(tmp_path, "uac", target=daemon.address, arguments=("-d", "300")).succeeded == 1
    daemon.assert_baseline()
