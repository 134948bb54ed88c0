"""The walk that ``make walkthrough`` shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

ROOT = Path(__file__).parents[2]


def test_every_step_of_the_walkthrough_succeeds(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.walkthrough", "--folder", tmp_path / "walk"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    transcript = (tmp_path / "walk/transcript.txt").read_text()
    assert "agent: From nine to six, Monday to Saturday." in transcript
    assert "opening_hours  ok" in transcript
    assert "ended with status 0" in transcript
