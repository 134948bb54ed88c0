"""The ``[realtime]`` section: which speech model, reached how."""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from .values import Duration, Kind, Secret, Section, refuse

AudioFormat = Literal["pcm", "pcmu", "pcma"]
Auth = Literal["auto", "bearer", "azure"]

OPENAI_HOSTS = ("openai.com",)
AZURE_HOSTS = ("openai.azure.com", "cognitiveservices.azure.com", "services.ai.azure.com")


def parse_model_url(value: object) -> str:
    """Accept ``wss://host/path`` and ``ws://…``; the model's name goes into its own key."""
    hint = 'Write it like "wss://api.openai.com/v1/realtime".'
    if not isinstance(value, str) or re.search(r"[\s\x00-\x1f]", value):
        refuse(f'"{value}" is not the address of a model', hint)
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        refuse(f'"{value}" is not the address of a model', hint)
    if parts.scheme not in {"ws", "wss"} or not host:
        refuse(f'"{value}" does not begin with wss:// or ws:// and a host', hint)
    if parts.username or parts.password:
        refuse("carries a user name or password", "Put the key into api_key.")
    return value


ModelUrl = Annotated[str, BeforeValidator(parse_model_url), Kind("WebSocket URL")]


def host_of(url: str) -> str:
    """Host name of a URL in lower case."""
    return (urlsplit(url).hostname or "").lower()


def _belongs_to(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain or host.endswith("." + domain) for domain in domains)


def auth_of(url: str, auth: Auth) -> Literal["bearer", "azure"]:
    """How the key is shown: ``azure`` sends ``api-key``, ``bearer`` sends ``Authorization: Bearer``."""
    if auth != "auto":
        return auth
    return "azure" if _belongs_to(host_of(url), AZURE_HOSTS) else "bearer"


def default_key_variable(url: str) -> str | None:
    """Environment variable that holds the key for a host, so that no key goes to a host it is not for."""
    host = host_of(url)
    if _belongs_to(host, AZURE_HOSTS):
        return "AZURE_OPENAI_API_KEY"
    return "OPENAI_API_KEY" if _belongs_to(host, OPENAI_HOSTS) else None


class TranscriptionConfig(Section):
    """A second, cheaper model that writes down what the caller said."""

    model: str = Field(default="gpt-4o-mini-transcribe", description="Name of the transcription model.")
    language: str | None = Field(
        default=None,
        pattern=r"^[a-z]{2,3}$",
        description="ISO 639-1 code of the caller's language; without it the model guesses.",
        examples=["en"],
    )


class RealtimeConfig(Section):
    """The speech model and the way to it."""

    url: ModelUrl = Field(
        default="wss://api.openai.com/v1/realtime", description="WebSocket address of the model."
    )
    model: str = Field(
        default="gpt-realtime-2",
        min_length=1,
        description="Name of the model, or of the deployment on Azure.",
    )
    api_key: Secret | None = Field(
        default=None,
        description=(
            'Key; better "env:NAME" or "file:/path" than the key itself. Without it, OPENAI_API_KEY is '
            "read for openai.com, AZURE_OPENAI_API_KEY for Azure, and no key is sent anywhere else."
        ),
        examples=["env:OPENAI_API_KEY"],
    )
    api_key_file: Path | None = Field(
        default=None, description="File that holds the key.", examples=["/etc/talkpath/api-key"]
    )
    audio: AudioFormat = Field(
        default="pcm",
        description=(
            "Audio between us and the model. pcm is 24 kHz, keeps wideband calls wide and sounds the same "
            "on G.711 trunks; pcmu or pcma pass G.711 through, at about a third less CPU per call."
        ),
    )
    uplink_ms: Literal[20, 40, 60] = Field(
        default=20,
        description=(
            "Milliseconds of the caller's voice in one message to the model. 40 costs less CPU per call "
            "and delays the voice by up to 20 ms."
        ),
    )
    auth: Auth = Field(
        default="auto",
        description="How the key is shown: bearer (Authorization) or azure (api-key); auto goes by the URL.",
    )
    headers: dict[str, Secret] = Field(
        default_factory=dict,
        description="Further headers of the WebSocket handshake.",
        examples=[{"OpenAI-Project": "proj_123"}],
    )
    connect_timeout: Duration = Field(
        default=10.0,
        gt=0,
        le=60,
        description="How long a session may take to open before the call is refused.",
    )
    ca_file: Path | None = Field(
        default=None,
        description="PEM file with the authority of the model's certificate, beside those of the system.",
        examples=["/etc/talkpath/ca.pem"],
    )
    transcription: TranscriptionConfig | None = Field(
        default=None, description="Write down what callers say; off unless this table is there. Costs extra."
    )
