"""What a run leaves behind: tables on the terminal, a JSON file, a picture."""

from __future__ import annotations

import json
import platform
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import psutil
from rich.table import Table

from talkpath.bridge.benchmark.budgets import verdicts
from talkpath.bridge.benchmark.figures import Spread
from talkpath.bridge.benchmark.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from talkpath.bridge.benchmark.measure import Bench
    from talkpath.bridge.benchmark.rows import SetupRow

_LIBRARIES: Final = ("numpy", "websockets", "uvloop", "msgspec", "talkpath")
_COLOURS: Final = {
    "pcmu": "#1b6ca8",
    "pcm": "#c8553d",
    "g722": "#4b8b3b",
    "srtp": "#7a5195",
    "tls": "#8d7b68",
}
NAMES: Final = {
    "pcmu": "G.711",
    "pcm": "PCM 24 kHz",
    "g722": "PCM, G.722",
    "srtp": "G.711, SRTP",
    "tls": "G.711, TLS",
}


def middle(rows: list[Row]) -> Row:
    """The median of repeated rows, figure by figure."""
    if len(rows) == 1:
        return rows[0]
    return Row(**{name: _middle([getattr(row, name) for row in rows]) for name in asdict(rows[0])})


def _middle(values: list[Any]) -> Any:
    first = values[0]
    if isinstance(first, Spread):
        return Spread(**{name: _middle([getattr(value, name) for value in values]) for name in asdict(first)})
    if isinstance(first, str):
        return first
    return median(values)


def machine(bench: Bench) -> dict[str, Any]:
    """What the figures were measured on."""
    model = ""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {
        "processor": model,
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "pinned_to": asdict(bench.cores),
        "window_seconds": bench.seconds,
        "load_before": psutil.getloadavg(),
    }


def show(console: Console, rows: list[Row], setups: list[SetupRow]) -> None:
    """Print the tables."""
    console.print(_cost_table(rows))
    console.print(_time_table(rows))
    if setups:
        console.print(_setup_table(setups))
    console.print(_budget_table(rows, setups))
    for row in rows:
        if row.disturbed:
            console.print(
                f"[yellow]{row.subject} {row.mode} {row.calls}: something else used {row.others:.0%} of a "
                "core meanwhile: the figures are too high."
            )
        if row.limited_by_tools:
            console.print(
                f"[yellow]{row.subject} {row.mode} {row.calls}: the load tools were at their limit "
                f"(generator {row.generator_share:.0%}, model {row.model_share:.0%} of a core, generator "
                f"{row.generator_late_p99:.0f} ms late): read this row as a lower bound."
            )


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, justify="left" if column in {"", "model audio"} else "right")
    return table


def _number(value: float, digits: int = 1) -> str:
    return "-" if value != value else f"{value:,.{digits}f}"  # noqa: PLR0124 - NaN is not itself


def _name(row: Row) -> tuple[str, str, str]:
    return row.subject, NAMES[row.mode], str(row.calls)


def _cost_table(rows: list[Row]) -> Table:
    table = _table(
        "Cost",
        "",
        "model audio",
        "calls",
        "answered",
        "µs/call-s",
        "worker",
        "in kernel",
        "of a core",
        "idle ms/s",
        "MB/call",
        "generator",
        "model",
        "others %",
    )
    for row in rows:
        table.add_row(
            *_name(row),
            str(row.answered),
            _number(row.us_per_call_second, 0),
            _number(row.worker_us_per_call_second, 0),
            f"{row.kernel_share:.0%}",
            f"{row.core_share:.0%}",
            _number(row.idle_ms_per_second),
            _number(row.mb_per_call, 2),
            f"{row.generator_share:.0%}",
            f"{row.model_share:.0%}",
            _number(row.others * 100, 0),
        )
    return table


def _time_table(rows: list[Row]) -> Table:
    table = _table(
        "Milliseconds, p50 / p99 (beat late: and p99.9; set-up: p50 / p95), and frames",
        "",
        "model audio",
        "calls",
        "beat late",
        "send jitter",
        "uplink",
        "downlink",
        "barge-in",
        "set-up",
        "lost",
        "filled",
        "starved",
        "skipped",
    )
    for row in rows:
        beat = "/".join(
            _number(value) for value in (row.beat_late_p50, row.beat_late_p99, row.beat_late_p999)
        )
        table.add_row(
            *_name(row),
            beat,
            _pair(row.send_jitter),
            _pair(row.uplink),
            _pair(row.downlink),
            _pair(row.barge_in),
            f"{_number(row.setup.p50)} / {_number(row.setup.p95)}",
            f"{row.lost_up:.0f}/{row.lost_down + row.missing_packets:.0f}",
            _number(row.filled, 0),
            _number(row.starved, 0),
            _number(row.skipped, 0),
        )
    return table


