from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from talkpath.bridge.observe import reference
from talkpath.bridge.observe.call_record import CallRecord
from talkpath.bridge.observe.metrics import LATENESS_BUCKETS, Metrics, exposition

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[3]


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_a_finished_call_is_counted_by_its_cause() -> None:
    metrics = Metrics()
    metrics.call_ended(
        CallRecord(call="c", agent="a", outcome="completed", cause="caller_hung_up", setup=0.03, talk=61.0)
    )
    labels = {"direction": "inbound", "agent": "a", "outcome": "completed", "cause": "caller_hung_up"}
    assert value(metrics, "talkpath_calls_total", **labels) == 1
    assert value(metrics, "talkpath_call_setup_seconds_bucket", direction="inbound", le="0.05") == 1
    assert value(metrics, "talkpath_call_duration_seconds_sum", agent="a") == 61.0


def test_a_call_that_was_never_answered_has_no_setup_time() -> None:
    metrics = Metrics()
    metrics.call_ended(CallRecord(call="c", agent="a", outcome="refused", cause="no_route"))
    assert value(metrics, "talkpath_call_setup_seconds_count", direction="inbound") is None


def test_the_network_cannot_make_new_series() -> None:
    metrics = Metrics()
    for number in range(100):
        metrics.session_counts({f"event:invented{number}.x": 1, f"problem:invented{number}": 1})
        metrics.model_error(f"code{number}")
    metrics.session_counts({"event:response.output_audio.delta": 1, "late_audio_dropped": 3})
    metrics.model_error("session_expired")
    assert value(metrics, "talkpath_model_events_total", group="other") == 100
    assert value(metrics, "talkpath_model_errors_total", code="other") == 100
    assert value(metrics, "talkpath_model_events_total", group="response") == 1
    assert value(metrics, "talkpath_model_errors_total", code="session_expired") == 1
    assert value(metrics, "talkpath_model_anomalies_total", cause="late_audio_dropped") == 3


def test_every_metric_has_the_prefix_a_help_text_and_a_unit_where_it_has_one() -> None:
    for entry in Metrics().catalogue:
        assert entry.name.startswith("talkpath_")
        assert entry.help.endswith(".")
        assert entry.kind != "histogram" or entry.name.endswith("_seconds")
        assert entry.kind != "counter" or entry.name.endswith("_total")


def test_the_catalogue_lists_exactly_what_is_exposed() -> None:
    metrics = Metrics()
    body, _ = exposition(metrics)
    exposed = set(re.findall(r"^# TYPE (talkpath_\w+) (?!gauge$)\w+$", body.decode(), re.MULTILINE))
    exposed |= set(re.findall(r"^# TYPE (talkpath_\w+) gauge$", body.decode(), re.MULTILINE))
    exposed = {name for name in exposed if not name.endswith("_created")}
    assert exposed == {entry.name for entry in metrics.catalogue}


def test_the_committed_page_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert reference.main(["--check"]) == 0, "run: python -m talkpath.bridge.observe.reference"


def test_the_beat_buckets_are_those_of_the_media_plane() -> None:
    from talkpath.bridge.media.counters import LatenessHistogram  # noqa: PLC0415 - only for this comparison

    assert LatenessHistogram.edges == LATENESS_BUCKETS


CHILD = """
import sys
from talkpath.bridge.observe.metrics import Metrics
metrics = Metrics()
metrics.rtp_packets.labels("in").inc(5)
metrics.calls_active.labels("a").set(2)
"""

PARENT = """
import os, subprocess, sys
from talkpath.bridge.observe.metrics import Metrics, exposition, forget_process  # before the folder is known
os.environ["PROMETHEUS_MULTIPROC_DIR"] = sys.argv[1]
metrics = Metrics()
metrics.build_info.labels("1").set(1)
metrics.rtp_packets.labels("in").inc(1)
children = [subprocess.Popen([sys.executable, "-c", sys.argv[2]]) for _ in range(2)]
for child in children:
    assert child.wait() == 0
forget_process(children[0].pid)
sys.stdout.buffer.write(exposition(metrics)[0])
"""


def test_the_supervisor_adds_up_all_processes_and_forgets_the_gauges_of_the_dead(tmp_path: Path) -> None:
    environment = {key: text for key, text in os.environ.items() if key != "PROMETHEUS_MULTIPROC_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", PARENT, str(tmp_path), CHILD],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    samples = {
        (sample.name, tuple(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(done.stdout)
        for sample in family.samples
    }
    assert samples["talkpath_rtp_packets_total", (("direction", "in"),)] == 11
    assert samples["talkpath_calls_active", (("agent", "a"),)] == 2
    assert samples["talkpath_build_info", (("version", "1"),)] == 1
