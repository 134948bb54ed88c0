"""The page for developers of agents: its functions and its tests are run as they stand there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.page import snippets

PAGE = snippets(Path(__file__).parents[2] / "docs/agents.md")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with the files of the page."""
    for name in ("shop/tools.py", "test_shop.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(PAGE[name])
    return tmp_path


def test_the_tests_on_the_page_pass(shop: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_shop.py"]
    done = subprocess.run(command, cwd=shop, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout
