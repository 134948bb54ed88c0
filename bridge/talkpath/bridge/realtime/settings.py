"""What one Realtime session is asked to be, and the requests that say so to the server.

The shapes follow the GA session object (``session.type`` = ``realtime``). Fields that a server may not
know are kept out of the main update, because one rejected field loses the whole update.
"""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from talkpath.sip.messages import Secret

AudioFormat = Literal["pcm", "pcmu", "pcma"]
"""``pcm`` is s16le mono at 24 kHz; ``pcmu`` and ``pcma`` are G.711 at 8 kHz, both ways of the stream."""

GreetingMode = Literal["say", "own_words", "wait"]
"""``say``: exactly the text; ``own_words``: the agent opens as it likes; ``wait``: the caller begins."""

WIRE_FORMATS: dict[AudioFormat, dict[str, Any]] = {
    "pcm": {"type": "audio/pcm", "rate": 24000},
    "pcmu": {"type": "audio/pcmu"},
    "pcma": {"type": "audio/pcma"},
}

BYTES_PER_SECOND: dict[AudioFormat, int] = {"pcm": 48000, "pcmu": 8000, "pcma": 8000}


class ServerVad(msgspec.Struct, frozen=True, kw_only=True):
    """Turns end after silence. Always sent in full: the server's defaults differ between models."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500
    create_response: bool = True
    interrupt_response: bool = True

    def wire(self) -> dict[str, Any]:
        """The ``turn_detection`` object of a session update."""
        return {"type": "server_vad", **msgspec.structs.asdict(self)}


class SemanticVad(msgspec.Struct, frozen=True, kw_only=True):
    """Turns end when the sentence sounds finished."""

    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True

    def wire(self) -> dict[str, Any]:
        """The ``turn_detection`` object of a session update."""
        return {"type": "semantic_vad", **msgspec.structs.asdict(self)}


TurnDetection = ServerVad | SemanticVad


class ToolDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A function that the model may call: its name, what it is for, and JSON Schema of its arguments."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = msgspec.field(default_factory=lambda: {"type": "object", "properties": {}})

    def wire(self) -> dict[str, Any]:
        """The entry of ``session.tools``: flat, there is no nested ``function`` object."""
        return {"type": "function", **msgspec.structs.asdict(self)}


class Deadlines(msgspec.Struct, frozen=True, kw_only=True):
    """How long the server may take, in seconds. The API itself promises nothing."""

    session_created: float = 5.0
    session_updated: float = 5.0
    response_created: float = 5.0
    """After a commit, or after our own ``response.create``."""
    first_audio: float = 10.0
    progress: float = 10.0
    """Between two events of the response that is running."""
    cancelled: float = 5.0
    """From our ``response.cancel`` to the end of the response."""
    tool: float = 15.0
    tools: dict[str, float] = msgspec.field(default_factory=dict)
    """The same for single tools, by name, that keep another time."""
    session_limit: float = 3600.0
    """The server closes the socket after this time; it counts from the opening of the socket."""
    expiry_notice: float = 120.0
    """How long before the limit :class:`~.effects.SessionExpiring` is emitted."""


class SessionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one session needs to know; nothing is read from anywhere else."""

    url: str = "wss://api.openai.com/v1/realtime"
    model: str = "gpt-realtime-2.1"
    """Free text: models come and go. Empty: leave the query of ``url`` as it is."""
    api_key: Secret = Secret("")
    auth: Literal["bearer", "azure"] = "bearer"
    """``azure`` sends the key in an ``api-key`` header."""
    extra_headers: tuple[tuple[str, Secret], ...] = ()
    audio_format: AudioFormat = "pcmu"
    uplink_ms: int = 20
    """Milliseconds of the caller's audio in one append; a multiple of 20."""
    voice: str = "marin"
    """A voice name, or the id of a custom voice (``voice_…``)."""
    instructions: str = ""
    greeting: str = ""
    """The sentence that the agent says first (mode ``say``), or a hint for it (mode ``own_words``)."""
    greeting_mode: GreetingMode = "say"
    turn_detection: TurnDetection = ServerVad()
    noise_reduction: Literal["near_field", "far_field"] | None = None
    transcription_model: str = "gpt-4o-mini-transcribe"
    """Empty: what the caller says is not written down."""
    transcription_language: str = ""
    """ISO-639-1, or empty: the model finds out."""
    speed: float | None = None
    tools: tuple[ToolDefinition, ...] = ()
    tool_choice: str = "auto"
    """``auto``, ``none``, ``required``, or the name of one of the tools."""
    max_output_tokens: int | None = None
    """1 to 4096 for each response; None: no limit."""
    reasoning_effort: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None
    """Only for models that reason; sent on its own, other models reject it."""
    response_retries: int = 3
    """How often in a row a response that failed or stayed silent is asked for again."""
    deadlines: Deadlines = Deadlines()

    @property
    def bytes_per_second(self) -> int:
        """Audio bytes of one second, the same in both directions."""
        return BYTES_PER_SECOND[self.audio_format]

    def request_url(self) -> str:
        """The URL of the socket: ``url`` with the model in its query."""
        parts = urlsplit(self.url)
        if not self.model or "model=" in parts.query:
            return self.url
        query = f"{parts.query}&" if parts.query else ""
        return urlunsplit(parts._replace(query=f"{query}model={quote(self.model, safe='')}"))

    def public_url(self) -> str:
        """The URL as it may be shown: no user information, no query but the model."""
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        query = f"model={quote(self.model, safe='')}" if self.model else ""
        return urlunsplit((parts.scheme, host, parts.path, query, ""))

    def headers(self) -> list[tuple[str, str]]:
        """Request headers of the handshake. They hold the key: never log them."""
        headers = [(name, secret.value) for name, secret in self.extra_headers]
        if self.api_key.value:
            azure = self.auth == "azure"
            headers.append(
                ("api-key", self.api_key.value)
                if azure
                else ("Authorization", f"Bearer {self.api_key.value}")
            )
        return headers

    def session_object(self) -> dict[str, Any]:
        """The ``session`` of the first ``session.update``."""
        session: dict[str, Any] = {
            "type": "realtime",
            "output_modalities": ["audio"],
            "instructions": self.instructions,
            "audio": {"input": self._input_object(), "output": self._output_object()},
            "tools": [tool.wire() for tool in self.tools],
            "tool_choice": self._tool_choice(),
        }
        if self.max_output_tokens is not None:
            session["max_output_tokens"] = self.max_output_tokens
        return session

    def reasoning_object(self) -> dict[str, Any] | None:
        """The ``session`` of the separate update about reasoning, or None when nothing is asked."""
        if self.reasoning_effort is None:
            return None
        return {"type": "realtime", "reasoning": {"effort": self.reasoning_effort}}

    def _input_object(self) -> dict[str, Any]:
        transcription: dict[str, Any] | None = None
        if self.transcription_model:
            transcription = {"model": self.transcription_model}
            if self.transcription_language:
                transcription["language"] = self.transcription_language
        return {
            "format": WIRE_FORMATS[self.audio_format],
            "noise_reduction": {"type": self.noise_reduction} if self.noise_reduction else None,
            "transcription": transcription,
            "turn_detection": self.turn_detection.wire(),
        }

    def _output_object(self) -> dict[str, Any]:
        custom = self.voice.startswith("voice_")
        output: dict[str, Any] = {"format": WIRE_FORMATS[self.audio_format]}
        if self.voice:
            output["voice"] = {"id": self.voice} if custom else self.voice
        if self.speed is not None:
            output["speed"] = self.speed
        return output

    def _tool_choice(self) -> str | dict[str, str]:
        if self.tool_choice in {"auto", "none", "required"}:
            return self.tool_choice
        return {"type": "function", "name": self.tool_choice}
