"""One row of the table: start everything, let it talk, read the figures."""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.bench import figures, generator, model
from tests.bench.daemon import Daemon, Usage, on_core, usage_of
from tests.bench.marks import audio_of
from tests.bench.rows import NAN, Row, SetupRow
from tests.bench.tools import PATIENCE_S, PIPE, Cores, Tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.marks import CallMode

DIAL_RATE: Final = 50.0
WARM_UP_S: Final = 2.0
IDLE_S: Final = 3.0
TURNS_S: Final = 5.0
MOST_TURNING: Final = 50
SPARE_LANES: Final = 8
_LATENESS: Final = "talkpath_beat_lateness_seconds"


@dataclass(frozen=True, slots=True)
class Bench:
    """How to measure.

    Attributes:
        cores: Which core carries what.
        seconds: Length of the window.
    """

    cores: Cores
    seconds: float

    def daemon_row(self, mode: CallMode, calls: int) -> Row:
        """Measure the daemon."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="talkpath-bench-")))
            voice, url = stack.enter_context(self._model())
            daemon = stack.enter_context(self._daemon(folder, mode, calls, url))
            callers = stack.enter_context(self._callers(daemon.address, mode))
            idle = self._idle(daemon) if calls == 1 else NAN
            before = daemon.usage()
            dialled = callers.ask(generator.Dial(calls, DIAL_RATE))
            if not dialled.setup:
                raise RuntimeError(
                    f"No call was answered: {dialled.failed}. The daemon says:\n{daemon.log()[:2000]}"
                )
            callers.tell(generator.Talk())
            time.sleep(WARM_UP_S)
            window = _Window(callers, voice, self.seconds)
            scraped = daemon.metrics()
            window.run(daemon.usage)
            scraped_after = daemon.metrics()
            heard, served = _turn_window(callers, voice, calls)
            callers.ask(generator.HangUp())
            first, last = figures.turns(heard, served)
            beat = figures.histogram_quantiles(scraped, scraped_after, _LATENESS, (0.5, 0.99, 0.999))
            counted = [
                figures.growth(scraped, scraped_after, f"talkpath_{name}")
                for name in (
                    "uplink_filled_frames_total{lost}",
                    "uplink_filled_frames_total{gap}",
                    "playout_frames_total{starved}",
                    "playout_frames_total{skipped}",
                )
            ]
            return _row(
                "talkpath",
                mode,
                calls,
                window,
                base=before,
                setup=figures.Spread.of([seconds * 1000 for seconds in dialled.setup]),
                idle=idle,
                beat=[seconds * 1000 for seconds in beat],
                downlink=first,
                barge_in=last,
                filled=counted[0] + counted[1],
                starved=counted[2],
                skipped=counted[3],
            )

    def naive_row(self, mode: CallMode, calls: int) -> Row:
        """Measure the yardstick: a program that handles each packet by itself."""
        with ExitStack() as stack:
            voice, url = stack.enter_context(self._model())
            ports, pid = stack.enter_context(self._naive(url, mode, calls))
            callers = stack.enter_context(self._callers(("127.0.0.1", 9), mode))
            pids = {"worker": pid}
            base = usage_of(pids)
            callers.tell(generator.Aim([("127.0.0.1", port) for port in ports]))
            callers.tell(generator.Talk())
            time.sleep(WARM_UP_S)
            window = _Window(callers, voice, self.seconds)
            window.run(lambda: usage_of(pids))
            return _row("per packet", mode, calls, window, base=base)

    def setup_row(self, mode: CallMode, rate: float, calls: int) -> SetupRow:
        """Measure calls that come quickly and end at once."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="talkpath-bench-")))
            _, url = stack.enter_context(self._model())
            daemon = stack.enter_context(self._daemon(folder, mode, 200, url))
            callers = stack.enter_context(self._callers(daemon.address, mode))
            callers.ask(generator.Dial(10, rate, hang_up_at_once=True))  # first uses cost more
            before = daemon.usage()
            dialled = callers.ask(generator.Dial(calls, rate, hang_up_at_once=True))
            after = daemon.usage()
            spent = {name: (after.cpu[name] - before.cpu[name]) * 1000 / calls for name in after.cpu}
            return SetupRow(
                mode=mode,
                rate=rate,
                calls=calls,
                answered=len(dialled.setup),
                setup=figures.Spread.of([seconds * 1000 for seconds in dialled.setup]),
                cpu_ms_per_call=sum(spent.values()),
                sip_ms_per_call=spent["sip"],
                worker_ms_per_call=spent["worker"],
                retransmissions=dialled.retransmissions,
            )

    @staticmethod
    def _idle(daemon: Daemon) -> float:
        time.sleep(1.0)  # what starting left behind
        before = daemon.usage()
        time.sleep(IDLE_S)
        after = daemon.usage()
        return _cpu(before, after) / (after.at - before.at) * 1000

    @contextmanager
    def _model(self) -> Iterator[tuple[Tool, str]]:
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        listener.setblocking(False)
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/v1/realtime"
        tool = Tool("model", model.main, listener, PIPE, self.cores.model)
        listener.close()
        try:
            yield tool, url
        finally:
            tool.end()

    @contextmanager
    def _callers(self, peer: tuple[str, int], mode: CallMode) -> Iterator[Tool]:
        wide = mode == "g722"
        settings = generator.Settings(peer, 0 if mode == "pcmu" else 2, self.cores.generator, wide=wide)
        tool = Tool("generator", generator.main, settings, PIPE)
        try:
            yield tool
        finally:
            tool.end()

    def _daemon(self, folder: Path, mode: CallMode, calls: int, url: str) -> Daemon:
        return Daemon(
            folder, model_url=url, audio=audio_of(mode), lanes=calls + SPARE_LANES, core=self.cores.daemon
        )

    @contextmanager
    def _naive(self, url: str, mode: CallMode, calls: int) -> Iterator[tuple[list[int], int]]:
        command = [
            sys.executable,
            "-m",
            "tests.bench.naive",
            "--url",
            url,
            "--mode",
            mode,
            "--calls",
            str(calls),
        ]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        with on_core(self.cores.daemon):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
        try:
            yield json.loads(_first_line(process)), process.pid
        finally:
            process.kill()
            process.communicate()


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(PATIENCE_S):
            raise RuntimeError("The yardstick did not say on which ports it listens.")
    return process.stdout.readline()


class _Window:
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


def _turn_window(callers: Tool, voice: Tool, calls: int) -> tuple[generator.Heard, model.Served]:
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


def _cpu(before: Usage, after: Usage) -> float:
    return sum(after.cpu.values()) - sum(before.cpu.values())


def _row(
    subject: str,
    mode: str,
    calls: int,
    window: _Window,
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
    none = figures.Spread.of([])
    heard, served, before, after = window.heard, window.served, window.before, window.after
    seconds = after.at - before.at
    spent = _cpu(before, after)
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
