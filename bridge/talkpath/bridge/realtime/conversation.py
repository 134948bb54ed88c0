"""The talk inside a session that is ready: turns, responses, speech, tools, and what was said.

Server events come in, effects go out through the outbox. Which event does what is one table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from talkpath.bridge.realtime import events
from talkpath.bridge.realtime.effects import (
    CallerSpeaking,
    Played,
    RateLimit,
    RateLimits,
    SeedMessage,
    Transcript,
    TranscriptionUsage,
    Usage,
)
from talkpath.bridge.realtime.function_calls import TIMER, FunctionCalls
from talkpath.bridge.realtime.history import History
from talkpath.bridge.realtime.response_state import Result
from talkpath.bridge.realtime.responses import Fail, Responses
from talkpath.bridge.realtime.speech import Speech
from talkpath.bridge.realtime.usage import parse_usage
from talkpath.bridge.realtime.wire import message_item

if TYPE_CHECKING:
    from talkpath.bridge.realtime.decode import Known
    from talkpath.bridge.realtime.outbox import Outbox
    from talkpath.bridge.realtime.settings import SessionSettings
    from talkpath.bridge.realtime.timers import Timers

Handler = Callable[[Any, float], None]


class Conversation:
    """Joins the parts of a conversation; each part has its own module."""

    def __init__(
        self,
        settings: SessionSettings,
        outbox: Outbox,
        timers: Timers,
        *,
        jitter: Callable[[], float],
        fail: Fail,
    ) -> None:
        self._settings = settings
        self._outbox = outbox
        self.history = History()
        self.responses = Responses(settings, outbox, timers, jitter=jitter, fail=fail)
        self.speech = Speech(outbox, self.history, settings.bytes_per_second)
        self.calls = FunctionCalls(outbox, timers, self.history, settings.deadlines)
        self._handlers: dict[type, Handler] = {
            events.AudioDelta: self._audio_delta,
            events.AudioDone: self._audio_done,
            events.TranscriptDelta: self._transcript_delta,
            events.TranscriptDone: self._transcript_done,
            events.SpeechStarted: self._speech_started,
            events.SpeechStopped: self._speech_stopped,
            events.Committed: self._committed,
            events.ItemAdded: self._item_added,
            events.ItemCreated: self._item_added,
            events.ItemDone: self._item_added,
            events.ItemTruncated: self._counted,
            events.ItemDeleted: self._counted,
            events.InputTranscriptDelta: self._input_delta,
            events.InputTranscriptCompleted: self._input_completed,
            events.InputTranscriptFailed: self._input_failed,
            events.ResponseCreated: self._response_created,
            events.ResponseDone: self._response_done,
            events.OutputItemAdded: self._output_item_added,
            events.OutputItemDone: self._output_item_done,
            events.ArgumentsDelta: self._working,
            events.ArgumentsDone: self._working,
            events.OutputTextDelta: self._working,
            events.PartAdded: self._working,
            events.PartDone: self._working,
            events.RateLimitsUpdated: self._rate_limits,
        }

    # -- what the owner wants ------------------------------------------------------------------------

    def add_message(self, message: SeedMessage) -> str:
        """Put a line of text into the conversation; returns the id of its item."""
        item_id = self._outbox.new_item_id()
        self._outbox.send(message_item(message.role, message.text, item_id))
        self.history.set(item_id, message.role, message.text)
        return item_id

    def interrupt(self, now: float) -> None:
        """Stop the agent for a reason of our own."""
        self.responses.interrupt(now)
        self.speech.interrupt()

    def flushed(self, played: list[Played]) -> None:
        """The playout was emptied: tell the server what was heard."""
        self.speech.flushed(played)

    def tool_finished(self, call_id: str, output: str, now: float, *, respond: bool) -> None:
        """A tool has its result."""
        self.calls.finish(call_id, output, respond=respond)
        self._ask_for_finished(now)

    def overdue(self, timer: str, now: float) -> None:
        """A timer of the conversation fell due."""
        if timer.startswith(TIMER):
            self.calls.overdue(timer.removeprefix(TIMER))
            self._ask_for_finished(now)
        else:
            self.responses.overdue(timer, now)

    # -- what the server says ------------------------------------------------------------------------

    def handle(self, event: Known, now: float) -> None:
        """Act on one server event."""
        handler = self._handlers.get(type(event))
        if handler is None:
            self._outbox.counts["event_unexpected"] += 1
        else:
            handler(event, now)

    def _counted(self, event: events.ItemTruncated | events.ItemDeleted, _now: float) -> None:
        self._outbox.counts[f"acknowledged:{type(event).__name__}"] += 1

    def _working(self, event: events.OfResponse, now: float) -> None:
        self._progress(event, now)

    def _progress(self, event: events.OfResponse, now: float) -> str:
        """Note that a response gets on; returns which. Servers that do not say mean the one that runs."""
        active = self.responses.active
        response_id = event.response_id or (active.id if active else "")
        self.responses.progress(response_id, now)
        return response_id

    def _audio_delta(self, event: events.AudioDelta, now: float) -> None:
        response_id = self._progress(event, now)
        discard = self.responses.discarded(response_id)
        if self.speech.delta(event.item_id, response_id, event.delta, discard=discard):
            self.responses.spoke(response_id, now)

    def _audio_done(self, event: events.AudioDone, now: float) -> None:
        self._progress(event, now)
        self.speech.finish(event.item_id)

    def _transcript_delta(self, event: events.TranscriptDelta, now: float) -> None:
        if not self.responses.discarded(self._progress(event, now)):
            self.history.add(event.item_id, event.delta)
            self._outbox.emit(Transcript("agent", event.item_id, event.delta, final=False))

    def _transcript_done(self, event: events.TranscriptDone, now: float) -> None:
        if not self.responses.discarded(self._progress(event, now)):
            self.history.set(event.item_id, "assistant", event.transcript)
        self._outbox.emit(Transcript("agent", event.item_id, event.transcript, final=True))

    def _speech_started(self, event: events.SpeechStarted, _now: float) -> None:
        self._outbox.emit(CallerSpeaking(True, event.item_id))
        self.responses.caller_started()
        if self._settings.turn_detection.interrupt_response:
            self.speech.interrupt()

    def _speech_stopped(self, event: events.SpeechStopped, now: float) -> None:
        self._outbox.emit(CallerSpeaking(False, event.item_id))
        self.responses.caller_stopped(now)

    def _committed(self, event: events.Committed, now: float) -> None:
        self.history.open(event.item_id, "user")
        self.responses.committed(now)

    def _item_added(self, event: events.ItemAdded, _now: float) -> None:
        self._outbox.acknowledge(event.item.id)

    def _input_delta(self, event: events.InputTranscriptDelta, _now: float) -> None:
        if event.delta:
            self._outbox.emit(Transcript("caller", event.item_id, event.delta, final=False))

    def _input_completed(self, event: events.InputTranscriptCompleted, _now: float) -> None:
        self.history.set(event.item_id, "user", event.transcript.strip())
        self._outbox.emit(Transcript("caller", event.item_id, event.transcript.strip(), final=True))
        usage = event.usage
        if isinstance(usage, dict):
            numbers = (_number(usage.get(key)) for key in ("seconds", "input_tokens", "output_tokens"))
            seconds, tokens_in, tokens_out = numbers
            self._outbox.emit(TranscriptionUsage(event.item_id, seconds, int(tokens_in), int(tokens_out)))

    def _input_failed(self, event: events.InputTranscriptFailed, _now: float) -> None:
        message = event.error.message or "no reason given"
        self._outbox.problem("input_transcription_failed", message)

    def _response_created(self, event: events.ResponseCreated, now: float) -> None:
        self.responses.created(event.response, now)

    def _output_item_added(self, event: events.OutputItemAdded, now: float) -> None:
        response_id = self._progress(event, now)
        self._outbox.acknowledge(event.item.id)
        if event.item.type == "message":
            self.history.open(event.item.id or "", "assistant")
            self.speech.opened(event.item.id or "", response_id)

    def _output_item_done(self, event: events.OutputItemDone, now: float) -> None:
        self._take_call(self._progress(event, now), event.item, now)
        self._ask_for_finished(now)

    def _take_call(self, response_id: str, item: events.Item, now: float) -> None:
        self.calls.item_done(response_id, item, now, over=self.responses.over(response_id))
        if self.calls.called(response_id):
            self.responses.called(response_id)

    def _response_done(self, event: events.ResponseDone, now: float) -> None:
        body = event.response
        for item in body.output or ():
            if item.status or body.status in {"completed", None}:
                self._take_call(body.id, item, now)
        self.speech.finish_response(body.id)
        result = self._result(body)
        tokens = parse_usage(body.usage)
        if tokens:
            self._outbox.emit(Usage(body.id, tokens))
        self.calls.response_done(body.id)
        if result.reason == "turn_detected" and self._settings.turn_detection.interrupt_response:
            # The server broke off a response that began after we had seen the caller start to speak.
            self.responses.broken_off(body.id)
            self.speech.interrupt()
        if self.responses.discarded(body.id):
            self.speech.forget_soundless(body.id)
        self.responses.done(body, result, now)
        self._ask_for_finished(now)

    def _result(self, body: events.ResponseBody) -> Result:
        details = body.status_details or events.StatusDetails()
        error = details.error or events.ErrorBody()
        items = self.speech.items_of(body.id)
        return Result(
            status=body.status or "completed",
            reason=details.reason or "",
            code=str(error.code or ""),
            kind=error.type or "",
            message=error.message or "",
            items=items,
            audio_ms=sum(self.speech.received_ms(item_id) for item_id in items),
            tool_calls=self.calls.called(body.id),
        )

    def _ask_for_finished(self, now: float) -> None:
        for outputs in self.calls.take_finished():
            self.responses.ask("tool", now, needs=outputs)

    def _rate_limits(self, event: events.RateLimitsUpdated, _now: float) -> None:
        limits = tuple(
            RateLimit(one.name, one.limit or 0.0, one.remaining or 0.0, one.reset_seconds or 0.0)
            for one in event.rate_limits[:16]
        )
        self._outbox.emit(RateLimits(limits))


def _number(value: Any) -> float:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12
    return float(value) if usable else 0.0
