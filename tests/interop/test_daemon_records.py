"""The whole daemon keeps records of real calls, and the command line shows them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

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


def talkpath(daemon: Daemon, *arguments: str) -> str:
    """What a command of Talkpath writes, with the daemon's configuration."""
    command = [sys.executable, "-m", "talkpath", *arguments, "-c", str(daemon.config_path)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def stored(daemon: Daemon) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = json.loads(talkpath(daemon, "calls", "--json", "--limit", "1000"))
    return calls


def test_a_call_that_is_over_is_shown_with_what_the_log_says_of_it(
    model: RunningSimulator, tmp_path: Path
) -> None:
    with Daemon(tmp_path, model_url=model.url) as daemon:
        result = run_sipp(tmp_path, "uac", target=daemon.address, arguments=("-d", "1500"))
        assert result.succeeded == 1, result.report
        line = daemon.wait_for("call_ended")
        wait_until(lambda: daemon.metric("talkpath_records_stored_total") == 1, "the record", log=daemon.log)
        (call,) = stored(daemon)
        assert (call["id"], call["sip_call_id"]) == (line["call"], line["sip_call_id"])
        assert (call["outcome"], call["cause"]) == ("completed", "caller_hung_up")
        assert call["media"]["packets_sent"] == line["rtp_sent"]
        assert call["started_at"] < call["answered_at"] < call["ended_at"]
        assert call["id"][:12] in talkpath(daemon, "calls", "--since", "1h")
        assert daemon.metric("talkpath_records_failed_total") == 0


def test_all_calls_of_a_busy_daemon_are_stored_at_its_end(model: RunningSimulator, tmp_path: Path) -> None:
    with Daemon(tmp_path, model_url=model.url, workers=2) as daemon:
        sipp = Sipp(tmp_path, "uac", target=daemon.address, calls=150, rate=50, arguments=("-d", "500"))
        sipp.start()
        assert sipp.wait(timeout_s=60).succeeded == 150
        daemon.wait_for("call_ended", count=150)
        assert daemon.stop() == 0
        assert len(stored(daemon)) == 150
        assert not daemon.events("record_lost")


def test_a_daemon_that_is_killed_leaves_a_good_database(model: RunningSimulator, tmp_path: Path) -> None:
    with Daemon(tmp_path, model_url=model.url) as daemon:
        sipp = Sipp(tmp_path, "uac", target=daemon.address, calls=1000, rate=50, arguments=("-d", "100"))
        sipp.start()
        wait_until(lambda: daemon.metric("talkpath_records_stored_total") > 20, "records", log=daemon.log)
        daemon.stop(signal.SIGKILL)
        sipp.stop()
        connection = sqlite3.connect(tmp_path / "talkpath-calls.sqlite")
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
        before = len(stored(daemon))
        assert before > 20
        daemon.start()
        run_sipp(tmp_path, "uac", target=daemon.address, arguments=("-d", "300"))
        wait_until(lambda: daemon.metric("talkpath_records_stored_total") == 1, "the record", log=daemon.log)
        assert len(stored(daemon)) == before + 1


def test_a_call_whose_worker_is_killed_has_its_record(model: RunningSimulator, tmp_path: Path) -> None:
    with Daemon(tmp_path, model_url=model.url) as daemon:
        sipp = Sipp(tmp_path, "uac", target=daemon.address, arguments=("-d", "5000"))
        sipp.start()
        daemon.wait_for("call_answered")
        os.kill(daemon.pid_of("worker-0"), signal.SIGKILL)
        wait_until(lambda: daemon.metric("talkpath_records_stored_total") == 1, "the record", log=daemon.log)
        sipp.stop()
        (call,) = stored(daemon)
        assert (call["outcome"], call["cause"]) == ("failed", "worker_lost")
        assert call["sip_call_id"]
