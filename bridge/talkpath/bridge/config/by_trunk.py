"""What holds for the calls of one trunk, which may be none of the configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .model import Config


def told_names(config: Config, trunk: str, agent: str) -> dict[str, str]:
    """Which headers of an INVITE become facts for the agent, and under which names: the agent's come last."""
    known = config.trunk_named(trunk)
    return {**(known.headers if known else {}), **config.agents[agent].headers}


def dtmf_mode(config: Config, trunk: str) -> Literal["auto", "rfc4733", "info"]:
    """How keys are sent on the calls of a trunk, which may be none of the configured."""
    known = config.trunk_named(trunk)
    return known.dtmf if known else "auto"


def signals_hold(config: Config, trunk: str) -> bool:
    """Whether the calls of a trunk, which may be none of the configured, are held by a re-INVITE."""
    known = config.trunk_named(trunk)
    return known is not None and known.hold == "signal"


def phone_trunk(config: Config) -> str:
    """The trunk by which calls of browsers are transferred; empty: there is none, or several."""
    if config.phone.trunk is not None:
        return config.phone.trunk
    return config.trunks[0].name if len(config.trunks) == 1 else ""
