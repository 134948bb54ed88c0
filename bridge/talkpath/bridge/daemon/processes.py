"""What the supervisor tells about its processes: alive, restarted, how much they use."""

from __future__ import annotations

import collections
import os
from typing import TYPE_CHECKING, Final

import psutil

from talkpath.bridge.observe.feed import CounterFeed
from talkpath.bridge.observe.shared import bury

if TYPE_CHECKING:
    from talkpath.bridge.daemon.supervisor import Supervisor
    from talkpath.bridge.observe.metrics import Metrics

USAGE_EVERY: Final = 5
"""Looks between two readings of memory, processor time and open files, which cost a millisecond."""
SUPERVISOR: Final = "supervisor"


class ProcessWatch:
    """Feeds the metrics of the processes; `look` is called once a second.

    Args:
        supervisor: whose children are looked at.
        metrics: the supervisor's.
    """

    def __init__(self, supervisor: Supervisor, metrics: Metrics) -> None:
        self._supervisor = supervisor
        self._metrics = metrics
        self._pids: set[int] = set()
        self._restarts = CounterFeed(metrics.process_restarts.labels)
        self._lost = CounterFeed(metrics.calls_lost.labels)
        self._dropped = CounterFeed(metrics.messages_dropped.labels)
        self._cpu = {name: CounterFeed(metrics.process_cpu.labels) for name in self._processes()}
        self._looks = 0
        for child in supervisor.children:
            metrics.process_restarts.labels(child.spec.name)
            metrics.calls_lost.labels(child.spec.name)

    def look(self) -> bool:
        """Take the state of this moment.

        Returns:
            Whether a process has ended since the last look: then `tidy_up`.
        """
        children = self._supervisor.children
        for child in children:
            self._metrics.process_up.labels(child.spec.name).set(child.ready)
        self._restarts.feed({child.spec.name: child.restarts for child in children})
        self._lost.feed(self._supervisor.calls_lost)
        self._dropped.feed(sum((child.dropped for child in children), collections.Counter()))
        self._metrics.draining.set(self._supervisor.draining)
        for name, overloaded in self._supervisor.overloaded.items():
            self._metrics.worker_overloaded.labels(name).set(overloaded)
        if self._looks % USAGE_EVERY == 0:
            self._read_usage()
        self._looks += 1
        before, self._pids = self._pids, self._living()
        return bool(before - self._pids)

    def tidy_up(self) -> None:
        """Settle what dead processes left; reads files, so it runs on a thread."""
        bury(self._living())

    def _processes(self) -> dict[str, int | None]:
        return {
            SUPERVISOR: os.getpid(),
            **{child.spec.name: child.pid for child in self._supervisor.children},
        }

    def _living(self) -> set[int]:
        return {pid for pid in self._processes().values() if pid is not None}

    def _read_usage(self) -> None:
        for name, pid in self._processes().items():
            if pid is None:
                continue
            try:
                process = psutil.Process(pid)
                with process.oneshot():
                    times = process.cpu_times()
                    self._cpu[name].feed({name: times.user + times.system})
                    self._metrics.process_memory.labels(name).set(process.memory_info().rss)
                    self._metrics.process_files.labels(name).set(process.num_fds())
                    most, _ = process.rlimit(psutil.RLIMIT_NOFILE)
                    self._metrics.process_max_files.labels(name).set(most)
            except (psutil.Error, OSError):  # it ended just now, or /proc is not all there
                continue
