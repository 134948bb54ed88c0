"""The page for developers of agents: its functions and its tests are run as they stand there."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from talkpath.bridge.simulator.faults import Timing
from talkpath.bridge.simulator.script import ScriptPersona, parse_script
from tests.bridge.simulator.driving import Driver
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


def test_the_story_on_the_page_is_told() -> None:
    persona = ScriptPersona(parse_script(tomllib.loads(PAGE["story.toml"])))
    driver = Driver(persona, timing=Timing.instant())
    tools = [{"type": "function", "name": name} for name in ("repair_status", "hang_up")]
    driver.update(tools=tools)
    driver.send("response.create")
    driver.run()
    asked = driver.last("response.function_call_arguments.done")
    assert (asked["name"], asked["arguments"]) == ("repair_status", '{"number": 17}')
    output = {"type": "function_call_output", "call_id": asked["call_id"], "output": '{"status":"ready"}'}
    driver.send("conversation.item.create", item=output)
    driver.send("response.create")
    driver.run()
    said = [done["transcript"] for done in driver.of("response.output_audio_transcript.done")]
    assert said == ["Hello, bicycle shop.", "Your bicycle is ready. Goodbye."]
    assert driver.last("response.function_call_arguments.done")["name"] == "hang_up"
