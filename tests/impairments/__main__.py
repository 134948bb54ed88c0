"""Make calls over a bad network through the running daemon: ``make impairments``.

A table for the terminal, ``build/impairments/matrix.json`` for machines, and status 1 when a plain bound is
broken (`tests.impairments.verdict`).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from tests.impairments.matrix import matrix
from tests.impairments.rows import pairs, sweeps
from tests.impairments.signal import make_signal
from tests.impairments.verdict import problems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.impairments.matrix import Result

_WIDE: Final = 170
FOLDER: Final = Path("build/impairments")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.impairments", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="without the pairs")
    parser.add_argument("--seed", type=int, default=1, help="another pattern of losses")
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder for the JSON")
    return parser.parse_args()


def table_of(results: Sequence[Result]) -> Table:
    """A row per call."""
    table = Table(title="What model and caller hear of each other on a bad network", title_justify="left")
    table.add_column("call", no_wrap=True)
    for name in ("SNR dB", "spectrum dB", "missing", "clicks", "lost", "late", "stream ms", "delay ms"):
        table.add_column(name, justify="right")
    table.add_column("back: SNR dB", justify="right")
    table.add_column("gap p99, max ms", justify="right")
    for result in results:
        found = result.score
        table.add_row(
            result.row.label,
            f"{found.snr:.1f}",
            f"{found.distortion:.1f}",
            f"{found.missing:.1%}",
            str(found.clicks),
            str(result.lost),
            str(result.late),
            f"{found.stretch_ms:+.1f}",
            f"{result.delay_ms:.0f}",
            f"{result.back.snr:.1f}",
            f"{result.down_gap_p99:.0f}, {result.down_gap_most:.0f}",
        )
    return table


def main() -> int:
    """Call, judge, print, save."""
    options = _arguments()
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDE)  # a file has room for a row in one line
    began = time.monotonic()
    with console.status("a voice"):
        signal = make_signal()
    if not signal.spoken:
        console.print("[yellow]No voice is installed (extra 'demo'): a warbling tone stands for speech.")
    rows = [*sweeps(), *([] if options.quick else pairs())]
    with matrix(signal) as ready, console.status("calls") as status:
        results = ready.run(
            rows,
            seed=options.seed,
            progress=lambda done: status.update(f"{done} of {len(rows)} calls"),
        )
    console.print(table_of(results))
    wrong = problems(results)
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "matrix.json"
    facts = {"seed": options.seed, "problems": wrong, "rows": [result.facts() for result in results]}
    path.write_text(json.dumps(facts, indent=1))
    for sentence in wrong:
        console.print(f"[red]{sentence}")
    console.print(f"{len(rows)} calls in {time.monotonic() - began:.0f} s, {path}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
