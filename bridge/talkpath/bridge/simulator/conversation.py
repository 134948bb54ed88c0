"""The items of a conversation, their order, and what of them the model remembers."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from talkpath.bridge.simulator.usage import (
    IMAGE_TOKENS,
    ITEM_OVERHEAD_TOKENS,
    Tokens,
    input_audio_tokens,
    output_audio_tokens,
    text_tokens,
)
from talkpath.bridge.simulator.validate import Rejected

if TYPE_CHECKING:
    from talkpath.bridge.simulator.audio import AudioFormat
    from talkpath.bridge.simulator.reply import Heard
    from talkpath.bridge.simulator.timeline import Json


@dataclass(eq=False)
class Item:
    """One item.

    Attributes:
        data: the item as it stands on the wire.
        audio: octets of the model's speech sent so far, in ``audio_format``; for the caller's, as heard.
        heard_ms: set by truncation: how much of the model's speech the caller heard, so the client says.
        heard: the caller's audio, for an item that came from the input buffer.
    """

    data: Json
    audio: bytearray = field(default_factory=bytearray)
    audio_format: AudioFormat | None = None
    heard_ms: int | None = None
    heard: Heard | None = None

    @property
    def id(self) -> str:
        """The identifier."""
        return str(self.data["id"])

    @property
    def type(self) -> str:
        """``message``, ``function_call`` and so on."""
        return str(self.data["type"])

    @property
    def role(self) -> str:
        """``user``, ``assistant``, ``system``, or "" when it is not a message."""
        return str(self.data.get("role", ""))

    @property
    def sent_ms(self) -> float:
        """Milliseconds of the model's speech that were sent."""
        return self.audio_format.duration_ms(len(self.audio)) if self.audio_format else 0.0

    @property
    def remembered_ms(self) -> float:
        """Milliseconds of the model's speech that the model still believes it said."""
        return self.sent_ms if self.heard_ms is None else min(self.sent_ms, float(self.heard_ms))

    def wire(self) -> Json:
        """Return the item as events show it: a copy, without audio."""
        if "content" not in self.data:
            return {**self.data}
        return {**self.data, "content": [dict(part) for part in self.data["content"]]}

    def text(self) -> str:
        """Return the written or transcribed words of a message, "" when there are none."""
        parts = self.data.get("content") or ()
        words = [part.get("text") or part.get("transcript") or "" for part in parts]
        return " ".join(word for word in words if word)

    def tokens(self) -> Tokens:
        """Count what this item costs as input."""
        total = Tokens(text=ITEM_OVERHEAD_TOKENS)
        if self.heard is not None:
            total += Tokens(audio=input_audio_tokens(self.heard.duration_ms))
        elif self.audio:
            total += Tokens(audio=output_audio_tokens(self.remembered_ms))
        else:
            words = self.text() + str(self.data.get("arguments", "")) + str(self.data.get("output", ""))
            total += Tokens(text=text_tokens(words))
        for part in self.data.get("content") or ():
            if part["type"] == "input_image":
                total += Tokens(image=IMAGE_TOKENS[part.get("detail", "auto")])
        return total


@dataclass(frozen=True)
class Memory:
    """What the model remembers of one item; ``audio_ms`` is 0 for anything but its own speech."""

    item_id: str
    role: str
    text: str
    audio_ms: float


class Conversation:
    """Items in order."""

    def __init__(self, conversation_id: str) -> None:
        self.id = conversation_id
        self._items: list[Item] = []

    @property
    def items(self) -> tuple[Item, ...]:
        """All items, oldest first."""
        return tuple(self._items)

    def remembered(self) -> list[Memory]:
        """Return what the model remembers, oldest first. Compare it with what the caller heard."""
        return [Memory(i.id, i.role or i.type, i.text(), i.remembered_ms) for i in self._items]

    def find(self, item_id: str) -> Item | None:
        """Return the item of that name, or None."""
        return next((item for item in self._items if item.id == item_id), None)

    def previous_id(self, item: Item) -> str | None:
        """Return the name of the item before this one, None for the first."""
        index = self._items.index(item)
        return self._items[index - 1].id if index else None

    def add(self, item: Item, previous_item_id: str | None = None) -> None:
        """Insert an item after the named one; None appends, ``"root"`` puts it first.

        Raises:
            Rejected: the name is taken, or the previous item does not exist, or the output has no call.
        """
        if self.find(item.id) is not None:
            message = f"Item with id '{item.id}' already exists in the conversation."
            raise Rejected("item_create_duplicate_item_id", message, "item.id")
        if item.type == "function_call_output":
            self._require_call(item.data["call_id"])
        self._items.insert(self._index_after(previous_item_id), item)

    def _index_after(self, previous_item_id: str | None) -> int:
        """Return where an item goes that names its predecessor."""
        if previous_item_id is None:
            return len(self._items)
        if previous_item_id == "root":
            return 0
        previous = self.find(previous_item_id)
        if previous is None:
            message = f"Previous item with id '{previous_item_id}' not found in the conversation."
            raise Rejected("item_create_invalid_previous_item_id", message, "previous_item_id")
        return self._items.index(previous) + 1

    def _require_call(self, call_id: str) -> None:
        """Refuse an output whose call nobody made."""
        if not any(i.type == "function_call" and i.data["call_id"] == call_id for i in self._items):
            message = f"Tool call ID '{call_id}' not found in conversation."
            raise Rejected("invalid_tool_call_id", message, "item.call_id")

    def delete(self, item_id: str) -> None:
        """Take an item out; its neighbours become neighbours."""
        self._items.remove(self._require(item_id, "delete"))

    def retrieve(self, item_id: str) -> Json:
        """Return the wire form of an item with its audio, cut where it was truncated."""
        item = self._require(item_id, "retrieve")
        data = {**item.data}
        if item.audio and data.get("content"):
            kept = bytes(item.audio)
            if item.audio_format is not None and item.heard_ms is not None:
                kept = kept[: item.heard_ms * item.audio_format.bytes_per_ms]
            data["content"] = [{**data["content"][0], "audio": base64.b64encode(kept).decode()}]
        return data

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """Forget what the caller did not hear: audio behind ``audio_end_ms``, and the transcript.

        Raises:
            Rejected: unknown item, not speech of the model, or more than was ever sent.
        """
        item = self._require(item_id, "truncate")
        content = item.data.get("content") or ()
        if item.role != "assistant" or item.audio_format is None or content_index >= max(1, len(content)):
            raise Rejected(None, "Only model output audio messages can be truncated")
        length = int(item.remembered_ms)
        if audio_end_ms > length:
            message = f"Audio content of {length}ms is already shorter than {audio_end_ms}ms"
            raise Rejected(None, message)
        item.heard_ms = audio_end_ms
        for part in content:
            part.pop("transcript", None)

    def _require(self, item_id: str, verb: str) -> Item:
        """Return the item or refuse the verb."""
        item = self.find(item_id)
        if item is None:
            code = f"item_{verb}_invalid_item_id"
            message = f"Error: Item with id '{item_id}' not found in the conversation."
            raise Rejected(code, message, "item_id")
        return item
