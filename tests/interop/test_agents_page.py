"""The story on the page for developers of agents, told over the telephone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.page import snippets
from tests.harness.sipp import run_sipp

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

SCENARIOS = Path(__file__).parent / "scenarios"
PAGE = snippets(Path(__file__).parents[2] / "docs/agents.md")
TOOLS = 'tools = ["shop.tools:opening_hours", "shop.tools:repair_status"]'


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with the files of the page."""
    for name in ("shop/tools.py", "story.toml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(PAGE[name])
    return tmp_path


def test_the_story_calls_the_function_and_hangs_up(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert TOOLS in PAGE["talkpath.toml: the agent"]
    monkeypatch.chdir(shop)  # where the daemon finds the functions
    with (
        RunningSimulator("script:story.toml") as model,
        Daemon(shop, model_url=model.url, agent=TOOLS) as daemon,
    ):
        result = run_sipp(shop, SCENARIOS / "call_answered_then_bye_from_us.xml", target=daemon.address)
        assert result.succeeded == 1, result.report
        assert daemon.wait_for("tool_called", tool="repair_status")
        ended = daemon.wait_for("call_ended")
    assert (ended["outcome"], ended["ended_by"]) == ("completed", "us")
    assert (ended["tool_calls"], ended["tool_failures"]) == (1, 0)
    said = " ".join(str(each["pii_text"]) for each in daemon.events("said", role="agent"))
    assert "Your bicycle is ready" in said
