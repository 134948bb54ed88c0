"""Measure speed and cost of the whole daemon: ``make bench``, or ``python -m tests.bench --quick``.

``make bench DOCS=1`` measures everything in about ten minutes and writes docs/performance.md anew.

Real SIP calls from a generator on the second core, a model on the same core, the daemon on the first. See
docs/performance.md for how to read the tables.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import time
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast, get_args

from rich.console import Console
from rich.table import Table

from talkpath.bridge.benchmark import report
from talkpath.bridge.benchmark.daemon import BenchError
from talkpath.bridge.benchmark.marks import CallMode
from talkpath.bridge.benchmark.measure import DIAL_RATE, Bench
from talkpath.bridge.benchmark.ramp import MOST, climb
from talkpath.bridge.benchmark.rows import Row, SetupRow
from talkpath.bridge.benchmark.short import verdict
from talkpath.bridge.benchmark.tools import Cores
from tests.bench import page
from tests.bench.options import OptionRow
from tests.bench.options import measure as measure_options
from tests.bench.yardstick import naive_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


FOLDER: Final = Path("build/bench")
CALLS: Final = (1, 50, 200, 500)
SECURE_CALLS: Final = (50, 200)
QUICK_CALLS: Final = (1, 50)
YARDSTICK_CALLS: Final = (1, 50, 100)
SETUPS: Final = 250
QUIET_BELOW: Final = 0.5
"""Load average below which the machine counts as quiet."""
DOCS_SECONDS: Final = 8.0
RAMP_SECONDS: Final = 4.0
FILE_WIDTH: Final = 140
"""Columns of the tables when they are not shown on a terminal."""
MOST_SECONDS: Final = 18.0
"""Marks repeat after 20 s."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few calls, short windows: about a minute")
    parser.add_argument("--calls", type=_numbers, help="numbers of calls, such as 1,50,200")
    parser.add_argument("--seconds", type=float, help=f"length of a window, at most {MOST_SECONDS:.0f}")
    parser.add_argument(
        "--modes", type=_modes, default=("pcmu", "pcm"), help="pcmu, pcm, g722, srtp, tls, with commas"
    )
    parser.add_argument("--repeat", type=int, default=1, help="measure each row so often; medians are shown")
    parser.add_argument(
        "--retry", type=int, default=0, help="measure a disturbed row again, so often at most"
    )
    parser.add_argument("--no-yardstick", action="store_true", help="leave out the per-packet program")
    parser.add_argument("--ramp", action="store_true", help="raise the calls until quality breaks, too")
    parser.add_argument("--options", action="store_true", help="measure what SRTP, TLS and others add, too")
    parser.add_argument("--docs", action="store_true", help="all of it, and write docs/performance.md anew")
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder for JSON and picture")
    options = parser.parse_args()
    if options.docs:
        options.ramp = options.options = True
        options.seconds = options.seconds or DOCS_SECONDS
    return options


def _numbers(text: str) -> tuple[int, ...]:
    numbers = tuple(int(part) for part in text.split(","))
    if not all(1 <= number <= 1000 for number in numbers):
        raise argparse.ArgumentTypeError("1 to 1000 calls")
    return numbers


def _modes(text: str) -> tuple[str, ...]:
    modes = tuple(text.split(","))
    if unknown := set(modes) - set(get_args(CallMode)):
        raise argparse.ArgumentTypeError(f"{unknown}: a mode is one of {', '.join(get_args(CallMode))}")
    return modes


def _plan(options: argparse.Namespace, bench: Bench) -> Iterator[tuple[str, Callable[[], Row | SetupRow]]]:
    """What is measured, in order, with a name for each."""
    modes = cast("tuple[CallMode, ...]", options.modes)
    for mode in modes:
        for calls in options.calls:
            yield f"talkpath, {mode}, {calls} calls", partial(bench.daemon_row, mode, calls)
    if options.docs:
        yield "talkpath, g722, 200 calls", partial(bench.daemon_row, "g722", 200)
        secure: tuple[CallMode, ...] = ("srtp", "tls")
        for mode, calls in product(secure, SECURE_CALLS):
            yield f"talkpath, {mode}, {calls} calls", partial(bench.daemon_row, mode, calls)
    for mode in modes[:1]:
        count = SETUPS // 5 if options.quick else SETUPS
        yield f"{count} set-ups, {mode}", partial(bench.setup_row, mode, DIAL_RATE, count)
    if not options.no_yardstick:
        for mode in modes:
            if mode not in {"pcmu", "pcm"}:
                continue  # the program knows only plain G.711
            for calls in YARDSTICK_CALLS:
                if calls <= max(options.calls):
                    yield f"per packet, {mode}, {calls} calls", partial(naive_row, bench, mode, calls)


