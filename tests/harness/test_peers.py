"""Ports of the test processes that run at the same time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.harness.peers import free_port, rtp_range

ROOT = Path(__file__).parents[2]
TOLD = "from tests.harness.peers import *; print(*rtp_range(), *(free_port() for _ in range(20)))"


def test_two_test_processes_have_ports_of_their_own() -> None:
    ours = [free_port() for _ in range(20)]
    done = subprocess.run([sys.executable, "-c", TOLD], cwd=ROOT, capture_output=True, text=True, check=True)
    first, last, *theirs = map(int, done.stdout.split())
    assert len({*ours, *theirs}) == 40
    assert all(abs(one - other) >= 100 for one in ours for other in theirs), "Asterisk takes a hundred"
    assert last < rtp_range()[0] or rtp_range()[1] < first
