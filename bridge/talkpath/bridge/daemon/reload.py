"""Reading the configuration again while calls are up: SIGHUP, ``systemctl reload``, or a request.

What is refused changes nothing. What is taken over is for the calls that come from then on; live ones keep
the settings that they began with.
"""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from talkpath.bridge.config.differences import merge
from talkpath.bridge.config.load import load
from talkpath.bridge.config.problems import ConfigError
from talkpath.bridge.config.process_settings import sip_settings
from talkpath.sip.certificates import problem_with

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from talkpath.bridge.config.model import Config
    from talkpath.bridge.daemon.supervisor import Supervisor
    from talkpath.bridge.daemon.systemd import Notifier
    from talkpath.bridge.observe.metrics import Metrics

log = structlog.get_logger(__name__)

WAITING = "These keys keep their present values until the daemon is restarted."


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What became of a reload.

    Attributes:
        problems: Why the file was refused, each with its place, key and remedy; empty: it was taken over.
        changed: Keys that changed.
        waiting: Keys whose change waits for a restart.
    """

    problems: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


class Reloader:
    """Reads the file again, one reload after the other.

    Args:
        path: The configuration file; None: there is none, and every reload is refused.
        supervisor: Whose configuration changes.
        metrics: Where the last reload shows.
        notifier: Tells systemd.
        on_change: Told the configuration that is in force from then on.
    """

    def __init__(
        self,
        path: Path | None,
        supervisor: Supervisor,
        metrics: Metrics,
        notifier: Notifier,
        on_change: Callable[[Config], None] = lambda _config: None,
    ) -> None:
        self._on_change = on_change
        self._path = path
        self._supervisor = supervisor
        self._metrics = metrics
        self._notifier = notifier
        self._one_at_a_time = asyncio.Lock()
        self._asked: set[asyncio.Task[Reloaded]] = set()
        self._note(successful=True)

    def handle_signal(self) -> None:
        """SIGHUP reloads."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._signalled)

    def _signalled(self) -> None:
        task = asyncio.create_task(self.reload())
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def reload(self) -> Reloaded:
        """Read the file and take it over, or say why not."""
        async with self._one_at_a_time:
            self._notifier.reloading()
            try:
                outcome = await self._attempt()
            finally:
                self._notifier.ready()
            self._note(successful=not outcome.problems)
            _tell(outcome)
            return outcome

    async def _attempt(self) -> Reloaded:
        if self._path is None:
            return Reloaded(("This daemon was started without a file to read again.",))
        if not self._supervisor.ready.is_set() or self._supervisor.draining:
            return Reloaded(("The daemon is starting or ending: try again when it takes calls.",))
        try:
            wanted = (await asyncio.to_thread(load, self._path)).config
        except ConfigError as refused:
            return Reloaded(tuple(str(problem) for problem in refused.problems))
        merged = merge(self._supervisor.config, wanted)
        unusable = await asyncio.to_thread(_problem_with_tls, merged.config)
        if unusable:
            return Reloaded((unusable,))
        problems = await self._supervisor.change(merged.config) if merged.changed else []
        if merged.changed and not problems:
            self._on_change(self._supervisor.config)
        return Reloaded(tuple(problems), merged.changed, merged.waiting)

    def _note(self, *, successful: bool) -> None:
        self._metrics.reload_successful.set(successful)
        if successful:
            self._metrics.reload_time.set(time.time())


def _tell(outcome: Reloaded) -> None:
    for problem in outcome.problems:
        log.error("reload_refused", problem=problem)
    if outcome.problems:
        return
    log.info("reloaded", changed=list(outcome.changed))
    if outcome.waiting:
        log.warning("reload_needs_restart", keys=list(outcome.waiting), problem=WAITING)


def _problem_with_tls(config: Config) -> str:
    """Why calls over TLS could not be taken with these files; empty when they can, or none are to be."""
    if all(listener.transport != "tls" for listener in config.sip.listen):
        return ""
    problem = problem_with(sip_settings(config).tls)
    if not problem:
        return ""
    return f"sip.tls: {problem}. The present ones stay in use; mend the files, or name others, and reload."
