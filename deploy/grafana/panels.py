"""The little of Grafana's dashboard format that our dashboards need. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

HERE: Final = 'instance=~"$instance"'
"""What ``@`` in a query stands for: the nodes chosen at the top of the dashboard."""
COLUMNS: Final = 24
PANEL_HEIGHT: Final = 8
STAT_HEIGHT: Final = 4

PROMETHEUS: Final = {"type": "prometheus", "uid": "${prometheus}"}
RECORDS: Final = {"type": "grafana-postgresql-datasource", "uid": "${records}"}

Kind = Literal["timeseries", "stat", "table"]


@dataclass(frozen=True)
class Query:
    """One query of a panel.

    Attributes:
        text: PromQL, with ``@`` for the chosen nodes; SQL in a dashboard of call records.
        legend: Name of each series, with ``{{label}}``.
    """

    text: str
    legend: str = ""

    @property
    def expression(self) -> str:
        """The query as Grafana gets it."""
        return self.text.replace("@", HERE)


@dataclass(frozen=True)
class Panel:
    """One picture.

    Attributes:
        title: What is seen.
        about: What a good value is and what to do about a bad one; shown at the panel's corner.
        queries: What is drawn.
        unit: Grafana's name of the unit.
        warn: From here on it is drawn in orange; None: never.
        alarm: From here on it is drawn in red.
        kind: The visualisation.
        width: Of 24 columns.
        stacked: Whether series stand on each other.
    """

    title: str
    about: str
    queries: tuple[Query, ...]
    unit: str = "short"
    warn: float | None = None
    alarm: float | None = None
    kind: Kind = "timeseries"
    width: int = 8
    stacked: bool = False

    @property
    def height(self) -> int:
        """In rows of the grid."""
        return STAT_HEIGHT if self.kind == "stat" else PANEL_HEIGHT


@dataclass(frozen=True)
class Dashboard:
    """One page; ``rows`` are titles and their panels."""

    uid: str
    title: str
    about: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]
    variables: tuple[dict[str, Any], ...] = ()
    source: dict[str, str] = field(default_factory=lambda: PROMETHEUS)

    def json(self) -> dict[str, Any]:
        """The dashboard as Grafana imports it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.about,
            "tags": ["talkpath"],
            "schemaVersion": 39,
            "editable": True,
            "graphTooltip": 1,
            "refresh": "10s" if self.source is PROMETHEUS else "",
            "time": {"from": "now-1h", "to": "now"},
            "timezone": "browser",
            "links": [_link()],
            "templating": {"list": list(self.variables)},
            "panels": self._panels(),
        }

    def _panels(self) -> list[dict[str, Any]]:
        panels: list[dict[str, Any]] = []
        y = 0
        for title, row in self.rows:
            place = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
            panels.append({"type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []})
            y, x, tallest = y + 1, 0, 0
            for panel in row:
                if x + panel.width > COLUMNS:
                    y, x, tallest = y + tallest, 0, 0
                place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
                panels.append(_panel(panel, place, self.source))
                x, tallest = x + panel.width, max(tallest, panel.height)
            y += tallest
        return [{"id": number, **panel} for number, panel in enumerate(panels, 1)]


def source_variable(name: str, kind: str, label: str) -> dict[str, Any]:
    """Lets the reader choose the data source."""
    return {"name": name, "type": "datasource", "query": kind, "label": label, "current": {}, "hide": 0}


def label_variable(name: str, query: str, label: str) -> dict[str, Any]:
    """Lets the reader choose values of a label; all of them at first."""
    return {
        "name": name,
        "type": "query",
        "label": label,
        "datasource": PROMETHEUS,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "sort": 1,
    }


def text_variable(name: str, label: str) -> dict[str, Any]:
    """A line to type into."""
    return {
        "name": name,
        "type": "textbox",
        "label": label,
        "query": "",
        "current": {"text": "", "value": ""},
    }


def _link() -> dict[str, Any]:
    return {"type": "dashboards", "tags": ["talkpath"], "title": "Talkpath", "asDropdown": True, "icon": ""}


def _panel(panel: Panel, place: dict[str, int], source: dict[str, str]) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "gridPos": place,
        "datasource": source,
        "targets": [
            _target(panel, query, chr(ord("A") + index), source) for index, query in enumerate(panel.queries)
        ],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
    }


def _target(panel: Panel, query: Query, letter: str, source: dict[str, str]) -> dict[str, Any]:
    if source is RECORDS:
        return {
            "refId": letter,
            "datasource": source,
            "format": "table",
            "rawQuery": True,
            "rawSql": query.text,
            "editorMode": "code",
        }
    return {
        "refId": letter,
        "datasource": source,
        "expr": query.expression,
        "legendFormat": query.legend or "__auto",
        "instant": panel.kind == "stat",
        "range": panel.kind != "stat",
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.warn is not None:
        steps.append({"color": "orange", "value": panel.warn})
    if panel.alarm is not None:
        steps.append({"color": "red", "value": panel.alarm})
    drawn = {
        "lineWidth": 1,
        "fillOpacity": 20 if panel.stacked else 5,
        "showPoints": "never",
        "stacking": {"mode": "normal" if panel.stacked else "none"},
        "thresholdsStyle": {"mode": "off" if len(steps) == 1 else "dashed"},
    }
    limits = {"mode": "absolute", "steps": steps}
    custom = drawn if panel.kind == "timeseries" else {}
    return {"unit": panel.unit, "min": 0, "thresholds": limits, "custom": custom}


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "stat":
        reduced = {"calcs": ["lastNotNull"], "values": False}
        return {"reduceOptions": reduced, "colorMode": "background", "graphMode": "none"}
    if panel.kind == "table":
        return {"showHeader": True}
    return {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
