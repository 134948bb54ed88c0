"""One session of the server, without input or output: client frames in, frames with due times out.

Every method that can cause something takes ``now`` (seconds, monotonic). The edge calls ``poll`` whenever
``next_due`` has come, sends what it returns, and does the work it is asked for (``Listen``, ``Think``).
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from talkpath.bridge.simulator.conversation import Conversation, Item
from talkpath.bridge.simulator.faults import EXPIRED, NO_FAULTS, RECORDED, Faults, Timing
from talkpath.bridge.simulator.ids import Ids
from talkpath.bridge.simulator.input_turns import InputTurns
from talkpath.bridge.simulator.responder import Responder
from talkpath.bridge.simulator.settings import default_session, updated_session
from talkpath.bridge.simulator.timeline import Close, Output, Reset, Send, StopReading, Timeline
from talkpath.bridge.simulator.validate import Rejected, parse_event

if TYPE_CHECKING:
    from talkpath.bridge.simulator.faults import Break
    from talkpath.bridge.simulator.reply import Heard, Reply, Turn
    from talkpath.bridge.simulator.responses import Generation
    from talkpath.bridge.simulator.timeline import Json

KEPT_EVENTS = 5000
"""Client events kept for inspection; audio is counted, not kept."""
_OBFUSCATED = ("_transcript.delta", "_text.delta", "_arguments.delta", "_transcription.delta")


@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """How a session behaves.

    Attributes:
        model: name of the model in the URL.
        timing: latencies and pace.
        faults: what goes wrong.
        record_s: seconds of caller audio kept for inspection, 0 for none.
    """

    model: str = "gpt-realtime-2.1"
    timing: Timing = RECORDED
    faults: Faults = NO_FAULTS
    record_s: float = 60.0


class RealtimeSession:
    """The server's side of one conversation.

    Args:
        options: how it behaves.
        wall_time: Unix time in seconds, for ``expires_at``.
    """

    def __init__(self, options: SessionOptions | None = None, *, wall_time: float = 0.0) -> None:
        self.options = options or SessionOptions()
        self.ids = Ids()
        self.id = self.new_id("sess")
        expires_at = int(wall_time + self.options.faults.session_limit_s)
        self.session = default_session(self.id, self.options.model, expires_at)
        self.conversation = Conversation(self.new_id("conv"))
        self.received: deque[Json] = deque(maxlen=KEPT_EVENTS)
        self.received_counts: Counter[str] = Counter()
        self.sent_counts: Counter[str] = Counter()
        self.closed = False
        self.memory: dict[str, Any] = {}
        self._timeline = Timeline()
        self.responses = Responder(self)
        self.input = InputTurns(self, self.session, self.options)

    # ---- the edge ----------------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """Begin: the WebSocket is open."""
        faults = self.options.faults
        due = now + self.options.timing.session_created_ms / 1000 + faults.session_created_delay_s
        self._timeline.at(now + faults.session_limit_s, self._expire)
        for fault in faults.breaks:
            if not fault.on:
                self._timeline.at(now + fault.delay_s, partial(self._break, fault))
        if faults.stop_reading is not None:
            mute = faults.stop_reading
            self._timeline.at(
                now + mute.after_s, lambda at: self._timeline.put(StopReading(mute.seconds), at)
            )
        self.emit("session.created", due, session=self.session)

    def receive(self, message: str | bytes, now: float) -> None:
        """Take one frame of the client."""
        if self.closed:
            return
        event_id: str | None = None
        try:
            event = parse_event(message)
            event_id = event.get("event_id")
            self._note(event)
            _HANDLERS[event["type"]](self, event, now)
        except Rejected as rejected:
            rejected.event_id = rejected.event_id or event_id
            self.received_counts["(rejected)"] += 1
            self.emit("error", now, error=rejected.as_error())

    def poll(self, now: float) -> list[Output]:
        """Return what is due: frames to send, work to do, ways to end the connection."""
        self.responses.advance(now)
        return self._timeline.take(now)

    def next_due(self) -> float | None:
        """Return when ``poll`` has something; None when only input can cause anything."""
        dues = (self.responses.next_due(), self._timeline.next_due())
        return min((due for due in dues if due is not None), default=None)

    def thought(self, turn: Turn, reply: Reply, now: float) -> None:
        """Take the reply to a ``Think``."""
        self.responses.supply(turn, reply, now)

    def transcribed(self, heard: Heard, text: str, now: float) -> None:
        """Take the words of a ``Listen``."""
        self.input.transcribed(heard, text, now)

    def end(self) -> None:
        """Note that the connection is gone; nothing more is sent."""
        self.closed = True
        self._timeline.stop()
        self.responses.stop()

    # ---- inspection --------------------------------------------------------------------------------

    def response_ended(self, generation: Generation, status: str, now: float) -> None:
        """Note that a response sent its ``response.done``."""
        self.responses.ended(generation, status, now)

    @property
    def responding(self) -> bool:
        """Whether a response of the conversation is being generated."""
        return self.responses.active is not None

    def events(self, event_type: str) -> list[Json]:
        """Return the client's events of one type, oldest first (audio appends are only counted)."""
        return [event for event in self.received if event["type"] == event_type]

    # ---- services to the parts of the session --------------------------------------------------------

    def new_id(self, prefix: str) -> str:
        """Return a fresh identifier."""
        return self.ids.new(prefix)

    def emit(self, event_type: str, now: float, **fields: Any) -> None:
        """Send a frame, not before ``now``; faults are added here."""
        if self.closed:
            return
        frame: Json = {"type": event_type, "event_id": self.new_id("event"), **fields}
        if event_type.endswith(_OBFUSCATED):
            frame["obfuscation"] = self.ids.new("x")[-8:]
        faults = self.options.faults
        if faults.extra_fields:
            frame["x_simulated_extra"] = {"unknown": True}
        if faults.unknown_events:
            unknown = {"type": "simulated.unknown_event", "event_id": self.new_id("event")}
            self._timeline.put(Send(unknown), now)
        self._timeline.put(Send(frame), now)
        self.sent_counts[event_type] += 1
        for fault in faults.breaks:
            if fault.on == event_type and fault.nth == self.sent_counts[event_type]:
                self._timeline.at(now + fault.delay_s, partial(self._break, fault))

    def at(self, due: float, action: Any) -> None:
        """Call ``action(due)`` at that time."""
        self._timeline.at(due, action)

    def ask(self, work: Any) -> None:
        """Hand work to the edge."""
        self._timeline.ask(work)

    def add_item(self, item: Item, now: float, previous_item_id: str | None = None) -> None:
        """Put an item into the conversation and announce it."""
        self.conversation.add(item, previous_item_id)
        self._announce("conversation.item.added", item, now)

    def finish_item(self, item: Item, now: float) -> None:
        """Announce that an item is complete; one that was deleted meanwhile is not announced."""
        if self.conversation.find(item.id) is not None:
            self._announce("conversation.item.done", item, now)

    def add_whole_item(self, item: Item, now: float, previous_item_id: str | None = None) -> None:
        """Put in and complete an item that came from the client or its audio."""
        self.add_item(item, now, previous_item_id)
        self.finish_item(item, now)
        self.responses.fresh.append(item)

    def _announce(self, event_type: str, item: Item, now: float) -> None:
        """Send an event that shows an item and its predecessor."""
        previous = self.conversation.previous_id(item)
        self.emit(event_type, now, previous_item_id=previous, item=item.wire())

    # ---- client events -----------------------------------------------------------------------------

    def _note(self, event: Json) -> None:
        """Count and keep a valid event."""
        self.received_counts[event["type"]] += 1
        if event["type"] != "input_audio_buffer.append":
            self.received.append(event)

    def on_update(self, event: Json, now: float) -> None:
        """``session.update``: all of it or nothing."""
        self.session = updated_session(
            self.session, event["session"], voice_locked=self.responses.voice_locked
        )
        self.input.configure(self.session)
        due = now + self.options.timing.session_updated_ms / 1000
        self.emit("session.updated", due, session=self.session)

    def on_create_item(self, event: Json, now: float) -> None:
        """``conversation.item.create``: never starts a response."""
        data = {"id": self.new_id("item"), "status": "completed", **event["item"]}
        if data["type"] == "function_call":
            data.setdefault("call_id", self.new_id("call"))
        self.add_whole_item(Item(data), now, event.get("previous_item_id"))

    def on_retrieve(self, event: Json, now: float) -> None:
        """``conversation.item.retrieve``."""
        self.emit("conversation.item.retrieved", now, item=self.conversation.retrieve(event["item_id"]))

    def on_truncate(self, event: Json, now: float) -> None:
        """``conversation.item.truncate``."""
        place = {name: event[name] for name in ("item_id", "content_index", "audio_end_ms")}
        self.conversation.truncate(**place)
        self.emit("conversation.item.truncated", now, **place)

    def on_delete(self, event: Json, now: float) -> None:
        """``conversation.item.delete``."""
        self.conversation.delete(event["item_id"])
        self.responses.fresh = [item for item in self.responses.fresh if item.id != event["item_id"]]
        self.emit("conversation.item.deleted", now, item_id=event["item_id"])

    def on_respond(self, event: Json, now: float) -> None:
        """``response.create``."""
        self.responses.create(event.get("response") or {}, now)

    def on_cancel(self, event: Json, now: float) -> None:
        """``response.cancel``: the named response, or the active one."""
        self.responses.cancel(event.get("response_id"), now)

    def on_clear_output(self, event: Json, now: float) -> None:
        """``output_audio_buffer.clear``: there is no output buffer on a WebSocket."""
        del event, now
        message = "output_audio_buffer.clear is only supported for WebRTC and SIP sessions."
        raise Rejected("invalid_value", message, "type")

    # ---- ends --------------------------------------------------------------------------------------

    def _expire(self, now: float) -> None:
        """The session is as old as it may become."""
        expired = Rejected("session_expired", EXPIRED)
        self.emit("error", now, error=expired.as_error())
        self._leave(Close(1001, EXPIRED), now)

    def _break(self, fault: Break, now: float) -> None:
        """Carry out a fault of the connection."""
        self._leave(Reset() if fault.code is None else Close(fault.code, fault.reason), now)

    def _leave(self, output: Close | Reset, now: float) -> None:
        """End the connection behind what is queued."""
        self._timeline.put(output, now)
        self.end()


_HANDLERS: dict[str, Any] = {
    "session.update": RealtimeSession.on_update,
    "input_audio_buffer.append": lambda s, event, now: s.input.append(event, now),
    "input_audio_buffer.commit": lambda s, event, now: s.input.commit(event, now),
    "input_audio_buffer.clear": lambda s, event, now: s.input.clear(event, now),
    "output_audio_buffer.clear": RealtimeSession.on_clear_output,
    "conversation.item.create": RealtimeSession.on_create_item,
    "conversation.item.retrieve": RealtimeSession.on_retrieve,
    "conversation.item.truncate": RealtimeSession.on_truncate,
    "conversation.item.delete": RealtimeSession.on_delete,
    "response.create": RealtimeSession.on_respond,
    "response.cancel": RealtimeSession.on_cancel,
}
"""What each client event does."""