def _pair(spread: Spread) -> str:
    return f"{_number(spread.p50)} / {_number(spread.p99)}"


def _setup_table(setups: list[SetupRow]) -> Table:
    columns = ("answered", "p50 ms", "p95 ms", "CPU ms per call", "sip", "worker", "retransmitted")
    table = _table("Calls that are answered and hung up at once", "model audio", "calls/s", *columns)
    for row in setups:
        table.add_row(
            NAMES[row.mode],
            f"{row.rate:.0f}",
            f"{row.answered} of {row.calls}",
            _number(row.setup.p50),
            _number(row.setup.p95),
            _number(row.cpu_ms_per_call, 2),
            _number(row.sip_ms_per_call, 2),
            _number(row.worker_ms_per_call, 2),
            str(row.retransmissions),
        )
    return table


def _budget_table(rows: list[Row], setups: list[SetupRow]) -> Table:
    table = _table("Budgets", "", "where", "measured", "budget", "unit", "kept")
    for each in verdicts(rows, setups):
        kept = "[green]yes" if each.kept else "[red]no"
        digits = 0 if each.limit >= 100 else 2
        table.add_row(
            each.budget, each.where, _number(each.figure, digits), f"{each.limit:g}", each.unit, kept
        )
    return table


def facts_of(rows: list[Row], setups: list[SetupRow], about: dict[str, Any]) -> dict[str, Any]:
    """Everything that a run found out, ready for JSON."""
    facts: dict[str, Any] = without_nan(
        {
            "date": time.strftime("%Y-%m-%d"),
            "machine": about,
            "rows": [
                {**asdict(row), "limited_by_tools": row.limited_by_tools, "disturbed": row.disturbed}
                for row in rows
            ],
            "setups": [asdict(row) for row in setups],
            "budgets": [{**asdict(each), "kept": each.kept} for each in verdicts(rows, setups)],
        }
    )
    return facts


def save(path: Path, facts: dict[str, Any]) -> None:
    """Write the figures of a run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def without_nan(value: Any) -> Any:
    """JSON has no NaN: what could not be had is null."""
    if isinstance(value, dict):
        return {key: without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(each) for each in value]
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124 - NaN


def plot(path: Path, rows: list[Row]) -> None:
    """Draw cost, jitter and latency over the number of calls."""
    import matplotlib as mpl  # noqa: PLC0415 - an optional package, needed only here

    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415 - after the backend was chosen

    panels: tuple[tuple[str, Callable[[Row], float]], ...] = (
        ("CPU per call-second (µs)", lambda row: row.us_per_call_second),
        ("RTP send jitter p99 (ms)", lambda row: row.send_jitter.p99),
        ("added latency, caller to model, p99 (ms)", lambda row: row.uplink.p99),
    )
    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    for axis, (title, of) in zip(axes, panels, strict=True):
        for subject, style in (("talkpath", "o-"), ("per packet", "s:")):
            for mode, colour in _COLOURS.items():
                chosen = sorted(
                    (row for row in rows if row.subject == subject and row.mode == mode),
                    key=lambda row: row.calls,
                )
                if chosen:
                    label = f"{subject}, {NAMES[mode]}"
                    axis.plot(
                        [r.calls for r in chosen], [of(r) for r in chosen], style, color=colour, label=label
                    )
        axis.set(title=title, xlabel="calls", xscale="log", yscale="log")
        axis.grid(visible=True, which="both", alpha=0.25)
    for limit, colour in ((800, _COLOURS["pcmu"]), (1200, _COLOURS["pcm"])):
        axes[0].axhline(limit, color=colour, linewidth=0.8, linestyle="--")
    axes[1].axhline(10, color="grey", linewidth=0.8, linestyle="--")
    axes[2].axhline(8, color="grey", linewidth=0.8, linestyle="--")
    axes[0].legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)
