"""A real Prometheus scrapes the daemon under load: every query of every panel and rule has an answer."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

import httpx
import pytest
import yaml

from deploy.grafana.calls import CALLS
from tests.harness.peers import wait_until
from tests.interop.observed import RULES, filled_in, kill, operands, panels, place_calls, watched
from tests.interop.peers.prometheus_tools import prometheus_folder, promtool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.harness.daemon import Daemon
    from tests.harness.prometheus import Prometheus

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

MONOTONE = (
    "talkpath_rtp_packets_total",
    "talkpath_calls_total",
    "talkpath_beat_lateness_seconds_count",
    "talkpath_uplink_frames_total",
    "talkpath_model_tokens_total",
)


class Scene(NamedTuple):
    daemon: Daemon
    prometheus: Prometheus
    started: float
    folder: Path


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Calls were placed, then a worker was killed twice; the other keeps what it was told."""
    folder: Path = tmp_path_factory.mktemp("observed")
    started = time.time()
    with watched(folder) as (daemon, prometheus):
        place_calls(folder, daemon)
        # What was counted in the last second before a kill is lost; this is about what was there.
        wait_until(
            lambda: bool(prometheus.query("talkpath_call_mos_score_count > 0")), "the call to be scraped"
        )
        kill(daemon, "worker-1")
        kill(daemon, "worker-1")
        wait_until(
            lambda: {"TalkpathProcessRestarted", "TalkpathNotRegistered"} <= prometheus.firing(),
            "the alerts",
            log=lambda: str(prometheus.query("ALERTS")),
        )
        yield Scene(daemon, prometheus, started, folder)


def test_every_panel_has_something_to_show(scene: Scene) -> None:
    empty = [
        f"{panel.title}: {query.text}"
        for panel in panels()
        for query in panel.queries
        if not scene.prometheus.query(filled_in(query.expression))
    ]
    assert not empty, "\n".join(empty)


def test_one_call_is_found_by_its_call_id_in_the_records(scene: Scene) -> None:
    chosen = scene.daemon.wait_for("barge_in")["sip_call_id"]
    wait_until(lambda: scene.daemon.metric("talkpath_records_queued") == 0, "the records to be written")
    [database] = scene.folder.glob("*.sqlite")
    answers = {}
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as records:
        for panel in (panel for _, row in CALLS.rows for panel in row):
            for query in panel.queries:
                answers[panel.title] = records.execute(query.text.replace("$sip_call_id", chosen)).fetchall()
    assert len(answers["What became of it"]) == 1
    for title in ("What happened", "What was said", "Legs", "Times to reply", "Tokens and money"):
        assert answers[title], title


def test_every_rule_has_something_to_judge(scene: Scene) -> None:
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    empty = [
        f"{rule.get('alert', rule.get('record'))}: {part}"
        for rule in rules
        for part in operands(rule["expr"])
        if not scene.prometheus.query(part)
    ]
    assert len(rules) > 20
    assert not empty, "\n".join(empty)


def test_the_alerts_of_what_happened_fire_and_no_others(scene: Scene) -> None:
    # A busy machine may well be late; the rule has its own test in deploy/prometheus/talkpath.test.yml.
    firing = scene.prometheus.firing() - {"TalkpathBeatLate"}
    assert firing == {"TalkpathProcessRestarted", "TalkpathNotRegistered"}


@pytest.mark.parametrize("name", MONOTONE)
def test_no_sum_went_back_or_vanished_when_a_worker_died(scene: Scene, name: str) -> None:
    summed = f"sum({name})"
    now = time.time()
    [series] = scene.prometheus.history(summed, start=scene.started, stop=now, step=0.5)
    values = [float(value) for _, value in series["values"]]
    assert values[-1] > 0
    assert values == sorted(values)
    was_up = 'up{job="talkpath"} == 1'
    [scraped] = scene.prometheus.history(was_up, start=scene.started, stop=now, step=0.5)
    moments = [float(moment) for moment, _ in series["values"]]
    answered = {float(moment) for moment, _ in scraped["values"]}
    assert {moment for moment in answered if moment >= moments[0]} <= set(moments)


def test_both_deaths_are_counted_and_the_gauges_are_those_of_the_living(scene: Scene) -> None:
    deaths = scene.prometheus.query("sum(talkpath_process_restarts_total)")
    assert deaths[0]["value"][1] == "2"
    assert scene.daemon.metric("talkpath_lanes") == 2 * 500
    assert scene.daemon.metric("talkpath_calls_active") == 0


def test_the_endpoint_is_what_prometheus_likes(scene: Scene) -> None:
    text = httpx.get(f"http://{scene.daemon.http_address}/metrics").text
    promtool_itself = str(prometheus_folder() / "promtool")
    done = subprocess.run(
        [promtool_itself, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("check", "config", "prometheus.yml"), ("check", "rules", "talkpath.rules.yml")],
    ids=["config", "rules"],
)
def test_promtool_accepts_what_we_ship(arguments: tuple[str, ...]) -> None:
    *command, name = arguments
    done = promtool(*command, RULES.parent / name)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_fire_when_they_should() -> None:
    done = promtool("test", "rules", RULES.parent / "talkpath.test.yml")
    assert done.returncode == 0, done.stdout + done.stderr
