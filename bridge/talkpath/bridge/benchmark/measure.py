"""Start everything, let it talk, read the figures."""

from __future__ import annotations

import socket
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from talkpath.bridge.benchmark import figures, generator, model, orders
from talkpath.bridge.benchmark.daemon import BenchError, Daemon
from talkpath.bridge.benchmark.marks import audio_of
from talkpath.bridge.benchmark.rows import NAN, Row, SetupRow
from talkpath.bridge.benchmark.tls_end import make_identity
from talkpath.bridge.benchmark.tools import PIPE, Cores, Tool
from talkpath.bridge.benchmark.window import Window, cpu_between, row_of, turn_window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from talkpath.bridge.benchmark.marks import CallMode
    from talkpath.bridge.benchmark.tls_end import Identity

DIAL_RATE: Final = 50.0
WARM_UP_S: Final = 2.0
IDLE_S: Final = 3.0
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

    def stage(self, mode: CallMode, lanes: int) -> Stage:
        """A daemon with callers and a model around it; use it as a context."""
        return Stage(self, mode, lanes)

    def daemon_row(self, mode: CallMode, calls: int) -> Row:
        """Measure the daemon with some calls."""
        with self.stage(mode, calls) as stage:
            if calls == 1:
                stage.measure_idle()
            stage.grow(calls)
            return stage.row(turns=True)

    def setup_row(self, mode: CallMode, rate: float, calls: int) -> SetupRow:
        """Measure calls that come quickly and end at once."""
        with self.stage(mode, 200) as stage:
            return stage.setups(rate, calls)

    @contextmanager
    def model(self, identity: Identity | None = None) -> Iterator[tuple[Tool, str]]:
        """The model in a process of its own, and its URL; with TLS if it has an identity."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        listener.setblocking(False)
        url = f"{'wss' if identity else 'ws'}://127.0.0.1:{listener.getsockname()[1]}/v1/realtime"
        tool = Tool("model", model.main, listener, PIPE, self.cores.model, identity)
        listener.close()
        try:
            yield tool, url
        finally:
            tool.end()

    @contextmanager
    def callers(self, peer: tuple[str, int], mode: CallMode) -> Iterator[Tool]:
        """The callers in a process of their own."""
        wide = mode == "g722"
        conversions = 0 if audio_of(mode) == "pcmu" else 2
        core = self.cores.generator
        settings = generator.Settings(peer, conversions, core, wide=wide, secure=mode == "srtp")
        tool = Tool("generator", generator.main, settings, PIPE)
        try:
            yield tool
        finally:
            tool.end()


class Stage:
    """A daemon, its callers and its model, while they run.

    Args:
        bench: How to measure.
        mode: The audio.
        lanes: The most calls at once.
    """

    def __init__(self, bench: Bench, mode: CallMode, lanes: int) -> None:
        self._bench, self._mode, self._lanes = bench, mode, lanes
        self._stack = ExitStack()
        self._daemon: Daemon
        self._voice: Tool
        self._callers: Tool
        self._idle = NAN
        self._calls = 0
        self._setup: list[float] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="talkpath-bench-")))
            identity = make_identity(folder) if self._mode == "tls" else None
            self._voice, url = stack.enter_context(self._bench.model(identity))
            daemon = Daemon(
                folder,
                model_url=url,
                audio=audio_of(self._mode),
                lanes=self._lanes + SPARE_LANES,
                core=self._bench.cores.daemon,
                ca_file=identity.public if identity else None,
                srtp=self._mode == "srtp",
            )
            self._daemon = stack.enter_context(daemon)
            self._callers = stack.enter_context(self._bench.callers(daemon.address, self._mode))
            self._before = self._daemon.usage()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def worker_pid(self) -> int:
        """Process id of the media worker, for a profiler."""
        return self._daemon.worker_pid()

    def measure_idle(self) -> None:
        """Find out what the daemon costs without a call; only before the first one."""
        time.sleep(1.0)  # what starting left behind
        before = self._daemon.usage()
        time.sleep(IDLE_S)
        after = self._daemon.usage()
        self._idle = cpu_between(before, after) / (after.at - before.at) * 1000

    def grow(self, calls: int) -> None:
        """Place more calls, until there are so many; let them talk.

        Raises:
            BenchError: None was answered.
        """
        dialled = self._callers.ask(orders.Dial(calls - self._calls, DIAL_RATE))
        if not dialled.setup:
            raise BenchError(
                f"No call was answered: {dialled.failed}. The daemon says:\n{self._daemon.log()[:2000]}"
            )
        self._setup = dialled.setup
        self._calls = calls
        self._callers.tell(orders.Talk())
        time.sleep(WARM_UP_S)

    def row(self, *, turns: bool) -> Row:
        """Measure a window; with `turns`, a second one in which the callers interrupt."""
        window = Window(self._callers, self._voice, self._bench.seconds)
        scraped = self._daemon.metrics()
        window.run(self._daemon.usage)
        scraped_after = self._daemon.metrics()
        row = row_of("talkpath", self._mode, self._calls, window, base=self._before)
        row = _with_own_counts(row, scraped, scraped_after)
        row = replace(row, setup=_milliseconds(self._setup), idle_ms_per_second=self._idle)
        if turns:
            first, last = figures.turns(*turn_window(self._callers, self._voice, self._calls))
            row = replace(row, downlink=first, barge_in=last)
        return row

    def setups(self, rate: float, calls: int) -> SetupRow:
        """Measure calls that come quickly and end at once."""
        self._callers.ask(orders.Dial(10, rate, hang_up_at_once=True))  # first uses cost more
        before = self._daemon.usage()
        dialled = self._callers.ask(orders.Dial(calls, rate, hang_up_at_once=True))
        after = self._daemon.usage()
        spent = {name: (after.cpu[name] - before.cpu[name]) * 1000 / calls for name in after.cpu}
        return SetupRow(
            mode=self._mode,
            rate=rate,
            calls=calls,
            answered=len(dialled.setup),
            setup=_milliseconds(dialled.setup),
            cpu_ms_per_call=sum(spent.values()),
            sip_ms_per_call=spent["sip"],
            worker_ms_per_call=spent["worker"],
            retransmissions=dialled.retransmissions,
        )


def _milliseconds(seconds: list[float]) -> figures.Spread:
    return figures.Spread.of([one * 1000 for one in seconds])


def _with_own_counts(row: Row, before: Mapping[str, float], after: Mapping[str, float]) -> Row:
    """The row with what the daemon counted itself, between two looks at its metrics."""

    def grown(name: str) -> float:
        return figures.growth(before, after, f"talkpath_{name}")

    late = figures.histogram_quantiles(before, after, _LATENESS, (0.5, 0.99, 0.999))
    p50, p99, p999 = (seconds * 1000 for seconds in late)
    return replace(
        row,
        beat_late_p50=p50,
        beat_late_p99=p99,
        beat_late_p999=p999,
        filled=grown("uplink_filled_frames_total{lost}") + grown("uplink_filled_frames_total{gap}"),
        starved=grown("playout_frames_total{starved}"),
        skipped=grown("playout_frames_total{skipped}"),
    )
