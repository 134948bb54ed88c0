"""What a client may send, as strict models: no unknown field, no coercion, documented ranges.

Only the shape is checked here; what depends on the state of a session is checked by the session.
Alternatives are told apart by a function, never by trying them one by one, so that a mistake is reported
for the one field that is wrong. Their tags begin with ``#`` so that they cannot be field names.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

VoiceName = Literal["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"]


class Strict(BaseModel):
    """Base of all models: unknown fields are errors, and "1" is not 1."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _by_type(value: Any) -> str:
    """Tell objects apart by their ``type``."""
    return f"#{value.get('type')}" if isinstance(value, dict) else "#text"


def _by_shape(value: Any) -> str:
    """Tell plain values from objects."""
    return "#object" if isinstance(value, dict) else "#text"


def _by_number(value: Any) -> str:
    """Tell numbers from words."""
    return "#text" if isinstance(value, str) else "#number"


class Pcm(Strict):
    """16-bit little-endian samples at 24 kHz."""

    type: Literal["audio/pcm"]
    rate: Annotated[int, Field(ge=24000, le=24000)] = 24000


class G711(Strict):
    """G.711, 8 kHz."""

    type: Literal["audio/pcmu", "audio/pcma"]


Format = Annotated[
    Annotated[Pcm, Tag("#audio/pcm")] | Annotated[G711, Tag("#audio/pcmu")],
    Discriminator(
        lambda v: "#audio/pcm" if isinstance(v, dict) and v.get("type") == "audio/pcm" else "#audio/pcmu"
    ),
]


class NoiseReduction(Strict):
    """Filtering before detection and model. Accepted, without effect here."""

    type: Literal["near_field", "far_field"] | None = None
    strength: float | None = None


class Transcription(Strict):
    """Input transcription."""

    model: str | None = None
    language: str | None = None
    languages: list[str] | None = None
    keywords: list[str] | None = None
    prompt: str | None = None
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class ServerVad(Strict):
    """Turn detection by level and silence."""

    type: Literal["server_vad"]
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    prefix_padding_ms: Annotated[int, Field(ge=0)] = 300
    silence_duration_ms: Annotated[int, Field(ge=0)] = 500
    idle_timeout_ms: Annotated[int, Field(ge=5000, le=30000)] | None = None
    create_response: bool = True
    interrupt_response: bool = True


class SemanticVad(Strict):
    """Turn detection by meaning."""

    type: Literal["semantic_vad"]
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True


TurnDetection = Annotated[
    Annotated[ServerVad, Tag("#server_vad")] | Annotated[SemanticVad, Tag("#semantic_vad")],
    Discriminator(_by_type),
]


class VoiceId(Strict):
    """A custom voice."""

    id: str


Voice = Annotated[
    Annotated[VoiceName, Tag("#text")] | Annotated[VoiceId, Tag("#object")],
    Discriminator(_by_shape),
]
MaxTokens = Annotated[
    Annotated[Literal["inf"], Tag("#text")] | Annotated[int, Field(ge=1, le=4096), Tag("#number")],
    Discriminator(_by_number),
]
Modalities = Annotated[list[Literal["text", "audio"]], Field(min_length=1)]


class AudioInput(Strict):
    """``audio.input``."""

    format: Format | None = None
    noise_reduction: NoiseReduction | None = None
    transcription: Transcription | None = None
    turn_detection: TurnDetection | None = None


class AudioOutput(Strict):
    """``audio.output``."""

    format: Format | None = None
    voice: Voice | None = None
    speed: Annotated[float, Field(ge=0.25, le=1.5)] | None = None


class Audio(Strict):
    """``audio``."""

    input: AudioInput | None = None
    output: AudioOutput | None = None


class ResponseAudio(Strict):
    """``audio`` of ``response.create``: the output only, without speed."""

    class Output(Strict):
        """``audio.output`` of ``response.create``."""

        format: Format | None = None
        voice: Voice | None = None

    output: Output | None = None


class FunctionTool(Strict):
    """A function of the client."""

    type: Literal["function"]
    name: Annotated[str, Field(min_length=1, max_length=64)]
    description: str | None = None
    parameters: dict[str, Any] | None = None


class McpTool(Strict):
    """A remote MCP server. Accepted and listed; its tools are not called here."""

    type: Literal["mcp"]
    server_label: str
    server_url: str | None = None
    connector_id: str | None = None
    tunnel_id: str | None = None
    authorization: str | None = None
    headers: dict[str, str] | None = None
    allowed_tools: list[str] | dict[str, Any] | None = None
    allowed_callers: list[Literal["direct", "programmatic"]] | None = None
    require_approval: Literal["always", "never"] | dict[str, Any] | None = None
    server_description: str | None = None
    defer_loading: bool | None = None


Tool = Annotated[
    Annotated[FunctionTool, Tag("#function")] | Annotated[McpTool, Tag("#mcp")],
    Discriminator(_by_type),
]


class ChosenFunction(Strict):
    """``tool_choice`` that names a function."""

    type: Literal["function"]
    name: str


class ChosenMcp(Strict):
    """``tool_choice`` that names an MCP server."""

    type: Literal["mcp"]
    server_label: str
    name: str | None = None


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("#text")]
    | Annotated[ChosenFunction, Tag("#function")]
    | Annotated[ChosenMcp, Tag("#mcp")],
    Discriminator(_by_type),
]


class Prompt(Strict):
    """A stored prompt."""

    id: str
    version: str | None = None
    variables: dict[str, Any] | None = None


class Reasoning(Strict):
    """How hard a reasoning model thinks."""

    effort: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class Tracing(Strict):
    """Configuration of tracing."""

    workflow_name: str | None = None
    group_id: str | None = None
    metadata: Any = None


class RetentionRatio(Strict):
    """``truncation`` by ratio."""

    class Limits(Strict):
        """``token_limits``."""

        post_instructions: Annotated[int, Field(ge=0)] | None = None

    type: Literal["retention_ratio"]
    retention_ratio: Annotated[float, Field(ge=0, le=1)]
    token_limits: Limits | None = None


Truncation = Annotated[
    Annotated[Literal["auto", "disabled"], Tag("#text")] | Annotated[RetentionRatio, Tag("#object")],
    Discriminator(_by_shape),
]


class Session(Strict):
    """``session`` of ``session.update`` for a conversation."""

    type: Literal["realtime"]
    model: str | None = None
    output_modalities: Modalities | None = None
    instructions: str | None = None
    audio: Audio | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    reasoning: Reasoning | None = None
    max_output_tokens: MaxTokens | None = None
    truncation: Truncation | None = None
    prompt: Prompt | None = None
    tracing: (
        Annotated[
            Annotated[Literal["auto"], Tag("#text")] | Annotated[Tracing, Tag("#object")],
            Discriminator(_by_shape),
        ]
        | None
    ) = None
    include: list[Literal["item.input_audio_transcription.logprobs"]] | None = None
