"""Client events as bytes on the socket.

All events are TEXT frames of JSON. Audio goes the short way: the frame is put together from bytes, no
JSON encoder sees it.
"""

from __future__ import annotations

from binascii import b2a_base64
from typing import Any

import msgspec

_APPEND_PREFIX = b'{"type":"input_audio_buffer.append","event_id":"a","audio":"'
_APPEND_SUFFIX = b'"}'

_encode = msgspec.json.Encoder().encode


def append_event(audio: bytes | bytearray | memoryview) -> bytes:
    """The ``input_audio_buffer.append`` frame for a piece of caller audio.

    All appends share one event id: none is ever acknowledged, and an error about one says all about it.

    Args:
        audio: bytes in the session's input format, at most 15 MiB.
    """
    return b"".join((_APPEND_PREFIX, b2a_base64(audio, newline=False), _APPEND_SUFFIX))


def encode_event(event: dict[str, Any]) -> bytes:
    """A control event as JSON bytes."""
    return _encode(event)


def _clean(text: str) -> str:
    """Text that can be sent: half characters (lone surrogates) become question marks."""
    return text.encode("utf-8", "replace").decode()


def session_update(session: dict[str, Any]) -> dict[str, Any]:
    """Change the fields of the session that are present; ``session.type`` must be among them."""
    return {"type": "session.update", "session": session}


def message_item(role: str, text: str, item_id: str) -> dict[str, Any]:
    """Add a line of text. The kind of its content depends on who speaks; for tools, the system does."""
    kind = "output_text" if role == "assistant" else "input_text"
    speaker = "system" if role == "tool" else role
    item = {
        "id": item_id,
        "type": "message",
        "role": speaker,
        "content": [{"type": kind, "text": _clean(text)}],
    }
    return {"type": "conversation.item.create", "item": item}


def function_output_item(call_id: str, output: str, item_id: str) -> dict[str, Any]:
    """Add the result of a tool. ``output`` is a string, whatever the tool returned."""
    item = {"id": item_id, "type": "function_call_output", "call_id": call_id, "output": _clean(output)}
    return {"type": "conversation.item.create", "item": item}


def truncate_item(item_id: str, played_ms: int) -> dict[str, Any]:
    """Make the model forget what was not heard of an item, from ``played_ms`` on."""
    return {
        "type": "conversation.item.truncate",
        "item_id": item_id,
        "content_index": 0,
        "audio_end_ms": played_ms,
    }


def delete_item(item_id: str) -> dict[str, Any]:
    """Remove an item of which nothing was heard."""
    return {"type": "conversation.item.delete", "item_id": item_id}


def create_response(
    metadata: dict[str, str], instructions: str | None = None, tool_choice: str | None = None
) -> dict[str, Any]:
    """Ask for a response. ``instructions`` replace those of the session for this response."""
    response: dict[str, Any] = {"metadata": metadata}
    if instructions is not None:
        response["instructions"] = _clean(instructions)
    if tool_choice is not None:
        response["tool_choice"] = tool_choice
    return {"type": "response.create", "response": response}


def cancel_response(response_id: str) -> dict[str, Any]:
    """Stop one response. Always with its id: without it, the cancel may hit the next response."""
    return {"type": "response.cancel", "response_id": response_id}
