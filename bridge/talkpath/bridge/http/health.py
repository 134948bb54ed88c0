"""Is the daemon alive, and should it get calls? Pure functions of a snapshot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ProcessHealth:
    """A child process; ``ready`` means that it has read its settings and works."""

    name: str
    ready: bool
    pid: int | None = None
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class RegistrationHealth:
    """A registration at a trunk, with the registrar's last answer."""

    registered: bool
    status: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DaemonSnapshot:
    """What the daemon knows of itself at one moment.

    ``registrations`` has an entry for each trunk that we mean to register at, answered or not.
    """

    version: str
    uptime: float
    processes: tuple[ProcessHealth, ...]
    registrations: dict[str, RegistrationHealth] = field(default_factory=dict)
    draining: bool = False
    calls: int = 0
    free_lanes: int = 0


def why_not_alive(state: DaemonSnapshot) -> list[str]:
    """Reasons, in sentences, why the daemon is not healthy; none when it is."""
    return [f"Process {process.name} is not running." for process in state.processes if not process.ready]


def why_not_ready(state: DaemonSnapshot) -> list[str]:
    """Reasons why a balancer should not send calls here; none when it should.

    One worker of several may be down, and one registration of several: the others still take calls.
    """
    reasons = []
    sip, workers = _split(state)
    if not any(process.ready for process in sip):
        reasons.append("The SIP process is not listening.")
    if not any(process.ready for process in workers):
        reasons.append("No media worker is running.")
    if state.draining:
        reasons.append("Draining: no new calls.")
    if state.registrations and not any(one.registered for one in state.registrations.values()):
        names = ", ".join(
            f"{name} ({one.status} {one.reason})" if one.status else name
            for name, one in state.registrations.items()
        )
        reasons.append(f"Not registered at: {names}.")
    return reasons


def _split(state: DaemonSnapshot) -> tuple[list[ProcessHealth], list[ProcessHealth]]:
    sip = [process for process in state.processes if process.name == "sip"]
    return sip, [process for process in state.processes if process.name.startswith("worker-")]


def report(state: DaemonSnapshot, problems: list[str]) -> dict[str, Any]:
    """The JSON body of ``/healthz`` and ``/readyz``."""
    return {
        "ok": not problems,
        "problems": problems,
        "version": state.version,
        "uptime_seconds": round(state.uptime, 1),
        "calls": state.calls,
        "free_lanes": state.free_lanes,
        "draining": state.draining,
        "processes": {
            process.name: {"ready": process.ready, "pid": process.pid, "restarts": process.restarts}
            for process in state.processes
        },
        "registrations": {
            name: {"registered": one.registered, "status": one.status, "reason": one.reason}
            for name, one in state.registrations.items()
        },
    }
