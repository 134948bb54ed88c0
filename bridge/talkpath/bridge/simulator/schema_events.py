"""The eleven events of a client, and the items they carry, as strict models (see ``schema``)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from talkpath.bridge.simulator.schema import (
    MaxTokens,
    Modalities,
    Prompt,
    Reasoning,
    ResponseAudio,
    Session,
    Strict,
    Tool,
    ToolChoice,
)

ItemId = Annotated[str, Field(min_length=1, max_length=32)]


class InputText(Strict):
    """Written text of a user or the system."""

    type: Literal["input_text"]
    text: str


class InputAudio(Strict):
    """Audio of a user, base64."""

    type: Literal["input_audio"]
    audio: str | None = None
    transcript: str | None = None


class InputImage(Strict):
    """A picture as a data URL."""

    type: Literal["input_image"]
    image_url: Annotated[str, Field(pattern=r"^data:image/(png|jpeg);base64,")]
    detail: Literal["auto", "low", "high"] = "auto"


class OutputText(Strict):
    """Text of the assistant."""

    type: Literal["output_text"]
    text: str


class OutputAudio(Strict):
    """Audio of the assistant."""

    type: Literal["output_audio"]
    audio: str | None = None
    transcript: str | None = None


def _type_tag(value: Any) -> str:
    """Tell objects apart by ``type``."""
    return f"#{value.get('type')}" if isinstance(value, dict) else "#"


def _item_tag(value: Any) -> str:
    """Tell items apart by ``type``, messages also by ``role``."""
    if not isinstance(value, dict):
        return "#"
    return f"#{value.get('role')}" if value.get("type") == "message" else f"#{value.get('type')}"


class _Item(Strict):
    """What all items may carry."""

    id: ItemId | None = None
    object: Literal["realtime.item"] | None = None
    status: Literal["completed", "incomplete", "in_progress"] | None = None


class SystemMessage(_Item):
    """A message of the system: text only."""

    type: Literal["message"]
    role: Literal["system"]
    content: list[InputText]


class UserMessage(_Item):
    """A message of the user."""

    type: Literal["message"]
    role: Literal["user"]
    content: list[
        Annotated[
            Annotated[InputText, Tag("#input_text")]
            | Annotated[InputAudio, Tag("#input_audio")]
            | Annotated[InputImage, Tag("#input_image")],
            Discriminator(_type_tag),
        ]
    ]


class AssistantMessage(_Item):
    """A message of the assistant."""

    type: Literal["message"]
    role: Literal["assistant"]
    content: list[
        Annotated[
            Annotated[OutputText, Tag("#output_text")] | Annotated[OutputAudio, Tag("#output_audio")],
            Discriminator(_type_tag),
        ]
    ]
    phase: Literal["commentary", "final_answer"] | None = None


class FunctionCallItem(_Item):
    """A function call, for example of an earlier session."""

    type: Literal["function_call"]
    call_id: ItemId | None = None
    name: str
    arguments: str


class FunctionCallOutput(_Item):
    """The result of a function. ``output`` is a string, never an object."""

    type: Literal["function_call_output"]
    call_id: ItemId
    output: str


class McpApproval(Strict):
    """Consent to an MCP call."""

    type: Literal["mcp_approval_response"]
    id: str
    approval_request_id: str
    approve: bool
    reason: str | None = None


class ItemReference(Strict):
    """An item of the conversation, by name; in ``response.input`` only."""

    type: Literal["item_reference"]
    id: str


NewItem = Annotated[
    Annotated[SystemMessage, Tag("#system")]
    | Annotated[UserMessage, Tag("#user")]
    | Annotated[AssistantMessage, Tag("#assistant")]
    | Annotated[FunctionCallItem, Tag("#function_call")]
    | Annotated[FunctionCallOutput, Tag("#function_call_output")]
    | Annotated[McpApproval, Tag("#mcp_approval_response")],
    Discriminator(_item_tag),
]
InputItem = Annotated[
    Annotated[SystemMessage, Tag("#system")]
    | Annotated[UserMessage, Tag("#user")]
    | Annotated[AssistantMessage, Tag("#assistant")]
    | Annotated[FunctionCallItem, Tag("#function_call")]
    | Annotated[FunctionCallOutput, Tag("#function_call_output")]
    | Annotated[ItemReference, Tag("#item_reference")],
    Discriminator(_item_tag),
]
MetadataKey = Annotated[str, Field(max_length=64)]
MetadataValue = Annotated[str, Field(max_length=512)]


class ResponseParameters(Strict):
    """``response`` of ``response.create``."""

    audio: ResponseAudio | None = None
    conversation: Literal["auto", "none"] | None = None
    input: list[InputItem] | None = None
    instructions: str | None = None
    max_output_tokens: MaxTokens | None = None
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=16)] | None = None
    output_modalities: Modalities | None = None
    parallel_tool_calls: bool | None = None
    prompt: Prompt | None = None
    reasoning: Reasoning | None = None
    tool_choice: ToolChoice | None = None
    tools: list[Tool] | None = None


class _Event(Strict):
    """What all events carry."""

    type: str
    event_id: Annotated[str, Field(max_length=512)] | None = None


class SessionUpdate(_Event):
    """``session.update``."""

    session: Session


class Append(_Event):
    """``input_audio_buffer.append``; at most 15 MiB of audio."""

    audio: Annotated[str, Field(max_length=20 * 1024 * 1024)]


class ItemCreate(_Event):
    """``conversation.item.create``."""

    item: NewItem
    previous_item_id: str | None = None


class ItemName(_Event):
    """``conversation.item.retrieve`` and ``conversation.item.delete``."""

    item_id: str


class ItemTruncate(_Event):
    """``conversation.item.truncate``."""

    item_id: str
    content_index: Annotated[int, Field(ge=0)]
    audio_end_ms: Annotated[int, Field(ge=0)]


class ResponseCreate(_Event):
    """``response.create``."""

    response: ResponseParameters | None = None


class ResponseCancel(_Event):
    """``response.cancel``."""

    response_id: str | None = None


class Bare(_Event):
    """An event without fields of its own."""


EVENTS: dict[str, type[Strict]] = {
    "session.update": SessionUpdate,
    "input_audio_buffer.append": Append,
    "input_audio_buffer.commit": Bare,
    "input_audio_buffer.clear": Bare,
    "output_audio_buffer.clear": Bare,
    "conversation.item.create": ItemCreate,
    "conversation.item.retrieve": ItemName,
    "conversation.item.truncate": ItemTruncate,
    "conversation.item.delete": ItemName,
    "response.create": ResponseCreate,
    "response.cancel": ResponseCancel,
}
"""The model of each client event."""
