"""A stretch of steady talk, and the row that comes of it."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from talkpath.bridge.benchmark import figures, generator, model
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
        self.heard: generator.Heard
        self.served: model.Served
        self.before: Usage
        self.after: Usage
        self.busy = NAN

    def run(self, usage: Any) -> None:
        """Let it pass."""
        self._callers.tell(generator.Begin())
        self._voice.tell(model.Begin())
        time.sleep(0.05)
        running, began = _running(), time.monotonic()
        self.before = usage()
        time.sleep(self._wanted)
        self.after = usage()
        ran = time.monotonic() - began
        self.busy = _cores_busy(running, _running(), ran)
        self.heard = self._callers.ask(generator.Report())
        self.served = self._voice.ask(model.Report())


def turn_window(callers: Tool, voice: Tool, calls: int) -> tuple[generator.Heard, model.Served]:
    """Let callers interrupt for a while; what both sides wrote down."""
    voice.tell(model.TakeTurns(min(calls, MOST_TURNING)))
    time.sleep(0.2)
    callers.tell(generator.Begin())
    voice.tell(model.Begin())
    time.sleep(TURNS_S)
    return callers.ask(generator.Report()), voice.ask(model.Report())


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


def row_of(
    subject: str,
    mode: str,
    calls: int,
    window: Window,
    *,
    base: Usage,
    setup: figures.Spread | None = None,
    idle: float = NAN,
    beat: list[float] | None = None,
    downlink: figures.Spread | None = None,
    barge_in: figures.Spread | None = None,
    filled: float = NAN,
    starved: float = NAN,
    skipped: float = NAN,
) -> Row:
    """The row of a window; what was not measured is NaN.

    Args:
        subject: What was measured.
        mode: The audio.
        calls: How many were wanted.
        window: The window.
        base: What the processes had used before the first call.
        setup: Milliseconds from INVITE to 200.
        idle: CPU ms per second without a call.
        beat: Lateness of beats in ms, at 50, 99 and 99.9 %.
        downlink: First delta to first audible packet, ms.
        barge_in: Interruption to last audible packet, ms.
        filled: Frames made up towards the model.
        starved: Frames of silence because the model was late.
        skipped: Frames never sent because a beat came too late.
    """
    none = figures.Spread.of([])
    heard, served, before, after = window.heard, window.served, window.before, window.after
    seconds = after.at - before.at
    spent = cpu_between(before, after)
    uplink, up = figures.uplink(heard, served)
    down = figures.echo(heard, served)
    beat = beat or [NAN] * 3
    answered = len(set(heard.received[:, 0].tolist()))
    talking = max(answered, 1)
    return Row(
        subject=subject,
        mode=mode,
        calls=calls,
        answered=answered,
        us_per_call_second=spent / seconds / talking * 1e6,
        worker_us_per_call_second=(after.cpu["worker"] - before.cpu["worker"]) / seconds / talking * 1e6,
        kernel_share=(after.kernel["worker"] - before.kernel["worker"])
        / max(after.cpu["worker"] - before.cpu["worker"], 1e-9),
        core_share=spent / seconds,
        idle_ms_per_second=idle,
        mb_per_call=(sum(before.rss.values()) - sum(base.rss.values())) / 1e6 / talking,
        setup=setup or none,
        beat_late_p50=beat[0],
        beat_late_p99=beat[1],
        beat_late_p999=beat[2],
        send_jitter=figures.send_jitter(heard),
        uplink=uplink,
        downlink=downlink or none,
        barge_in=barge_in or none,
        lost_up=up.lost,
        lost_down=down.lost,
        frames_up=up.looked_for,
        frames_down=down.looked_for,
        missing_packets=figures.missing_packets(heard),
        filled=filled,
        starved=starved,
        skipped=skipped,
        generator_share=heard.effort.share,
        generator_late_p99=heard.effort.late_ms[1],
        model_share=served.effort.share,
        model_late_p99=served.effort.late_ms[1],
        model_blocked=served.blocked,
        machine_busy=window.busy,
    )
