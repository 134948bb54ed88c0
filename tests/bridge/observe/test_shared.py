from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

CHILD = """
import sys
from talkpath.bridge.observe.metrics import Metrics
metrics = Metrics()
metrics.rtp_packets.labels("in").inc(5)
metrics.call_setup.labels("inbound").observe(0.03)
metrics.calls_active.labels("a").set(2)
metrics.model_headroom.labels("m", "tokens").set(0.5)
"""

PARENT = """
import json, os, subprocess, sys
from pathlib import Path
from prometheus_client.parser import text_string_to_metric_families
from talkpath.bridge.observe.metrics import Metrics  # before the folder is known
from talkpath.bridge.observe.shared import bury, exposition

os.environ["PROMETHEUS_MULTIPROC_DIR"] = sys.argv[1]
metrics = Metrics()
metrics.rtp_packets.labels("in").inc(1)

def child():
    process = subprocess.Popen([sys.executable, "-c", sys.argv[2]])
    assert process.wait() == 0
    return process.pid

def look():
    body, _ = exposition(metrics.registry)
    samples = [one for family in text_string_to_metric_families(body.decode()) for one in family.samples]
    shown = {one.name: one.value for one in samples if one.labels.get("le", "0.05") == "0.05"}
    return {**shown, "files": len(list(Path(sys.argv[1]).iterdir()))}

first, second = child(), child()
steps = [look()]
bury({os.getpid(), second})
steps.append(look())
bury({os.getpid()})
steps.append(look())
for _ in range(3):
    child()
    bury({os.getpid()})
steps.append(look())
print(json.dumps(steps))
"""


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What is exposed with two children, with one of them dead, with both, and after three more lives."""
    environment = {key: text for key, text in os.environ.items() if key != "PROMETHEUS_MULTIPROC_DIR"}
    folder: Path = tmp_path_factory.mktemp("metrics")
    done = subprocess.run(
        [sys.executable, "-c", PARENT, str(folder), CHILD],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_all_processes_are_added_up(steps: list[dict[str, Any]]) -> None:
    assert steps[0]["talkpath_rtp_packets_total"] == 11
    assert steps[0]["talkpath_calls_active"] == 4


def test_the_dead_keep_their_counts(steps: list[dict[str, Any]]) -> None:
    packets = [step["talkpath_rtp_packets_total"] for step in steps]
    assert packets == [11, 11, 11, 26]
    assert [step["talkpath_call_setup_seconds_bucket"] for step in steps] == [2, 2, 2, 5]
    assert [step["talkpath_call_setup_seconds_sum"] for step in steps] == pytest.approx([0.06] * 3 + [0.15])


def test_the_gauges_of_the_dead_go_with_them(steps: list[dict[str, Any]]) -> None:
    assert steps[1]["talkpath_calls_active"] == 2
    assert "talkpath_calls_active" not in steps[2]
    assert "talkpath_model_rate_limit_remaining_ratio" not in steps[3]


def test_many_deaths_do_not_fill_the_folder(steps: list[dict[str, Any]]) -> None:
    assert steps[3]["files"] == steps[2]["files"]
