"""Server events as small structs.

Only the fields that are used are declared; unknown fields are skipped, as real servers send them. Audio is
decoded from base64 to bytes by the JSON decoder itself, without a string between.
"""

from __future__ import annotations

from typing import Any

import msgspec


class ServerEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all server events that are understood."""


class SessionCreated(ServerEvent, frozen=True, kw_only=True, tag="session.created"):
    """The socket is accepted; the session has its defaults."""

    session: dict[str, Any] = {}


class SessionUpdated(ServerEvent, frozen=True, kw_only=True, tag="session.updated"):
    """The whole effective session after an update."""

    session: dict[str, Any] = {}


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """The inner object of an ``error``."""

    type: str | None = None
    code: str | int | None = None
    message: str | None = None
    param: str | None = None
    event_id: str | None = None


class ErrorEvent(ServerEvent, frozen=True, kw_only=True, tag="error"):
    """Something we sent was refused, or the session is about to end."""

    error: ErrorBody | str = ErrorBody()
    message: str | None = None
    """Where the simplest compatible servers put the words."""

    def body(self) -> ErrorBody:
        """What went wrong, wherever the server has put it."""
        if isinstance(self.error, str):
            return ErrorBody(message=self.error)
        if self.error == ErrorBody():
            return ErrorBody(message=self.message)
        return self.error


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation item; only a function call has the last three fields.

    ``arguments`` are JSON in a string; some compatible servers send the object itself.
    """

    id: str | None = None
    type: str | None = None
    status: str | None = None
    role: str | None = None
    name: str | None = None
    call_id: str | None = None
    arguments: str | dict[str, Any] | None = None


class ItemAdded(ServerEvent, frozen=True, kw_only=True, tag="conversation.item.added"):
    """An item is part of the conversation now."""

    item: Item


class ItemCreated(ServerEvent, frozen=True, kw_only=True, tag="conversation.item.created"):
    """The older name of :class:`ItemAdded`; some compatible servers still use it."""

    item: Item


class ItemDone(ServerEvent, frozen=True, kw_only=True, tag="conversation.item.done"):
    """An item is complete."""

    item: Item


class ItemTruncated(ServerEvent, frozen=True, kw_only=True, tag="conversation.item.truncated"):
    """Our truncation is done."""

    item_id: str


class ItemDeleted(ServerEvent, frozen=True, kw_only=True, tag="conversation.item.deleted"):
    """Our deletion is done."""

    item_id: str


class InputTranscriptDelta(
    ServerEvent, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.delta"
):
    """A piece of what the caller said; comes at any time."""

    item_id: str
    delta: str | None = None


class InputTranscriptCompleted(
    ServerEvent, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.completed"
):
    """All that the caller said in one item; may come after the response to it."""

    item_id: str
    transcript: str = ""
    usage: Any = None


class InputTranscriptFailed(
    ServerEvent, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.failed"
):
    """An utterance could not be written down. The model has heard it all the same."""

    item_id: str = ""
    error: ErrorBody = ErrorBody()


class SpeechStarted(ServerEvent, frozen=True, kw_only=True, tag="input_audio_buffer.speech_started"):
    """The caller began to speak. The only sign of a barge-in that can be relied upon."""

    item_id: str = ""


class SpeechStopped(ServerEvent, frozen=True, kw_only=True, tag="input_audio_buffer.speech_stopped"):
    """The caller stopped."""

    item_id: str = ""


class Committed(ServerEvent, frozen=True, kw_only=True, tag="input_audio_buffer.committed"):
    """What the caller said became an item; with ``create_response`` a response follows."""

    item_id: str = ""


class StatusDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Why a response ended as it did."""

    reason: str | None = None
    error: ErrorBody | None = None


class ResponseBody(msgspec.Struct, frozen=True, kw_only=True):
    """The ``response`` object of created and done."""

    id: str
    status: str | None = None
    status_details: StatusDetails | None = None
    output: list[Item] | None = None
    metadata: Any = None
    usage: Any = None


class ResponseCreated(ServerEvent, frozen=True, kw_only=True, tag="response.created"):
    """A response begins."""

    response: ResponseBody


class ResponseDone(ServerEvent, frozen=True, kw_only=True, tag="response.done"):
    """A response ended: completed, cancelled, failed or incomplete."""

    response: ResponseBody


class OfResponse(ServerEvent, frozen=True, kw_only=True):
    """Base of what shows that a running response gets on. Some compatible servers do not say which."""

    response_id: str = ""


class OutputItemAdded(OfResponse, frozen=True, kw_only=True, tag="response.output_item.added"):
    """A response opened a message or a function call."""

    item: Item


class OutputItemDone(OfResponse, frozen=True, kw_only=True, tag="response.output_item.done"):
    """An item of a response is complete, or was broken off."""

    item: Item


class AudioDelta(OfResponse, frozen=True, kw_only=True, tag="response.output_audio.delta"):
    """A piece of the agent's voice, in the session's output format."""

    item_id: str
    delta: bytes


class AudioDone(OfResponse, frozen=True, kw_only=True, tag="response.output_audio.done"):
    """All audio of an item has been sent."""

    item_id: str


class TranscriptDelta(OfResponse, frozen=True, kw_only=True, tag="response.output_audio_transcript.delta"):
    """A piece of what the agent says; runs ahead of the audio."""

    item_id: str
    delta: str = ""


class TranscriptDone(OfResponse, frozen=True, kw_only=True, tag="response.output_audio_transcript.done"):
    """All that the agent says in an item."""

    item_id: str
    transcript: str = ""


class ArgumentsDelta(OfResponse, frozen=True, kw_only=True, tag="response.function_call_arguments.delta"):
    """The model is writing the arguments of a tool."""


class ArgumentsDone(OfResponse, frozen=True, kw_only=True, tag="response.function_call_arguments.done"):
    """The arguments are written; the call is valid only once its item is completed."""


class OutputTextDelta(OfResponse, frozen=True, kw_only=True, tag="response.output_text.delta"):
    """Text instead of audio; it cannot be heard, but it shows that the server works."""


class PartAdded(OfResponse, frozen=True, kw_only=True, tag="response.content_part.added"):
    """A message got a part."""


class PartDone(OfResponse, frozen=True, kw_only=True, tag="response.content_part.done"):
    """A part is complete."""


class RateLimitBody(msgspec.Struct, frozen=True, kw_only=True):
    """One limit."""

    name: str = ""
    limit: float | None = None
    remaining: float | None = None
    reset_seconds: float | None = None


class RateLimitsUpdated(ServerEvent, frozen=True, kw_only=True, tag="rate_limits.updated"):
    """What is left of the account's limits, after a response."""

    rate_limits: list[RateLimitBody] = []
