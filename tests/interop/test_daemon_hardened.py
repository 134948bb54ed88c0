"""A call under a rule of the systemd unit that programs with callbacks from C may break."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING

import pytest

from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.sipp import run_sipp

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

LAUNCHER = """\
#!{python}
import ctypes, os, sys
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
if ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0) != 0:
    sys.exit("this kernel cannot refuse memory that is written and executed")
os.execv({python!r}, [{python!r}, *sys.argv[1:]])
"""
"""What MemoryDenyWriteExecute=yes does, for all processes of the daemon (PR_SET_MDWE(2const), Linux 6.3)."""

EVERY_PROCESS = """
[phone]
enabled = true
[api.operate]
tests = "a-token-of-the-tests-alone-01"
"""


def kernel() -> tuple[int, ...]:
    return tuple(int(part) for part in platform.release().split(".")[:2])


@pytest.mark.skipif(kernel() < (6, 3), reason="the kernel has no PR_SET_MDWE")
def test_a_call_needs_no_memory_that_is_written_and_executed(tmp_path: Path) -> None:
    launcher = tmp_path / "python"
    launcher.write_text(LAUNCHER.format(python=sys.executable))
    launcher.chmod(0o755)
    with (
        RunningSimulator("tone") as model,
        Daemon(tmp_path, model_url=model.url, python=launcher, more=EVERY_PROCESS) as daemon,
    ):
        assert all(process["ready"] for process in daemon.health()["processes"].values())
        result = run_sipp(tmp_path, "uac", target=daemon.address, arguments=("-d", "500"))
        assert result.succeeded == 1, result.report
        assert daemon.wait_for("call_ended")["outcome"] == "completed"
        assert daemon.metric("talkpath_calls_total") == 1
        daemon.assert_baseline()
