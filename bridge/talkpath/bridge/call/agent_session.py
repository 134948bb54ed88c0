"""From the configuration of an agent to the settings of its Realtime session."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Final

import msgspec

from talkpath.bridge.call.context_headers import fill_instructions, fill_spoken
from talkpath.bridge.config.endpoint import endpoint
from talkpath.bridge.realtime.settings import (
    Deadlines,
    SemanticVad,
    ServerVad,
    SessionSettings,
)
from talkpath.bridge.realtime.tools import RESERVED
from talkpath.bridge.transfer.welcome import welcome
from talkpath.sip.messages import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import SecretStr

    from talkpath.bridge.config.agent import AgentConfig, TurnDetection
    from talkpath.bridge.config.model import Config
    from talkpath.bridge.realtime.settings import ToolDefinition
    from talkpath.sip.messages import Comeback

OWN_TOOL_SECONDS: Final = 300.0
"""The tools that the call carries out itself keep their own time; this ends what they forgot."""


def session_settings(
    config: Config,
    agent: str,
    tools: Iterable[ToolDefinition],
    facts: Mapping[str, str] = types.MappingProxyType({}),
) -> SessionSettings:
    """Say what the configuration says about ``agent`` in the words of the Realtime session.

    Args:
        config: The configuration.
        agent: Name of the agent.
        tools: What it may call.
        facts: What the INVITE told, for ``{name}`` in instructions and greeting.

    Raises:
        KeyError: there is no such agent.
    """
    own = config.agents[agent]
    model = endpoint(config, agent)
    transcription = model.transcription
    return SessionSettings(
        url=model.url,
        model=model.model,
        api_key=_secret(model.api_key),
        auth=model.auth,
        extra_headers=tuple((name, _secret(value)) for name, value in model.headers.items()),
        audio_format=model.audio,
        uplink_ms=config.realtime.uplink_ms,
        voice=own.voice,
        instructions=fill_instructions(own.instructions, facts),
        greeting=fill_spoken(own.greeting or "", facts),
        greeting_mode="say" if own.greeting else "wait",
        turn_detection=_turn_detection(own.turn_detection),
        noise_reduction=None if own.noise_reduction == "off" else own.noise_reduction,
        transcription_model=transcription.model if transcription else "",
        transcription_language=(transcription.language or "") if transcription else "",
        speed=None if own.speed == 1.0 else own.speed,
        tools=tuple(tools),
        max_output_tokens=None if own.max_output_tokens == "inf" else own.max_output_tokens,
        reasoning_effort=own.reasoning,
        deadlines=_deadlines(own),
    )


def welcoming(settings: SessionSettings, comeback: Comeback) -> SessionSettings:
    """The same for a caller who is back: the agent knows what was, and opens in its own words."""
    words = welcome(comeback)
    return msgspec.structs.replace(
        settings,
        instructions=f"{settings.instructions}\n\n{words.instructions}".lstrip(),
        greeting=words.opening,
        greeting_mode="own_words",
    )


def _deadlines(own: AgentConfig) -> Deadlines:
    return Deadlines(tool=own.tool_timeout, tools=dict.fromkeys(RESERVED, OWN_TOOL_SECONDS))


def _secret(value: SecretStr | None) -> Secret:
    return Secret(value.get_secret_value() if value is not None else "")


def _turn_detection(chosen: TurnDetection) -> ServerVad | SemanticVad:
    if chosen.type == "semantic_vad":
        return SemanticVad(eagerness=chosen.eagerness or "auto")
    defaults = ServerVad()
    return ServerVad(
        threshold=defaults.threshold if chosen.threshold is None else chosen.threshold,
        prefix_padding_ms=(
            defaults.prefix_padding_ms if chosen.prefix_padding_ms is None else chosen.prefix_padding_ms
        ),
        silence_duration_ms=(
            defaults.silence_duration_ms if chosen.silence_duration_ms is None else chosen.silence_duration_ms
        ),
    )
