"""What a worker makes ready before calls may use a configuration: tools, TLS contexts, sounds.

This reads files and imports modules, so that for a running worker it happens on a thread: a disk must not
hold up a media beat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from talkpath.bridge.call.recording import check_announcement
from talkpath.bridge.call.sounds import early_sound, fallback_sound
from talkpath.bridge.config.endpoint import endpoint
from talkpath.bridge.config.process_settings import from_json
from talkpath.bridge.realtime.connection import tls_context
from talkpath.bridge.realtime.tools import ToolRegistry

if TYPE_CHECKING:
    import ssl

    from talkpath.bridge.config.model import Config


@dataclass(frozen=True, slots=True)
class Readiness:
    """A configuration and what was made ready for it.

    Attributes:
        config: The configuration.
        tools: Registered functions by agent.
        tls: TLS context towards each agent's model; None for ``ws://``.
    """

    config: Config
    tools: dict[str, ToolRegistry]
    tls: dict[str, ssl.SSLContext | None]


def make_ready(config: Config) -> Readiness:
    """Load everything that a configuration names.

    Raises:
        ToolLoadError: a function of an agent cannot be used.
        OSError: a file with certificates cannot be read.
    """
    ready = Readiness(
        config=config,
        tools={name: ToolRegistry.load(agent.tools) for name, agent in config.agents.items()},
        tls={name: _tls(config, name) for name in config.agents},
    )
    for agent in config.agents.values():
        fallback_sound(agent.fallback.announcement)
        early_sound(agent.sound.before_answer)
        check_announcement(agent.recording)
    for target in config.targets:
        if target.last_resort != "agent":
            fallback_sound(target.last_resort.announcement)
    return ready


def make_ready_from_json(text: str) -> Readiness:
    """The same for a configuration as the supervisor sends it.

    Raises:
        ToolLoadError: a function of an agent cannot be used.
        OSError: a file with certificates cannot be read.
    """
    return make_ready(from_json(text))


def _tls(config: Config, agent: str) -> ssl.SSLContext | None:
    """One context per agent: loading the authorities costs milliseconds."""
    return tls_context(endpoint(config, agent).url, str(config.realtime.ca_file or ""))
