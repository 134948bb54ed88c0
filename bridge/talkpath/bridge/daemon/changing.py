"""Changing the configuration of the children: first all say that they can, then all do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from talkpath.bridge.config.process_settings import sip_settings, to_json
from talkpath.bridge.daemon.switchboard import SIP
from talkpath.bridge.daemon.vote import Vote
from talkpath.sip import messages as m

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.config.model import Config
    from talkpath.bridge.daemon.children import Child

log = structlog.get_logger(__name__)

CHANGE_PATIENCE: Final = 30.0
"""Seconds that the children get to make a new configuration ready: they import tools and read files."""


class Changing:
    """Who has which configuration.

    Args:
        config: The one that the children start with.
        child: Gives a child by its number.
    """

    def __init__(self, config: Config, child: Callable[[int], Child]) -> None:
        self.config = config
        """The configuration in force."""
        self._child = child
        self._tried = self._in_force = 0
        """Number of the configuration that was tried last, and of the one in force."""
        self._told: dict[int, int] = {}
        """What each worker was started with, or changed to."""
        self._vote: Vote | None = None

    async def change(self, config: Config, workers: list[int]) -> list[str]:
        """Change to another configuration, if all these workers can.

        Returns:
            Why it was not changed, or not wholly; empty: all is well.
        """
        self._tried += 1
        problems = await self._ask(workers, _new_settings(config, self._tried))
        if problems:
            return problems
        self.config, self._in_force = config, self._tried
        for index in workers:
            self._use(index)
        if not self._child(SIP).ready:  # it gets the new settings when it starts
            return []
        return await self._ask([SIP], sip_settings(config))

    def worker_started(self, index: int) -> None:
        """A worker gets the configuration in force as its first."""
        self._told[index] = self._in_force

    def worker_ready(self, index: int) -> None:
        """A worker that was starting while the others changed gets what they have."""
        if self._told[index] != self._in_force:
            self._child(index).send(_new_settings(self.config, self._in_force))

    def answered(self, who: int, message: m.SettingsReady) -> None:
        """A child says whether it can use what it got; one that came too late for the vote catches up."""
        current = who == SIP or message.generation == self._tried
        if self._vote is not None and current:
            self._vote.take(who, message.problem)
        elif message.problem:
            log.error("settings_refused", process=self._child(who).spec.name, problem=message.problem)
        elif who != SIP and message.generation == self._in_force:
            self._use(who)

    def lost(self, who: int) -> None:
        """A child died: it has no say, and starts with what is in force."""
        if self._vote is not None:
            self._vote.lost(who)

    async def _ask(self, voters: list[int], settings: m.Message) -> list[str]:
        vote = self._vote = Vote({who: self._child(who).spec.name for who in voters})
        for who in voters:
            self._child(who).send(settings)
        await vote.over(CHANGE_PATIENCE)
        self._vote = None
        return vote.problems

    def _use(self, index: int) -> None:
        self._told[index] = self._in_force
        self._child(index).send(m.UseSettings(generation=self._in_force))


def _new_settings(config: Config, generation: int) -> m.NewSettings:
    return m.NewSettings(generation=generation, config_json=m.Secret(to_json(config)))
