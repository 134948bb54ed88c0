"""The pieces a generation is made of: its items, its deltas, its budget, and what it needs of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.bridge.simulator.audio import AudioFormat
    from talkpath.bridge.simulator.conversation import Item
    from talkpath.bridge.simulator.responses import Generation
    from talkpath.bridge.simulator.timeline import Json
    from talkpath.bridge.simulator.usage import Tokens

ODD_TAIL_SAMPLES = 37
"""Samples that the first delta is longer than a round length, so that deltas never align with 20 ms."""


class ResponseHost(Protocol):
    """What a generation needs from its session."""

    def emit(self, event_type: str, now: float, **fields: Any) -> None:
        """Send a frame."""

    def new_id(self, prefix: str) -> str:
        """Return a fresh identifier."""

    def add_item(self, item: Item, now: float) -> None:
        """Put an item into the conversation and announce it."""

    def finish_item(self, item: Item, now: float) -> None:
        """Announce that an item of the conversation is complete."""

    def response_ended(self, generation: Generation, status: str, now: float) -> None:
        """Note that the response is over; called after ``response.done`` was sent."""


@dataclass(eq=False)
class GeneratedItem:
    """One output item while it is being generated. ``kind`` is audio, text or function_call."""

    item: Item
    index: int
    kind: str
    text: str = ""
    closed: bool = False

    def content_part(self) -> Json:
        """Return the ``part`` of a content event."""
        field = "transcript" if self.kind == "audio" else "text"
        return {"type": self.kind, field: self.text}


@dataclass(frozen=True)
class Budget:
    """What a response costs before it begins, and how it is counted."""

    given: Tokens
    cached: Tokens
    reasoning: bool


def chunks(audio: bytes, audio_format: AudioFormat, chunk_ms: float) -> Iterator[bytes]:
    """Cut encoded audio into deltas: a short odd one first, then ``chunk_ms`` each, then the rest."""
    sample = audio_format.bytes_per_ms * 1000 // audio_format.rate
    size = max(1, int(chunk_ms)) * audio_format.bytes_per_ms
    first = int(chunk_ms * 0.4) * audio_format.bytes_per_ms + ODD_TAIL_SAMPLES * sample
    position, length = 0, min(first, size)
    while position < len(audio):
        yield audio[position : position + length]
        position, length = position + length, size
