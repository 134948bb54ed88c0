"""More and more calls on one daemon, until callers would hear it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from talkpath.bridge.benchmark.daemon import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from talkpath.bridge.benchmark.marks import CallMode
    from talkpath.bridge.benchmark.measure import Bench
    from talkpath.bridge.benchmark.rows import Row

FIRST: Final = 50
STEP: Final = 50
MOST: Final = 1_000
"""Marks in the audio tell 1,024 calls apart."""
JITTER_MS: Final = 10.0
"""What a telephone's jitter buffer takes without a thought."""
BEAT_LATE_MS: Final = 10.0
LOST_SHARE: Final = 0.001


@dataclass(slots=True)
class Ramp:
    """How far it went.

    Attributes:
        mode: The audio.
        rows: One per step, in order.
        limits: Why it ended: what callers would hear, or what kept us from finding out.
        ours: Whether the daemon was the limit, and not the load tools or the machine.
    """

    mode: CallMode
    rows: list[Row] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    ours: bool = False

    @property
    def calls(self) -> int:
        """The most calls whose callers would have heard nothing; 0: not even the first step."""
        return max((row.calls for row in self.rows if not broken(row)), default=0)


def steps(most: int, first: int = FIRST) -> Iterator[int]:
    """Numbers of calls: a quarter more each time, in whole fifties; `most` is the last."""
    calls = min(first, most)
    while calls < most:
        yield calls
        calls += max(STEP, calls // 4 // STEP * STEP)
    yield most


def broken(row: Row) -> list[str]:
    """What is wrong with the quality of a row, a few words each."""
    wrong = []
    if row.answered < row.calls:
        wrong.append(f"{row.calls - row.answered:.0f} calls without audio")
    if not row.send_jitter.p99 <= JITTER_MS:
        wrong.append(f"send jitter p99 {row.send_jitter.p99:.1f} ms")
    if not row.beat_late_p99 <= BEAT_LATE_MS:
        wrong.append(f"beats late by {row.beat_late_p99:.0f} ms at 99 %")
    if row.lost_up > row.frames_up * LOST_SHARE:
        wrong.append(f"{row.lost_up:.0f} frames lost to the model")
    if row.lost_down + row.missing_packets > row.frames_down * LOST_SHARE:
        wrong.append(f"{row.lost_down + row.missing_packets:.0f} frames lost to the callers")
    return wrong


def not_ours(row: Row) -> list[str]:
    """Who else may be to blame for it."""
    others = []
    if row.limited_by_tools:
        others.append(
            f"the load tools were at their limit (generator {row.generator_share:.0%}, model "
            f"{row.model_share:.0%} of a core)"
        )
    if row.disturbed:
        others.append(f"other programs used {row.others:.0%} of a core")
    return others


def climb(bench: Bench, mode: CallMode, most: int, tell: Callable[[Row], None]) -> Ramp:
    """Raise the number of calls until quality breaks twice in a row, or there are `most`.

    Args:
        bench: How to measure.
        mode: The audio.
        most: Where to stop, at most `MOST`.
        tell: Is shown each row.

    Raises:
        BenchError: Not even the first calls were answered.
    """
    ramp = Ramp(mode)
    with bench.stage(mode, most) as stage:
        for calls in steps(most):
            try:
                stage.grow(calls)
            except BenchError as error:
                if not ramp.rows:
                    raise
                ramp.limits = [str(error).splitlines()[0]]
                return ramp
            row = stage.row(turns=False)
            if broken(row):
                row = stage.row(turns=False)  # a moment's disturbance is no limit
            ramp.rows.append(row)
            tell(row)
            if broken(row):
                ramp.limits = broken(row) + not_ours(row)
                ramp.ours = not not_ours(row)
                return ramp
    ramp.limits = [f"no more than {most} calls were tried"]
    return ramp
