"""The rows of the yardstick, `naive.py`, measured with the same tools as the daemon."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from talkpath.bridge.benchmark import orders
from talkpath.bridge.benchmark.daemon import BenchError, on_core, usage_of
from talkpath.bridge.benchmark.measure import WARM_UP_S
from talkpath.bridge.benchmark.tools import PATIENCE_S
from talkpath.bridge.benchmark.window import Window, row_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.bridge.benchmark.marks import CallMode
    from talkpath.bridge.benchmark.measure import Bench
    from talkpath.bridge.benchmark.rows import Row


def naive_row(bench: Bench, mode: CallMode, calls: int) -> Row:
    """Measure the program that handles each packet by itself."""
    with ExitStack() as stack:
        voice, url = stack.enter_context(bench.model())
        ports, pid = stack.enter_context(_naive(bench, url, mode, calls))
        callers = stack.enter_context(bench.callers(("127.0.0.1", 9), mode))
        pids = {"worker": pid}
        base = usage_of(pids)
        callers.tell(orders.Aim([("127.0.0.1", port) for port in ports]))
        callers.tell(orders.Talk())
        time.sleep(WARM_UP_S)
        window = Window(callers, voice, bench.seconds)
        window.run(lambda: usage_of(pids))
        return row_of("per packet", mode, calls, window, base=base)


@contextmanager
def _naive(bench: Bench, url: str, mode: CallMode, calls: int) -> Iterator[tuple[list[int], int]]:
    command = [sys.executable, "-m", "tests.bench.naive"]
    command += ["--url", url, "--mode", mode, "--calls", str(calls)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    with on_core(bench.cores.daemon):
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
            raise BenchError("The yardstick did not say on which ports it listens.")
    return process.stdout.readline()
