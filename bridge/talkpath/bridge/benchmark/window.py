"""A stretch of steady talk, and the row that comes of it."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from talkpath.bridge.benchmark import figures, orders
from talkpath.bridge.benchmark.rows import NAN, Row

if TYPE_CHECKING:
    from talkpath.bridge.benchmark.daemon import Usage
    from talkpath.bridge.benchmark.tools import Tool

TURNS_S: Final = 5.0
MOST_TURNING: Final = 50


class Window:
    """A stretch of steady talk, and what everybody wrote down in it."""

    def __init__(self, callers: Tool, voice: Tool, seconds: float) -> None:
        self._callers, self._voice = callers, voice
        self._wanted = seconds
        self.heard: orders.Heard
        self.served: orders.Served
        self.before: Usage
        self.after: Usage
        self.busy = NAN

    def run(self, usage: Any) -> None:
        """Let it pass."""
        self._callers.tell(orders.Begin())
        self._voice.tell(orders.Begin())
        time.sleep(0.05)
        running, began = _running(), time.monotonic()
        self.before = usage()
        time.sleep(self._wanted)
        self.after = usage()
        ran = time.monotonic() - began
        self.busy = _cores_busy(running, _running(), ran)
        self.heard = self._callers.ask(orders.Report())
        self.served = self._voice.ask(orders.Report())


def turn_window(callers: Tool, voice: Tool, calls: int) -> tuple[orders.Heard, orders.Served]:
    """Let callers interrupt for a while; what both sides wrote down."""
    voice.tell(orders.TakeTurns(min(calls, MOST_TURNING)))
    time.sleep(0.2)
    callers.tell(orders.Begin())
    voice.tell(orders.Begin())
    time.sleep(TURNS_S)
    return callers.ask(orders.Report()), voice.ask(orders.Report())


def _running() -> dict[str, int]:
    """Nanoseconds that each thread of the machine has run.

    The scheduler's own account: the ticks of ``/proc/stat`` miss most of what runs for less than a tick at a
    time, as the load tools do.
    """
    found: dict[str, int] = {}
    for path in Path("/proc").glob("[0-9]*/task/[0-9]*/schedstat"):
        with suppress(OSError):  # it has ended meanwhile
            found[path.parent.name] = int(path.read_text(encoding="ascii").split()[0])
    return found


def _cores_busy(before: dict[str, int], after: dict[str, int], seconds: float) -> float:
    """Cores in use between two looks; threads that ended in between are not counted."""
    if not after:
        return NAN
    return sum(ran - before.get(thread, 0) for thread, ran in after.items()) / seconds / 1e9


def cpu_between(before: Usage, after: Usage) -> float:
    """CPU seconds of all processes between two looks."""
    return sum(after.cpu.values()) - sum(before.cpu.values())


def row_of(subject: str, mode: str, calls: int, window: Window, *, base: Usage) -> Row:
    """The row of a window, without what only the subject itself can tell.

    Args:
        subject: What was measured.
        mode: The audio.
        calls: How many were wanted.
        window: The window.
        base: What the processes had used before the first call.
    """
    heard, served, before, after = window.heard, window.served, window.before, window.after
    seconds = after.at - before.at
    spent = cpu_between(before, after)
    worker = after.cpu["worker"] - before.cpu["worker"]
    in_kernel = after.kernel["worker"] - before.kernel["worker"]
    uplink, up = figures.uplink(heard, served)
    down = figures.echo(heard, served)
    answered = len(set(heard.received[:, 0].tolist()))
    talking = max(answered, 1)
    return Row(
        subject=subject,
        mode=mode,
        calls=calls,
        answered=answered,
        us_per_call_second=spent / seconds / talking * 1e6,
        worker_us_per_call_second=worker / seconds / talking * 1e6,
        kernel_share=in_kernel / max(worker, 1e-9),
        core_share=spent / seconds,
        mb_per_call=(sum(before.rss.values()) - sum(base.rss.values())) / 1e6 / talking,
        send_jitter=figures.send_jitter(heard),
        uplink=uplink,
        lost_up=up.lost,
        lost_down=down.lost,
        frames_up=up.looked_for,
        frames_down=down.looked_for,
        missing_packets=figures.missing_packets(heard),
        generator_share=heard.effort.share,
        generator_late_p99=heard.effort.late_ms[1],
        model_share=served.effort.share,
        model_late_p99=served.effort.late_ms[1],
        model_blocked=served.blocked,
        machine_busy=window.busy,
    )
