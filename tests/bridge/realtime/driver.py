"""A scripted server in virtual time, and words to say what a session must do."""

from __future__ import annotations

import base64
from typing import Any, TypeVar

import msgspec
from openai.types.realtime import RealtimeClientEvent
from pydantic import BaseModel, TypeAdapter

from talkpath.bridge.realtime.effects import Effect, FlushPlayout, PlayAudio, Send
from talkpath.bridge.realtime.session import RealtimeSession
from talkpath.bridge.realtime.settings import SessionSettings

CLIENT_EVENT: TypeAdapter[Any] = TypeAdapter(RealtimeClientEvent)

E = TypeVar("E")


def extra_fields(model: Any, path: str = "") -> list[str]:
    """Fields of a parsed event that the SDK's types do not know, at any depth."""
    if isinstance(model, list):
        return [name for one in model for name in extra_fields(one, path)]
    if not isinstance(model, BaseModel):
        return []
    found = [f"{path}{name}" for name in (model.model_extra or {})]
    for name in model.model_fields_set:
        found += extra_fields(getattr(model, name, None), f"{path}{name}.")
    return found


def check_client_event(data: bytes) -> dict[str, Any]:
    """Validate what we would send against the newest SDK, strictly, and return it decoded."""
    event: dict[str, Any] = msgspec.json.decode(data)
    parsed = CLIENT_EVENT.validate_python(event)
    assert parsed.type == event["type"]
    assert extra_fields(parsed) == []
    assert event["event_id"]
    return event


class Driver:
    """A session with a scripted server. Time moves only when a test says so."""

    def __init__(self, settings: SessionSettings | None = None) -> None:
        self.settings = settings or SessionSettings(instructions="Be kind.")
        self.session = RealtimeSession(self.settings, jitter=lambda: 0.0)
        self.now = 100.0
        self.log: list[Effect] = []
        self.sent: list[dict[str, Any]] = []
        self._number = 0

    # -- moving --------------------------------------------------------------------------------------

    def take(self) -> list[Effect]:
        """Collect the effects of the last step; every frame is validated."""
        effects = self.session.effects()
        self.log += effects
        self.sent += [check_client_event(effect.data) for effect in effects if isinstance(effect, Send)]
        return effects

    def server(self, kind: str, **fields: Any) -> list[Effect]:
        """The server sends an event."""
        self._number += 1
        frame = msgspec.json.encode({"type": kind, "event_id": f"event_{self._number}", **fields})
        self.session.received(frame, self.now)
        return self.take()

    def ready(self) -> Driver:
        """Connect and configure, as servers do."""
        self.session.connected(self.now)
        self.server("session.created", session={"id": "sess_1", "object": "realtime.session"})
        self.take()
        update = self.sent[-1]["session"]
        self.server("session.updated", session={"id": "sess_1", "expires_at": 3700, **update})
        return self

    def wait(self, seconds: float) -> list[Effect]:
        """Let time pass, waking the session whenever it asked for it."""
        until = self.now + seconds
        effects: list[Effect] = []
        while (at := self.session.deadline()) is not None and at <= until:
            self.now = at
            self.session.wake(self.now)
            effects += self.take()
        self.now = until
        return effects

    # -- what servers say ----------------------------------------------------------------------------

    def created(self, response_id: str = "resp_R", *, ours: bool = False) -> list[Effect]:
        """A response begins; ``ours`` echoes the metadata of the last request."""
        metadata = self.last("response.create")["response"]["metadata"] if ours else None
        body: dict[str, Any] = {
            "id": response_id,
            "status": "in_progress",
            "output": [],
            "metadata": metadata,
        }
        return self.server("response.created", response=body)

    def done(
        self, response_id: str = "resp_R", status: str = "completed", *, output: Any = (), **body: Any
    ) -> list[Effect]:
        """A response ends."""
        return self.server(
            "response.done", response={"id": response_id, "status": status, "output": list(output), **body}
        )

    def audio(self, milliseconds: int, item: str = "item_A", response: str = "resp_R") -> list[Effect]:
        """The server sends this much G.711 audio of an item."""
        delta = base64.b64encode(b"\xff" * 8 * milliseconds).decode()
        return self.server("response.output_audio.delta", response_id=response, item_id=item, delta=delta)

    def audio_done(self, item: str = "item_A", response: str = "resp_R") -> list[Effect]:
        """The server has sent all audio of an item."""
        return self.server("response.output_audio.done", response_id=response, item_id=item)

    def spoken(self, response: str = "resp_R", item: str = "item_A", milliseconds: int = 1000) -> None:
        """A whole spoken response, from its creation to its end."""
        self.created(response)
        self.audio(milliseconds, item, response)
        self.audio_done(item, response)
        self.done(response)

    def caller_starts(self, item: str = "item_U") -> list[Effect]:
        """The caller begins to speak."""
        return self.server("input_audio_buffer.speech_started", audio_start_ms=100, item_id=item)

    def caller_stops(self, item: str = "item_U") -> list[Effect]:
        """The caller stops, and the server commits the turn."""
        effects = self.server("input_audio_buffer.speech_stopped", audio_end_ms=900, item_id=item)
        return effects + self.server("input_audio_buffer.committed", item_id=item, previous_item_id=None)

    def call_item(
        self, call_id: str, arguments: str = "{}", status: str = "completed", name: str = "lookup"
    ) -> dict[str, Any]:
        """A function call item."""
        return {
            "id": f"item_{call_id}",
            "type": "function_call",
            "status": status,
            "name": name,
            "call_id": call_id,
            "arguments": arguments,
        }

    def calls(self, call_id: str, response: str = "resp_R", **item: Any) -> list[Effect]:
        """The model finishes writing a function call."""
        return self.server(
            "response.output_item.done", response_id=response, item=self.call_item(call_id, **item)
        )

    def acknowledge(self) -> None:
        """The server takes all items that we created."""
        for event in self.sent_of("conversation.item.create"):
            self.server("conversation.item.added", item=event["item"], previous_item_id=None)

    # -- what the session did ------------------------------------------------------------------------

    def sent_of(self, kind: str) -> list[dict[str, Any]]:
        """All frames of a type that were sent so far."""
        return [event for event in self.sent if event["type"] == kind]

    def last(self, kind: str) -> dict[str, Any]:
        """The latest frame of a type."""
        return self.sent_of(kind)[-1]

    def effects_of(self, kind: type[E]) -> list[E]:
        """All effects of a kind so far."""
        return [effect for effect in self.log if isinstance(effect, kind)]

    def played(self) -> dict[str, int]:
        """Milliseconds handed to playout by item."""
        total: dict[str, int] = {}
        for effect in self.effects_of(PlayAudio):
            total[effect.item_id] = total.get(effect.item_id, 0) + len(effect.audio) // 8
        return total

    def flushes(self) -> int:
        """How often the playout was stopped."""
        return len(self.effects_of(FlushPlayout))
