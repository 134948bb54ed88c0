"""The whole daemon, called by SIPp: set-up, refusal, cancel, load, loss of its processes."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.peers import wait_until
from tests.harness.sipp import Sipp, run_sipp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.daemon]


@pytest.fixture(scope="module")
def model() -> Iterator[RunningSimulator]:
    with RunningSimulator("tone") as running:
        yield running


@pytest.fixture(scope="module")
def daemon(model: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("daemon"), model_url=model.url, workers=2) as running:
        yield running


def test_a_call_is_answered_by_the_agent_and_ends_with_the_callers_bye(
    daemon: Daemon, tmp_path: Path
) -> None:
    result = run_sipp(tmp_path, "uac", target=daemon.address, arguments=("-d", "1500"))
    assert result.succeeded == 1, result.report
    ended = daemon.wait_for("call_ended")
    assert (ended["outcome"], ended["ended_by"], ended["codec"]) == ("completed", "caller", "PCMU")
    assert ended["sip_call_id"] in result.messages
    assert ended["rtp_sent"] > 50
    daemon.assert_baseline()


@pytest.mark.alone
def test_fifty_calls_a_second_for_ten_seconds_leave_nothing_behind(daemon: Daemon, tmp_path: Path) -> None:
    before = len(daemon.events("call_ended"))
    sipp = Sipp(
        tmp_path, "uac", target=daemon.address, calls=500, rate=50, arguments=("-d", "500", "-l", "200")
    )
    sipp.start()
    result = sipp.wait(timeout_s=90)
    assert result.succeeded == 500, result.report
    daemon.wait_for("call_ended", count=before + 500)
    daemon.assert_baseline()


def test_killing_the_sip_process_ends_its_calls_and_new_ones_come(daemon: Daemon, tmp_path: Path) -> None:
    ended, ready = len(daemon.events("call_ended")), len(daemon.events("sip_ready"))
    answered = len(daemon.events("call_answered"))
    with Sipp(tmp_path, "uac", target=daemon.address, arguments=("-d", "20000")):
        daemon.wait_for("call_answered", count=answered + 1)
        os.kill(daemon.pid_of("sip"), signal.SIGKILL)
        lost = daemon.wait_for("call_ended", count=ended + 1)
        assert (lost["outcome"], lost["cause"]) == ("failed", "sip_process_lost")
    daemon.wait_for("sip_ready", count=ready + 1)
    daemon.assert_baseline()
    result = run_sipp(tmp_path, "uac", target=daemon.address, arguments=("-d", "300"))
    assert result.succeeded == 1, result.report
    daemon.wait_for("call_ended", count=ended + 2)


def test_killing_a_worker_ends_its_dialogs_and_the_other_worker_goes_on(
    daemon: Daemon, tmp_path: Path
) -> None:
    answered, ended = len(daemon.events("call_answered")), len(daemon.events("call_ended"))
    sipp = Sipp(tmp_path, "uac", target=daemon.address, calls=2, arguments=("-d", "4000"))
    sipp.start()
    daemon.wait_for("call_answered", count=answered + 2)
    os.kill(daemon.pid_of("worker-0"), signal.SIGKILL)
    result = sipp.wait()
    # SIPp's own scenario does not expect our BYE: the call of the dead worker fails there, by a BYE.
    assert (result.succeeded, result.failed) == (1, 1), result.report
    assert "BYE sip:" in result.messages
    survivor = daemon.wait_for("call_ended", count=ended + 1)
    assert (survivor["process"], survivor["outcome"]) == ("worker-1", "completed")
    wait_until(lambda: daemon.health()["processes"]["worker-0"]["ready"], "the worker to be back")
    daemon.assert_baseline()


def test_a_model_that_cannot_be_reached_refuses_the_call_with_503(tmp_path: Path) -> None:
    with Daemon(tmp_path, model_url="ws://127.0.0.1:9/v1/realtime") as lonely:
        result = run_sipp(tmp_path, "uac", target=lonely.address)
        assert result.failed == 1
        assert "SIP/2.0 503" in result.messages
        assert "Retry-After: 10" in result.messages
        ended = lonely.wait_for("call_ended")
        assert (ended["outcome"], ended["cause"]) == ("refused", "model_unavailable")
        lonely.assert_baseline()


def test_sigterm_lets_calls_finish_within_the_drain_time_then_says_bye(
    model: RunningSimulator, tmp_path: Path
) -> None:
    with Daemon(tmp_path, model_url=model.url) as leaving:
        with Sipp(tmp_path, "uac", target=leaving.address, arguments=("-d", "60000")) as sipp:
            leaving.wait_for("call_answered")
            assert leaving.stop() == 0
            wait_until(lambda: "BYE sip:" in sipp.messages, "our BYE")
        ended = leaving.events("call_ended")[-1]
        assert ended["cause"] == "draining"
