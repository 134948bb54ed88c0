"""The model that one agent talks to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from .realtime import TranscriptionConfig, auth_of, host_of

if TYPE_CHECKING:
    from pydantic import SecretStr

    from .agent import AgentConfig
    from .model import Config
    from .realtime import AudioFormat, Auth, RealtimeConfig


class Endpoint(NamedTuple):
    """The model one agent talks to, with everything inherited from ``[realtime]`` filled in."""

    url: str
    model: str
    api_key: SecretStr | None
    auth: Literal["bearer", "azure"]
    headers: dict[str, SecretStr]
    audio: AudioFormat
    transcription: TranscriptionConfig | None


def endpoint(config: Config, agent: str) -> Endpoint:
    """Find the model of an agent.

    The key and headers of ``[realtime]`` are inherited only while the host is the same one.

    Raises:
        KeyError: there is no such agent.
    """
    own, shared = config.agents[agent], config.realtime
    url = own.url or shared.url
    same_host = host_of(url) == host_of(shared.url)
    mode: Auth = shared.auth if same_host else "auto"
    return Endpoint(
        url=url,
        model=own.model or shared.model,
        api_key=own.api_key or (shared.api_key if same_host else None),
        auth=auth_of(url, mode),
        headers=shared.headers if same_host else {},
        audio=shared.audio,
        transcription=_transcription(own, shared),
    )


def _transcription(own: AgentConfig, shared: RealtimeConfig) -> TranscriptionConfig | None:
    chosen = shared.transcription if own.transcription is None else own.transcription
    if not chosen:
        return None
    if own.language and not chosen.language:
        return TranscriptionConfig(model=chosen.model, language=own.language)
    return chosen
