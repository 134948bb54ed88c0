"""Dashboards, rules and runbook belong together, and to the metrics that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from deploy.grafana.build import DASHBOARDS, files
from deploy.grafana.panels import PROMETHEUS, Dashboard
from talkpath.bridge.observe.metrics import Metrics

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/talkpath.rules.yml"
RULE_LIST = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
ALERTS = [rule for rule in RULE_LIST if "alert" in rule]
QUERIES = [
    query.expression
    for page in DASHBOARDS
    if page.source is PROMETHEUS
    for _, row in page.rows
    for panel in row
    for query in panel.queries
]


def metrics_in(expression: str) -> set[str]:
    """Names of our metrics, without what a histogram or counter adds to them."""
    found = re.findall(r"\btalkpath_\w+", expression)
    return {re.sub(r"_(?:bucket|sum|count)$", "", name) for name in found}


def test_the_dashboards_in_the_tree_are_those_of_the_sources() -> None:
    for path, text in files().items():
        assert path.read_text(encoding="utf-8") == text, "run: python -m deploy.grafana.build"


@pytest.mark.parametrize("page", DASHBOARDS, ids=lambda page: page.uid)
def test_panels_fit_the_grid_and_say_what_they_are(page: Dashboard) -> None:
    described = page.json()
    taken: set[tuple[int, int]] = set()
    for panel in described["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
        assert panel["type"] == "row" or panel["description"].endswith(".")
    ids = [panel["id"] for panel in described["panels"]]
    assert len(ids) == len(set(ids))


def test_queries_and_rules_ask_for_metrics_that_exist() -> None:
    known = {entry.name for entry in Metrics().catalogue}
    asked = set().union(*(metrics_in(text) for text in [*QUERIES, *(rule["expr"] for rule in RULE_LIST)]))
    assert asked <= known


def test_every_metric_stands_on_a_dashboard() -> None:
    shown = set().union(*(metrics_in(text) for text in QUERIES))
    assert {entry.name for entry in Metrics().catalogue} - shown == set()


def test_alerts_and_panels_use_only_figures_that_are_recorded() -> None:
    recorded = {rule["record"] for rule in RULE_LIST if "record" in rule}
    used = {name for rule in RULE_LIST for name in re.findall(r"talkpath:[\w:]+", rule["expr"])}
    assert used <= recorded


def test_every_alert_has_its_section_and_every_section_its_alert() -> None:
    page = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == [rule["alert"] for rule in ALERTS]
    for rule in ALERTS:
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    anchors = {name.lower() for name in re.findall(r"^## (\w+)$", page, re.MULTILINE)}
    assert set(re.findall(r"\(#(\w+)\)", page)) <= anchors
