"""Token counts from durations and words, so that cost accounting meets a number in every column.

Rates as observed: caller audio one token per 100 ms, model audio one per 50 ms; text about one token per
four characters. The whole conversation is billed again as input for each response; what the last response
already saw counts as cached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from talkpath.bridge.simulator.timeline import Json

INPUT_MS_PER_TOKEN = 100
OUTPUT_MS_PER_TOKEN = 50
ITEM_OVERHEAD_TOKENS = 3
IMAGE_TOKENS = {"low": 85, "high": 765, "auto": 765}
REASONING_TOKENS = 12
"""Reasoning tokens of one response of a model that reasons; a part of its text tokens."""

DURATION_TRANSCRIBERS = ("whisper-1", "gpt-transcribe", "gpt-live-transcribe", "gpt-realtime-whisper")
"""Transcription models billed by time; the others are billed by tokens."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens by modality."""

    text: int = 0
    audio: int = 0
    image: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.text + other.text, self.audio + other.audio, self.image + other.image)

    def at_most(self, other: Tokens) -> Tokens:
        """Return the smaller count of each modality."""
        return Tokens(min(self.text, other.text), min(self.audio, other.audio), min(self.image, other.image))

    @property
    def total(self) -> int:
        """Sum over the modalities."""
        return self.text + self.audio + self.image

    def by_name(self) -> Json:
        """Return the wire form."""
        return {"text_tokens": self.text, "audio_tokens": self.audio, "image_tokens": self.image}


def text_tokens(text: str) -> int:
    """Estimate the tokens of a text: one per four characters, at least one when it is not empty."""
    return (len(text) + 3) // 4


def input_audio_tokens(milliseconds: float) -> int:
    """Tokens of caller audio, rounded up."""
    return -(-int(milliseconds) // INPUT_MS_PER_TOKEN)


def output_audio_tokens(milliseconds: float) -> int:
    """Tokens of model audio, rounded up."""
    return -(-int(milliseconds) // OUTPUT_MS_PER_TOKEN)


def response_usage(given: Tokens, cached: Tokens, made: Tokens, reasoning: int | None) -> Json:
    """Build ``response.usage``. ``cached`` is a part of ``given``; ``reasoning`` a part of ``made.text``."""
    cached = cached.at_most(given)
    output: Json = {"text_tokens": made.text, "audio_tokens": made.audio}
    if reasoning is not None:
        output["reasoning_tokens"] = reasoning
    return {
        "total_tokens": given.total + made.total,
        "input_tokens": given.total,
        "output_tokens": made.total,
        "input_token_details": {
            **given.by_name(),
            "cached_tokens": cached.total,
            "cached_tokens_details": cached.by_name(),
        },
        "output_token_details": output,
    }


def transcription_usage(model: str, duration_ms: float, transcript: str) -> Json:
    """Build the ``usage`` of a finished input transcription; its shape depends on the model."""
    if model.startswith(DURATION_TRANSCRIBERS):
        return {"type": "duration", "seconds": round(duration_ms / 1000) if transcript else 0}
    audio, output = input_audio_tokens(duration_ms), text_tokens(transcript)
    return {
        "type": "tokens",
        "input_tokens": audio,
        "output_tokens": output,
        "total_tokens": audio + output,
        "input_token_details": {"text_tokens": 0, "audio_tokens": audio},
    }
