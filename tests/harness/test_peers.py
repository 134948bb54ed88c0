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
    assert last < rtp_range()[0] or rtp_range()[1] < first


def test_a_run_of_ports_is_given_once() -> None:
    given = [(free_port(room), room) for room in (2, 100, 4, 22, 4, 2, 100, 2)]
    ports = [port for first, room in given for port in range(first, first + room)]
    assert len(ports) == len(set(ports))
