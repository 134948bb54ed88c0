"""Limits of the machine: open files, cores, the clock."""

from __future__ import annotations

import ctypes
import resource
import time
from typing import TYPE_CHECKING

from talkpath.bridge.config.capacity import capacity, usable_cores

from .findings import Finding

if TYPE_CHECKING:
    from talkpath.bridge.config.model import Config

FILES_PER_CALL = 3
"""A socket for RTP, one for RTCP, one for the model."""
FILES_BESIDE = 128
"""Of a process with no call: libraries, logs, channels, metrics."""

TIME_ERROR = 5
"""What adjtimex(2) returns when nobody keeps the clock."""
TIMEX_BYTES = 512
"""More than ``struct timex`` has on any Linux (208 bytes on 64 bits); all zero means: only read."""

SLEEPS = 40
SLEEP = 0.005
"""Seconds: one beat of the media plane."""


def examine_limits(config: Config) -> list[Finding]:
    """Open files and cores against what the configuration has room for."""
    fits = capacity(config)
    per_worker = min(config.workers.lanes, -(-fits.calls // fits.workers))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    findings = [judge_files(per_worker, soft)]
    cores = usable_cores()
    if fits.workers > cores:
        text = f"{plural(fits.workers, 'worker')} on {plural(cores, 'core')}."
        findings.append(Finding("limits", "warn", text, "Set count = 0 in [workers]: one per core."))
    workers = plural(fits.workers, "worker")
    text = f"Room for {fits.calls} calls at once ({workers}), limited by {fits.limited_by}."
    return [*findings, Finding("limits", "ok", text)]


def plural(count: int, noun: str) -> str:
    """A count with its noun: ``1 core``, ``2 cores``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def judge_files(calls_per_worker: int, soft_limit: int) -> Finding:
    """Judge the limit of open files of a worker."""
    needed = calls_per_worker * FILES_PER_CALL + FILES_BESIDE
    if soft_limit in {resource.RLIM_INFINITY, -1} or soft_limit >= needed:
        shown = "unlimited" if soft_limit == resource.RLIM_INFINITY else str(soft_limit)
        return Finding(
            "limits",
            "ok",
            f"Open files: {shown}, {needed} needed for the {calls_per_worker} calls of a worker.",
        )
    calls = max(0, (soft_limit - FILES_BESIDE) // FILES_PER_CALL)
    text = f"Open files: {soft_limit}, {needed} needed for {calls_per_worker} calls; enough for {calls}."
    return Finding(
        "limits", "warn", text, f"ulimit -n {needed}, or LimitNOFILE={needed} in the systemd unit."
    )


def examine_clock() -> list[Finding]:
    """The monotonic clock, how exactly it wakes us, and whether the time of day is kept."""
    resolution = time.clock_getres(time.CLOCK_MONOTONIC)
    worst = _worst_oversleep()
    return [judge_clock(resolution, worst), judge_time_of_day(_adjtimex())]


def _worst_oversleep() -> float:
    worst = 0.0
    for _ in range(SLEEPS):
        before = time.monotonic()
        time.sleep(SLEEP)
        worst = max(worst, time.monotonic() - before - SLEEP)
    return worst


def judge_clock(resolution: float, oversleep: float) -> Finding:
    """Judge the resolution and the worst oversleep, both in seconds."""
    text = (
        f"Monotonic clock: resolution {resolution * 1e9:.0f} ns, wakes at most {oversleep * 1e3:.2f} ms late."
    )
    if resolution > 0.001:
        return Finding("clock", "fail", text, "Use a machine with a finer clock; 20 ms packets need it.")
    if oversleep > 0.01:
        fix = "The machine is busy or its hypervisor is: reserve cores, stop other work, try again."
        return Finding("clock", "warn", text, fix)
    return Finding("clock", "ok", text)


def _adjtimex() -> int | None:
    try:
        library = ctypes.CDLL(None, use_errno=True)
        state = int(library.adjtimex(ctypes.create_string_buffer(TIMEX_BYTES)))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state


def judge_time_of_day(state: int | None) -> Finding:
    """Judge what adjtimex(2) says: None is "not told"."""
    if state is None:
        return Finding("clock", "ok", "The kernel does not tell whether the time of day is kept.")
    if state == TIME_ERROR:
        text = "Nobody keeps the time of day; certificates and logs depend on it."
        return Finding(
            "clock", "warn", text, "Start chrony or systemd-timesyncd; in a container, on its host."
        )
    return Finding("clock", "ok", "The time of day is kept by NTP.")
