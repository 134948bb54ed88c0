"""What the daemon does for files of recordings: complete those of a crash, remove the old ones."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import structlog

from talkpath.bridge.recording.files import leftovers, outdated, repair

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from talkpath.bridge.config.model import Config

log = structlog.get_logger(__name__)

HOUSEKEEPING: Final = 3600.0
"""Seconds between two rounds."""


async def keep_house(config: Callable[[], Config]) -> None:
    """Look after the recordings of every agent: at the start, and every hour.

    Args:
        config: Gives the configuration in force.
    """
    while True:
        await asyncio.to_thread(tidy_up, config(), time.time())
        await asyncio.sleep(HOUSEKEEPING)


def tidy_up(config: Config, now: float) -> None:
    """One round. What cannot be done is logged with its reason, and tried again in the next.

    Args:
        config: Names the folders.
        now: Unix seconds.
    """
    for directory, retention in retentions(config).items():
        try:
            _complete(directory)
            if retention is not None:
                _remove(directory, now - retention)
        except OSError as error:
            log.error("recordings_unreachable", problem=_sentence(directory, error))  # noqa: TRY400 - says it all


def retentions(config: Config) -> dict[Path, float | None]:
    """How long files are kept, by folder; of agents that share one, the longest time counts."""
    kept: dict[Path, float | None] = {}
    for own in (agent.recording for agent in config.agents.values()):
        if own.directory is not None:
            other = kept.get(own.directory, 0.0)
            both = own.retention is not None and other is not None
            kept[own.directory] = max(own.retention or 0.0, other or 0.0) if both else None
    return kept


def _complete(directory: Path) -> None:
    for part in leftovers(directory):
        try:
            complete = repair(part)
        except OSError as error:
            log.error("recording_not_repaired", problem=_sentence(part, error))  # noqa: TRY400 - says it all
        else:
            if complete is not None:
                log.warning("recording_repaired", path=str(complete))


def _remove(directory: Path, before: float) -> None:
    for old in outdated(directory, before):
        try:
            old.unlink(missing_ok=True)
        except OSError as error:
            log.error("recording_not_removed", problem=_sentence(old, error))  # noqa: TRY400 - says it all
        else:
            log.info("recording_removed", path=str(old))


def _sentence(path: Path, error: OSError) -> str:
    return f"{path}: {error.strerror or error}; the user of the daemon must be able to write there"
