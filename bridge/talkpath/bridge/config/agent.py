"""The ``[agents.NAME]`` sections: who answers, with which voice and how."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from .outbound import AgentOutboundConfig
from .realtime import ModelUrl, TranscriptionConfig
from .recording import RecordingConfig
from .sound import SoundConfig
from .transfer import TransferConfig
from .values import Duration, Kind, Secret, Section, SentHeaders, ToldHeaders, refuse


class TurnDetection(Section):
    """How the model notices that the caller has finished speaking."""

    type: Literal["server_vad", "semantic_vad"] = Field(
        default="server_vad", description="server_vad goes by silence, semantic_vad by what was said."
    )
    threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="server_vad: how loud speech must be; higher for noisy lines.",
        examples=[0.5],
    )
    prefix_padding_ms: int | None = Field(
        default=None,
        ge=0,
        le=5000,
        description="server_vad: milliseconds kept from before the speech.",
        examples=[300],
    )
    silence_duration_ms: int | None = Field(
        default=None,
        ge=50,
        le=10000,
        description="server_vad: milliseconds of silence that end a turn.",
        examples=[500],
    )
    eagerness: Literal["low", "medium", "high", "auto"] | None = Field(
        default=None, description="semantic_vad: how soon the model takes its turn.", examples=["auto"]
    )

    @model_validator(mode="after")
    def _fields_fit_the_type(self) -> Self:
        by_silence = (self.threshold, self.prefix_padding_ms, self.silence_duration_ms)
        if self.type == "semantic_vad" and any(value is not None for value in by_silence):
            refuse("semantic_vad has no thresholds", "Use eagerness, or server_vad.")
        if self.type == "server_vad" and self.eagerness is not None:
            refuse("server_vad has no eagerness", "Use silence_duration_ms, or semantic_vad.")
        return self


def _type_as_table(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


class FallbackConfig(Section):
    """What a caller gets when the model is lost and does not come back."""

    announcement: Path | None = Field(
        default=None,
        description="WAV file that is played to the caller first.",
        examples=["/etc/talkpath/sorry.wav"],
    )
    action: Literal["hang_up"] = Field(default="hang_up", description="What is done then.")


def _check_tool_name(name: str) -> str:
    module, colon, function = name.partition(":")
    parts = [*module.split("."), *function.split(".")]
    if not colon or not all(part.isidentifier() for part in parts):
        refuse(f'"{name}" does not name a function', 'Write it like "shop.tools:opening_hours".')
    return name


ToolName = Annotated[str, AfterValidator(_check_tool_name), Kind("module:function")]
TurnDetectionTable = Annotated[TurnDetection, BeforeValidator(_type_as_table), Kind("name or table")]


class AgentConfig(Section):
    """One agent: a voice, a task, and what it may do."""

    instructions: str = Field(
        default="",
        description="What the agent is, knows and shall do, in plain words.",
        examples=["You answer the phone for a bicycle shop. Be brief and friendly."],
    )
    instructions_file: Path | None = Field(
        default=None, description="File that holds the instructions.", examples=["reception.md"]
    )
    voice: str = Field(default="marin", min_length=1, description="Voice of the model.")
    greeting: str | None = Field(
        default=None,
        description="First sentence of the agent; without it the agent waits for the caller to speak.",
        examples=["Hello, bicycle shop, how can I help?"],
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        description="Another model than that of [realtime].",
        examples=["gpt-realtime-2.1-mini"],
    )
    url: ModelUrl | None = Field(
        default=None,
        description="Another model address than that of [realtime].",
        examples=["wss://models.example.com/v1/realtime"],
    )
    api_key: Secret | None = Field(
        default=None,
        description="Key for this agent's url; the one of [realtime] is not sent to another host.",
        examples=["env:OTHER_KEY"],
    )
    api_key_file: Path | None = Field(
        default=None, description="File that holds that key.", examples=["/etc/talkpath/other-key"]
    )
    tools: tuple[ToolName, ...] = Field(
        default=(),
        description="Python functions that the agent may call.",
        examples=[["shop.tools:opening_hours"]],
    )
    tool_timeout: Duration = Field(
        default=10.0,
        gt=0,
        le=600,
        description="How long a tool may take before the agent is told that it failed.",
    )
    headers: ToldHeaders = Field(
        default_factory=dict,
        description="As in [[trunks]], for this agent alone.",
        examples=[{"X-Account": "account"}],
    )
    send_headers: SentHeaders = Field(
        default_factory=dict,
        description=(
            "SIP headers of our BYE and REFER (X-…), and the values that they carry: what functions have put "
            "into call.variables under that name, or a fact of headers."
        ),
        examples=[{"X-Outcome": "outcome"}],
    )
    hang_up_tool: bool = Field(default=True, description="The agent may end the call by itself.")
    send_dtmf_tool: bool = Field(
        default=False, description="The agent may press keys (DTMF), for the menus of whoever it talks to."
    )
    collect_digits_tool: bool = Field(
        default=False,
        description="The agent may let the caller enter a number, and get its keys as one answer.",
    )
    turn_detection: TurnDetectionTable = Field(
        default_factory=TurnDetection,
        description='"server_vad", "semantic_vad", or a table with the details.',
        examples=["semantic_vad"],
    )
    transcription: TranscriptionConfig | Literal[False] | None = Field(
        default=None,
        description="As in [realtime], for this agent alone; false turns it off.",
        examples=[False],
    )
    language: str | None = Field(
        default=None,
        pattern=r"^[a-z]{2,3}$",
        description="ISO 639-1 code of the caller's language, for the transcription.",
        examples=["en"],
    )
    noise_reduction: Literal["off", "near_field", "far_field"] = Field(
        default="off", description="The model's filter for the caller's voice: near_field for handsets."
    )
    speed: float = Field(default=1.0, ge=0.25, le=1.5, description="How fast the agent speaks.")
    max_output_tokens: Annotated[int, Field(ge=1, le=4096)] | Literal["inf"] = Field(
        default="inf", description="Longest answer, in tokens."
    )
    reasoning: Literal["minimal", "low", "medium", "high", "xhigh"] | None = Field(
        default=None,
        description="How much the model thinks before it speaks; only for models that reason.",
        examples=["low"],
    )
    max_duration: Duration = Field(default=3600.0, gt=0, le=86400, description="Longest call.")
    max_cost: float | None = Field(
        default=None,
        gt=0,
        le=1000,
        description=(
            "US dollars that a call may cost at the model, counted after each answer; then the agent says "
            "goodbye."
        ),
        examples=[2.5],
    )
    silence_timeout: Duration | None = Field(
        default=None,
        gt=0,
        description=(
            "When nobody has spoken for so long, the agent asks whether the caller is still there; after "
            "10 more seconds of silence (or as long again, if that is shorter) it ends the call. Without "
            "it, never."
        ),
        examples=["2m"],
    )
    fallback: FallbackConfig = Field(
        default_factory=FallbackConfig, description="What happens when the model is lost in a call."
    )
    recording: RecordingConfig = Field(
        default_factory=RecordingConfig, description="Which calls are kept as sound files."
    )
    sound: SoundConfig = Field(
        default_factory=SoundConfig,
        description="How loud the agent is, and what is heard when nobody speaks.",
    )
    outbound: AgentOutboundConfig = Field(
        default_factory=AgentOutboundConfig, description="How the agent begins the calls that it makes."
    )
    transfer: TransferConfig | None = Field(
        default=None, description="To whom the agent may transfer a call; without it, to nobody."
    )
