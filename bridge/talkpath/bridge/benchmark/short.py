"""``talkpath bench``: how many calls this machine carries, in about two minutes."""

from __future__ import annotations

import os
import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.console import Console

from talkpath.bridge.benchmark import report
from talkpath.bridge.benchmark.daemon import BenchError
from talkpath.bridge.benchmark.measure import Bench
from talkpath.bridge.benchmark.ramp import Ramp, broken, climb
from talkpath.bridge.benchmark.tools import Cores, orderly_end
from talkpath.bridge.doctor.findings import Finding
from talkpath.bridge.doctor.stack import BUILD, stack_facts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from talkpath.bridge.benchmark.marks import CallMode
    from talkpath.bridge.benchmark.rows import Row

WINDOW_S: Final = 4.0
BUSY: Final = 0.5
"""Load average above which figures are worth a warning."""


def run(mode: CallMode, most: int, output: Path | None) -> bool:
    """Measure and print; whether anything could be said.

    Args:
        mode: The audio.
        most: Calls to try at most.
        output: File for the figures as JSON, if wanted.
    """
    console = Console()
    most = _stack_calls(console, most)
    if not most:
        return False
    cores = Cores.choose()
    _warn(console, cores)
    with orderly_end(), _room(cores):
        bench = Bench(cores, WINDOW_S)
        try:
            ramp = climb(bench, mode, most, lambda row: _step(console, row))
        except BenchError as error:
            console.print(f"[red]{error}")
            return False
    for line in verdict(ramp):
        console.print(line, soft_wrap=True)
    if output is not None:
        about = {"calls": ramp.calls, "limits": ramp.limits, **report.machine(bench)}
        report.save(output, report.facts_of(ramp.rows, [], about))
    return True


def verdict(ramp: Ramp) -> list[str]:
    """What the ramp says, in sentences."""
    why = ", ".join(ramp.limits)
    if not ramp.calls:
        return [f"Not even {ramp.rows[0].calls} calls went well: {why}."]
    least = "" if ramp.ours else "at least "
    cost = next(row for row in ramp.rows if row.calls == ramp.calls)
    audio = report.NAMES[ramp.mode]
    return [
        f"This machine carries {least}about {ramp.calls} calls per worker ({audio}).",
        f"What ended it: {why}.",
        f"At {ramp.calls} calls the daemon used {cost.core_share:.0%} of a core; plan with two thirds of it.",
    ]


def _stack_calls(console: Console, wanted: int) -> int:
    """How many of the wanted calls the SIP stack of this installation carries; 0: it does not start."""
    facts = stack_facts()
    if isinstance(facts, Finding):
        console.print(f"[red]{facts.message} {facts.fix}")
        return 0
    carried = int(facts["calls"])
    if carried < wanted:
        console.print(f"[yellow]The SIP stack of this installation carries {carried} calls at once. {BUILD}")
    return min(carried, wanted)


def _warn(console: Console, cores: Cores) -> None:
    if os.getloadavg()[0] > BUSY:
        console.print(
            f"[yellow]Other programs are at work here (load {os.getloadavg()[0]:.1f}): expect fewer calls."
        )
    if cores.daemon is None:
        console.print("[yellow]One core only: the callers take what the daemon could use.")


@contextmanager
def _room(cores: Cores) -> Iterator[None]:
    """Enough open files for callers and model, and not on the daemon's core, for as long as it takes."""
    limits, affinity = resource.getrlimit(resource.RLIMIT_NOFILE), os.sched_getaffinity(0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    if cores.generator is not None:
        os.sched_setaffinity(0, {cores.generator})
    try:
        yield
    finally:
        os.sched_setaffinity(0, affinity)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def _step(console: Console, row: Row) -> None:
    lost = row.lost_up + row.lost_down + row.missing_packets
    console.print(
        f"{row.calls:5} calls: {row.core_share:4.0%} of a core, {row.us_per_call_second:5,.0f} µs per "
        f"call-second, {row.mb_per_call:.2f} MB per call, jitter p99 {row.send_jitter.p99:.1f} ms, "
        f"{lost:.0f} frames lost: {'[yellow]broken' if broken(row) else '[green]good'}",
        soft_wrap=True,
    )
