"""The effective session: defaults, the deep merge of updates, and what a response takes from it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from talkpath.bridge.simulator.audio import format_of
from talkpath.bridge.simulator.schema import ServerVad
from talkpath.bridge.simulator.validate import Rejected

if TYPE_CHECKING:
    from talkpath.bridge.simulator.audio import AudioFormat
    from talkpath.bridge.simulator.timeline import Json

DEFAULT_INSTRUCTIONS = "You are a helpful voice agent. Answer briefly and kindly."
REASONING_MODELS = "gpt-realtime-2"
"""Prefix of the models that reason; others refuse ``reasoning`` and ``parallel_tool_calls``."""

_REPLACED = {"format", "tool_choice", "truncation", "tracing", "prompt", "voice"}
"""Objects that are replaced as a whole; all others are merged field by field."""

_NEVER_NULL = {
    *(
        "output_modalities",
        "instructions",
        "tools",
        "tool_choice",
        "max_output_tokens",
        "truncation",
        "model",
    ),
    *("audio", "input", "output", "format", "voice", "speed"),
}
"""Fields in which null means "as it was"; elsewhere null clears."""

_VAD_DEFAULTS: dict[str, Json] = {
    "server_vad": ServerVad(type="server_vad").model_dump(),
    "semantic_vad": {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    },
}


def reasons(model: str) -> bool:
    """Say whether a model of this name is one of those that reason."""
    return model.startswith(REASONING_MODELS)


def default_session(session_id: str, model: str, expires_at: int) -> Json:
    """Return the session that ``session.created`` shows. ``expires_at`` is Unix time in seconds."""
    vad = dict(_VAD_DEFAULTS["server_vad"])
    vad["silence_duration_ms"] = 500 if model.startswith("gpt-realtime-2.1") else 200
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": model,
        "output_modalities": ["audio"],
        "instructions": DEFAULT_INSTRUCTIONS,
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": expires_at,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": vad,
            },
            "output": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "voice": "marin" if reasons(model) else "alloy",
                "speed": 1.0,
            },
        },
        "include": None,
    }


def _merge(old: Any, new: Any, name: str = "") -> Any:
    """Merge one value of an update into the effective one."""
    if name == "turn_detection" and isinstance(new, dict):
        same = isinstance(old, dict) and old.get("type") == new["type"]
        return {**(old if same else _VAD_DEFAULTS[new["type"]]), **new}
    if name == "format" and isinstance(new, dict):
        return {"type": "audio/pcm", "rate": 24000} if new["type"] == "audio/pcm" else dict(new)
    if name in _REPLACED or not isinstance(new, dict):
        return copy.deepcopy(new)
    base = dict(old) if isinstance(old, dict) else {}
    for key, value in new.items():
        if value is not None or key not in _NEVER_NULL:
            base[key] = _merge(base.get(key), value, key)
    return base


def updated_session(session: Json, update: Json, *, voice_locked: bool) -> Json:
    """Return the session after an update whose shape is valid.

    Raises:
        Rejected: the update asks for something this session cannot do any more; nothing is applied.
    """
    model = update.get("model")
    if model is not None and model != session["model"]:
        raise Rejected("invalid_value", "The model cannot change during a session.", "session.model")
    for name in ("reasoning", "parallel_tool_calls"):
        if update.get(name) is not None and not reasons(session["model"]):
            message = f"'{name}' is not supported by the model '{session['model']}'."
            raise Rejected("unsupported_parameter", message, f"session.{name}")
    merged: Json = _merge(session, update)
    if voice_locked and merged["audio"]["output"]["voice"] != session["audio"]["output"]["voice"]:
        message = "Cannot update a conversation's voice if assistant audio is present."
        raise Rejected("cannot_update_voice", message, "session.audio.output.voice")
    return merged


@dataclass(frozen=True)
class ResponseSettings:
    """What one response goes by: its own parameters where given, the session's otherwise."""

    instructions: str
    directed: bool
    tools: tuple[Json, ...]
    tool_choice: Any
    modality: str
    audio_format: AudioFormat
    format: Json
    voice: Any
    max_output_tokens: int | str
    metadata: Json | None
    out_of_band: bool

    @classmethod
    def of(cls, session: Json, given: Json) -> ResponseSettings:
        """Combine an effective session with the ``response`` of ``response.create`` (may be empty)."""
        own = (given.get("audio") or {}).get("output") or {}
        output = session["audio"]["output"]
        wire_format = _merge(None, own.get("format") or output["format"], "format")
        instructions = given.get("instructions")
        tools = given["tools"] if given.get("tools") is not None else session["tools"]
        return cls(
            instructions=session["instructions"] if instructions is None else instructions,
            directed=bool(instructions),
            tools=tuple(tool for tool in tools if tool["type"] == "function"),
            tool_choice=given.get("tool_choice") or session["tool_choice"],
            modality=(given.get("output_modalities") or session["output_modalities"])[0],
            audio_format=format_of(wire_format),
            format=wire_format,
            voice=own.get("voice") or output["voice"],
            max_output_tokens=given.get("max_output_tokens") or session["max_output_tokens"],
            metadata=given.get("metadata"),
            out_of_band=given.get("conversation") == "none",
        )

    def wire(self, response_id: str, conversation_id: str) -> Json:
        """Return the ``response`` object of ``response.created``."""
        return {
            "object": "realtime.response",
            "id": response_id,
            "status": "in_progress",
            "status_details": None,
            "output": [],
            "conversation_id": None if self.out_of_band else conversation_id,
            "output_modalities": [self.modality],
            "max_output_tokens": self.max_output_tokens,
            "audio": {"output": {"format": self.format, "voice": self.voice}},
            "usage": None,
            "metadata": self.metadata,
        }
