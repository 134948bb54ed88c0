"""The budgets that figures stand beside. They are goals: nothing fails when one is missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.benchmark.rows import Row, SetupRow


@dataclass(frozen=True, slots=True)
class Budget:
    """A goal for one figure.

    Attributes:
        what: The figure, in words.
        limit: Largest value that is within the budget.
        unit: Its unit.
        of: Takes the figure from a row.
        modes: Audio formats that it is for.
        calls: Numbers of calls that it is for, the first and the last.
    """

    what: str
    limit: float
    unit: str
    of: Callable[[Row], float]
    modes: tuple[str, ...] = ("pcmu", "pcm")
    calls: tuple[int, int] = (1, 10_000)

    def applies(self, row: Row) -> bool:
        """Whether the budget is for this row."""
        return row.mode in self.modes and self.calls[0] <= row.calls <= self.calls[1]


ROWS: Final = (
    Budget("CPU per call-second", 800, "µs", lambda row: row.us_per_call_second, ("pcmu",), (200, 10_000)),
    Budget("CPU per call-second", 1200, "µs", lambda row: row.us_per_call_second, ("pcm",), (200, 10_000)),
    Budget("CPU of one call", 8, "ms/s", lambda row: row.us_per_call_second / 1000, calls=(1, 1)),
    Budget("CPU when idle", 3, "ms/s", lambda row: row.idle_ms_per_second, calls=(1, 1)),
    Budget("RTP send jitter p99", 10, "ms", lambda row: row.send_jitter.p99),
    Budget("frames lost", 0, "", lambda row: row.lost_up + row.lost_down + row.missing_packets),
    Budget("uplink added p50", 3, "ms", lambda row: row.uplink.p50),
    Budget("uplink added p99", 8, "ms", lambda row: row.uplink.p99),
    Budget("downlink added p50", 11, "ms", lambda row: row.downlink.p50),
    Budget("downlink added p99", 22, "ms", lambda row: row.downlink.p99),
    Budget("barge-in stop p50", 20, "ms", lambda row: row.barge_in.p50),
    Budget("INVITE to 200 p95", 50, "ms", lambda row: row.setup.p95),
    Budget("memory per call", 0.5, "MB", lambda row: row.mb_per_call, calls=(50, 10_000)),
)

SETUP_P95_MS: Final = 50.0
SETUP_CPU_MS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """A budget, where it was measured, and the figure."""

    budget: str
    where: str
    figure: float
    limit: float
    unit: str

    @property
    def kept(self) -> bool:
        """Whether the figure is within the budget; a figure that could not be had is not."""
        return self.figure <= self.limit


def verdicts(rows: list[Row], setups: list[SetupRow]) -> list[Verdict]:
    """Every budget with the figures it is for. The yardstick's rows are not held against them."""
    ours = [row for row in rows if row.subject == "talkpath"]
    found = [
        Verdict(budget.what, f"{row.mode}, {row.calls}", budget.of(row), budget.limit, budget.unit)
        for budget in ROWS
        for row in ours
        if budget.applies(row)
    ]
    for setup in setups:
        where = f"{setup.mode}, {setup.rate:.0f} calls/s"
        found += [
            Verdict("INVITE to 200 p95", where, setup.setup.p95, SETUP_P95_MS, "ms"),
            Verdict("CPU per set-up", where, setup.cpu_ms_per_call, SETUP_CPU_MS, "ms"),
        ]
    return found
