"""``talkpath bench`` that is told to end leaves no process and no port behind."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys

import psutil
import pytest

from tests.harness.peers import wait_until

pytestmark = [pytest.mark.interop, pytest.mark.daemon]


def family(bench: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The daemon with its children, the callers and the model, and who looks after them."""
    return psutil.Process(bench.pid).children(recursive=True)


def has_sip(processes: list[psutil.Process]) -> bool:
    for one in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if "talkpath.sip.process" in " ".join(one.cmdline()):
                return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_bench_that_is_told_to_end_takes_its_processes_along(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "talkpath", "bench", "--most", "1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as bench:
        try:
            wait_until(
                lambda: has_sip(family(bench)),
                "the daemon of the bench",
                timeout_s=60,
            )
            started = family(bench)
            assert len(started) >= 3
            bench.send_signal(number)
            assert bench.wait(60) == 128 + number
            _gone, alive = psutil.wait_procs(started, timeout=10)
            assert alive == []
        finally:
            for one in psutil.Process(bench.pid).children(recursive=True) if bench.poll() is None else []:
                one.kill()
            bench.kill()
