"""How many calls the configuration has room for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from .model import Config


class Capacity(NamedTuple):
    """How many calls fit, and what sets the limit."""

    workers: int
    calls: int
    limited_by: str


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0))


def capacity(config: Config, cores: Callable[[], int] = usable_cores) -> Capacity:
    """Work out how many calls the configuration has room for."""
    workers = config.workers.count or cores()
    limits = {
        "sip.max_calls": config.sip.max_calls,
        "workers.lanes": workers * config.workers.lanes,
        "sip.rtp_ports": config.sip.rtp_ports.calls,
    }
    name = min(limits, key=lambda key: limits[key])
    return Capacity(workers, limits[name], name)