def _undisturbed(measure: Callable[[], Row | SetupRow], retries: int) -> Row | SetupRow:
    """Measure again while other work on the machine disturbs; the least disturbed row counts."""
    best = measure()
    while isinstance(best, Row) and best.disturbed and retries > 0:
        retries -= 1
        again = measure()
        if isinstance(again, Row) and again.others < best.others:
            best = again
    return best


def main() -> None:
    """Measure, print, save."""
    options = _arguments()
    options.calls = options.calls or (QUICK_CALLS if options.quick else CALLS)
    seconds = min(options.seconds or (5.0 if options.quick else 10.0), MOST_SECONDS)
    console = Console()
    if not console.is_terminal:
        console = Console(width=FILE_WIDTH)
    bench = Bench(Cores.choose(), seconds)
    about = report.machine(bench)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    if os.getloadavg()[0] > QUIET_BELOW:
        console.print(
            f"[yellow]The machine is not quiet (load {os.getloadavg()[0]:.1f}): figures will be high."
        )
    if bench.cores.daemon is None:
        console.print("[yellow]One core only: daemon and load tools are in each other's way.")
    os.sched_setaffinity(
        0, {core} if (core := bench.cores.generator) is not None else os.sched_getaffinity(0)
    )
    rows: list[Row] = []
    setups: list[SetupRow] = []
    began, failed = time.monotonic(), False
    for name, measure in _plan(options, bench):
        with console.status(name):
            try:
                repeated = [_undisturbed(measure, options.retry) for _ in range(options.repeat)]
            except BenchError as error:  # the other rows are worth having
                console.print(f"[red]{name}: {error}")
                failed = True
                continue
        rows += [report.middle(only)] if (only := [row for row in repeated if isinstance(row, Row)]) else []
        setups += [row for row in repeated if isinstance(row, SetupRow)][-1:]
        console.print(f"[dim]{time.monotonic() - began:5.0f} s  {name}")
    report.show(console, rows, setups)
    facts = report.facts_of(rows, setups, about)
    facts["ramps"] = _ramps(console, options, bench)
    facts["options"] = [asdict(row) for row in _options(console)] if options.options else []
    console.print(f"[dim]{time.monotonic() - began:5.0f} s in all")
    path = options.output / time.strftime("%Y%m%d-%H%M%S.json")
    report.save(path, facts)
    picture = options.output / "bench.png"
    try:
        report.plot(picture, rows)
    except ImportError:
        console.print("No picture without matplotlib: install the extra 'demo'.")
    else:
        console.print(f"{path} and {picture}")
        if options.docs and failed:
            console.print("[red]A row is missing: the page stays as it is.")
        elif options.docs:
            report.save(page.FIGURES, facts)
            shutil.copy(picture, page.PICTURE)
            page.main()


def _ramps(console: Console, options: argparse.Namespace, bench: Bench) -> list[dict[str, Any]]:
    if not options.ramp:
        return []
    bench = Bench(bench.cores, RAMP_SECONDS)
    found = []
    for mode in options.modes:
        with console.status(f"ramp, {mode}"):
            ramp = climb(bench, mode, MOST, lambda _row: None)
        for sentence in verdict(ramp):
            console.print(sentence)
        found.append({"mode": mode, "calls": ramp.calls, "limits": ramp.limits, "ours": ramp.ours})
    return found


def _options(console: Console) -> list[OptionRow]:
    # On the core of the daemon: this measurement lives in one process.
    os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
    with console.status("options"):
        rows = measure_options()
    table = Table(title="Worker alone, µs of CPU per call-second", title_justify="left")
    for column in ("", "in all", "media plane", "appends", "model's audio"):
        table.add_column(column, justify="right" if column else "left")
    for row in rows:
        figures = (row.total, row.plane, row.appends, row.deltas)
        table.add_row(row.name, *(f"{figure:,.0f}" for figure in figures))
    console.print(table)
    return rows


if __name__ == "__main__":
    main()
