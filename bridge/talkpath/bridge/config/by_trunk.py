"""What holds for the calls of one trunk, which may be none of the configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .model import Config


def told_names(config: Config, trunk: str, agent: str) -> dict[str, str]:
    """Which headers of an INVITE become facts for the agent, and under which names: the agent's come last."""
    of_trunk = next((one.headers for one in config.trunks if one.name == trunk), {})
    return {**of_trunk, **config.agents[agent].headers}


def dtmf_mode(config: Config, trunk: str) -> Literal["auto", "rfc4733", "info"]:
    """How keys are sent on the calls of a trunk, which may be none of the configured."""
    return next((known.dtmf for known in config.trunks if known.name == trunk), "auto")


def signals_hold(config: Config, trunk: str) -> bool:
    """Whether the calls of a trunk, which may be none of the configured, are held by a re-INVITE."""
    return any(known.hold == "signal" for known in config.trunks if known.name == trunk)


def phone_trunk(config: Config) -> str:
    """The trunk by which calls of browsers are transferred; empty: there is none, or several."""
    if config.phone.trunk is not None:
        return config.phone.trunk
    return config.trunks[0].name if len(config.trunks) == 1 else ""
