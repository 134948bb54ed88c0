"""Draws the dashboards from a real Prometheus: `python -m tests.interop.dashboard_pictures` in the root.

These are not Grafana's pictures: the same queries, asked of the same data source, drawn by matplotlib. A
daemon is called for a minute, a worker is killed in the middle, and docs/images/ gets one picture per page.
"""

from __future__ import annotations

import math
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl

from deploy.grafana.build import DASHBOARDS
from deploy.grafana.panels import PROMETHEUS
from tests.interop.observed import filled_in, kill, place_calls, watched

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from deploy.grafana.panels import Dashboard, Panel, Query
    from tests.harness.prometheus import Prometheus

mpl.use("Agg")

IMAGES: Final = Path(__file__).parents[2] / "docs/images"
STEP: Final = 1.0
COLUMNS: Final = 3
LEGENDS: Final = 7
"""Names that fit into a panel."""
WINDOW: Final = "10s"
"""Instead of Grafana's rate interval, because the whole story takes a minute."""

Lines = list[tuple[str, list[float], list[float]]]


def main() -> None:
    """Let the daemon work, then draw."""
    folder = Path(tempfile.mkdtemp(prefix="talkpath-pictures-"))
    with watched(folder, waits=True) as (daemon, prometheus):
        start = time.time()
        for part in range(3):
            (folder / str(part)).mkdir()
            place_calls(folder / str(part), daemon, seconds=15)
            if part == 1:
                kill(daemon, "worker-1")
        span = (start, time.time())
        for page in DASHBOARDS:
            if page.source is PROMETHEUS:
                draw(page, prometheus, span)


def draw(page: Dashboard, prometheus: Prometheus, span: tuple[float, float]) -> None:
    """One picture for one dashboard."""
    from matplotlib import pyplot as plt  # noqa: PLC0415 - the backend is chosen first

    panels = [panel for _, row in page.rows for panel in row if panel.kind == "timeseries"]
    rows = math.ceil(len(panels) / COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(15, 2.7 * rows), squeeze=False, layout="constrained")
    figure.suptitle(page.title, fontsize=14, fontweight="bold")
    for place, panel in zip(axes.flat, panels, strict=False):
        draw_panel(place, panel, series(panel, prometheus, span))
    for place in axes.flat[len(panels) :]:
        place.axis("off")
    figure.savefig(IMAGES / f"{page.uid}.png", dpi=70)
    plt.close(figure)


def series(panel: Panel, prometheus: Prometheus, span: tuple[float, float]) -> Lines:
    """The lines of a panel: name, seconds since the start, values."""
    found: Lines = []
    for query in panel.queries:
        expression = filled_in(query.expression, window=WINDOW).replace("[15m]", "[30s]")
        for one in prometheus.history(expression, start=span[0], stop=span[1], step=STEP):
            points = [(float(at) - span[0], float(value)) for at, value in one["values"]]
            points = [point for point in points if math.isfinite(point[1])]
            found.append((name_of(query, one), [at for at, _ in points], [value for _, value in points]))
    return found


def name_of(query: Query, one: dict[str, Any]) -> str:
    """A legend with the labels of a series filled in."""
    text = query.legend
    for label, value in one["metric"].items():
        text = text.replace("{{" + label + "}}", value)
    return text


def draw_panel(place: Axes, panel: Panel, lines: Lines) -> None:
    """One panel; lines of nothing but zeros get no name."""
    lines.sort(key=lambda line: -max(line[2], default=0.0))
    for number, (name, at, values) in enumerate(lines):
        named = bool(name) and number < LEGENDS and max(values, default=0.0) > 0
        place.plot(at, values, linewidth=1.2, label=name if named else f"_{number}")
    if not any(max(values, default=0.0) for _, _, values in lines):
        place.text(0.5, 0.5, "zero", transform=place.transAxes, ha="center", color="grey", fontsize=8)
        place.set_ylim(top=1)
    elif place.get_legend_handles_labels()[0]:
        place.legend(fontsize=6, loc="upper left", framealpha=0.6)
    unit = "" if panel.unit == "short" else f" [{panel.unit}]"
    place.set_title(f"{panel.title}{unit}", fontsize=8)
    place.tick_params(labelsize=7)
    place.set_ylim(bottom=0)
    place.margins(x=0)
    place.grid(alpha=0.3)


if __name__ == "__main__":
    main()
