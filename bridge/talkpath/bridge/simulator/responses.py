"""One response: from ``response.created`` to ``response.done``, faster than real time, in documented order.

Whatever happens, every item and part that was opened is closed, the ``done`` events carry exactly what the
deltas carried, and the usage counts only what was generated.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

from talkpath.bridge.simulator.conversation import Item
from talkpath.bridge.simulator.outputs import GeneratedItem, chunks
from talkpath.bridge.simulator.reply import Failure, FunctionCall, Incomplete, Speech, Text
from talkpath.bridge.simulator.usage import (
    OUTPUT_MS_PER_TOKEN,
    REASONING_TOKENS,
    Tokens,
    output_audio_tokens,
    response_usage,
    text_tokens,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.bridge.simulator.faults import Stall, Timing
    from talkpath.bridge.simulator.outputs import Budget, ResponseHost
    from talkpath.bridge.simulator.reply import Part, Reply, Turn
    from talkpath.bridge.simulator.settings import ResponseSettings
    from talkpath.bridge.simulator.timeline import Json

WORD_LEAD = 2.0
"""The transcript runs this many times faster than the audio."""


class Generation:
    """Generates one response.

    Args:
        host: the session.
        turn: what the persona is asked.
        settings: what this response goes by.
        timing: latencies and pace.
        budget: what it costs already.
        stall: a fault: audio that stops mid-way.
        now: time of the request.
    """

    def __init__(
        self,
        host: ResponseHost,
        turn: Turn,
        settings: ResponseSettings,
        timing: Timing,
        budget: Budget,
        *,
        conversation_id: str,
        stall: Stall | None,
        now: float,
    ) -> None:
        self.turn, self.settings = turn, settings
        self.id = turn.response_id
        self.over = False
        self.audio_ms = 0.0
        self.requested_at = self._now = now
        self._host, self._timing, self._budget, self._stall = host, timing, budget, stall
        self._outputs: list[GeneratedItem] = []
        self._steps: Iterator[None] | None = None
        self._wire = settings.wire(self.id, conversation_id)
        host.emit("response.created", now + timing.response_created_ms / 1000, response=dict(self._wire))

    def supply(self, reply: Reply, now: float) -> None:
        """Take the persona's reply and begin to send it."""
        if self.over:
            return
        self._now = max(now, self.requested_at + self._timing.item_added_ms / 1000)
        self._steps = self._run(reply)
        self.advance(now)

    @property
    def next_due(self) -> float | None:
        """When ``advance`` has something to do; None before the reply and after the end."""
        return None if self.over or self._steps is None else self._now

    def advance(self, now: float) -> None:
        """Send what is due."""
        while self._steps is not None and not self.over and self._now <= now:
            next(self._steps, None)

    def cancel(self, reason: str, now: float) -> None:
        """End at once: close what is open as ``incomplete``, then ``response.done`` cancelled."""
        self._now = now
        self._end("cancelled", {"type": "cancelled", "reason": reason})

    # ---- steps: `self._now` is when the next one is due; a yield lets the time pass -----------------

    def _run(self, reply: Reply) -> Iterator[None]:
        """Send the parts in order."""
        waiting: GeneratedItem | None = None
        for part in reply.parts or (Text(""),):
            if isinstance(part, Failure):
                error = {"type": part.type, "code": part.code, "message": part.message}
                self._end("failed", {"type": "failed", "error": error})
            elif isinstance(part, Incomplete):
                self._end("incomplete", {"type": "incomplete", "reason": part.reason})
            elif isinstance(part, FunctionCall):
                output = self._open(part)
                self._send_arguments(output, part.arguments, waiting)
                waiting = output
            else:
                self._close(waiting)
                waiting = output = self._open(part)
                yield from self._message(output, part)
            if self.over:
                return
        self._close(waiting)
        self._end("completed", None)

    def _open(self, part: Part) -> GeneratedItem:
        """Announce an output item, and the content part of a message."""
        data: Json = {"id": self._host.new_id("item"), "type": "message", "status": "in_progress"}
        kind = "text"
        if isinstance(part, FunctionCall):
            kind = "function_call"
            data |= {"type": kind, "name": part.name, "call_id": self._host.new_id("call"), "arguments": ""}
        else:
            data |= {"role": "assistant", "content": []}
        if isinstance(part, Speech):
            kind = self.settings.modality
            data |= {"phase": part.phase} if part.phase else {}
        item = Item(data, audio_format=self.settings.audio_format if kind == "audio" else None)
        output = GeneratedItem(item, len(self._outputs), kind)
        self._outputs.append(output)
        self._announce(output)
        return output

    def _announce(self, output: GeneratedItem) -> None:
        """Send the events that open an item."""
        fields = {"response_id": self.id, "output_index": output.index, "item": output.item.wire()}
        self._host.emit("response.output_item.added", self._now, **fields)
        if not self.settings.out_of_band:
            self._host.add_item(output.item, self._now)
        if output.kind != "function_call":
            self._send("response.content_part.added", output, part=output.content_part())

    def _send_arguments(self, output: GeneratedItem, arguments: str, waiting: GeneratedItem | None) -> None:
        """Send a function call. Its first delta comes before an earlier message is closed, as recorded."""
        for piece in re.findall(r".{1,12}", arguments, re.DOTALL):
            output.text += piece
            self._send("response.function_call_arguments.delta", output, delta=piece)
            self._close(waiting)
        self._close(waiting)

    def _message(self, output: GeneratedItem, part: Speech | Text) -> Iterator[None]:
        """Send the deltas of a message."""
        words = re.findall(r"\s*\S+", part.text)
        if output.kind == "audio" and isinstance(part, Speech):
            yield from self._speech(output, self.settings.audio_format.encode(part.samples), words)
        else:
            for word in words:
                self._send_words(output, [word])

    def _speech(self, output: GeneratedItem, audio: bytes, words: list[str]) -> Iterator[None]:
        """Send audio at ``rate`` times its own pace, the words ahead of it."""
        self._send_words(output, words[:1])
        if not self.audio_ms:
            self._now = max(self._now, self.requested_at + self._timing.first_audio_ms / 1000)
        yield
        told, sent = min(1, len(words)), 0
        for chunk in chunks(audio, self.settings.audio_format, self._timing.chunk_ms):
            share = WORD_LEAD * (sent + len(chunk)) / len(audio)
            upto = max(told, min(len(words), round(len(words) * share)))
            self._send_words(output, words[told:upto])
            self._send_audio(output, chunk)
            if self.over:
                return
            told, sent = upto, sent + len(chunk)
            self._now += self.settings.audio_format.duration_ms(len(chunk)) / 1000 / self._timing.rate
            self._now += self._stalled()
            yield
        self._send_words(output, words[told:])

    def _send_words(self, output: GeneratedItem, words: list[str]) -> None:
        """Send words as one delta of the transcript or the text."""
        if not words:
            return
        delta = "".join(words)
        output.text += delta
        kind = "output_audio_transcript" if output.kind == "audio" else "output_text"
        self._send(f"response.{kind}.delta", output, delta=delta)

    def _send_audio(self, output: GeneratedItem, chunk: bytes) -> None:
        """Send one delta, shortened where ``max_output_tokens`` ends it."""
        audio_format, limit = self.settings.audio_format, self.settings.max_output_tokens
        sent = round(self.audio_ms * audio_format.bytes_per_ms)
        most = limit * OUTPUT_MS_PER_TOKEN * audio_format.bytes_per_ms if isinstance(limit, int) else None
        allowed = chunk if most is None else chunk[: most - sent]
        output.item.audio += allowed
        self.audio_ms += audio_format.duration_ms(len(allowed))
        if allowed:
            self._send("response.output_audio.delta", output, delta=base64.b64encode(allowed).decode())
        if len(allowed) < len(chunk):
            self._end("incomplete", {"type": "incomplete", "reason": "max_output_tokens"})

    def _stalled(self) -> float:
        """Return the seconds for which the audio now stops; a stall happens once."""
        stall = self._stall
        if stall is None or stall.nth != self.turn.number or self.audio_ms < stall.after_ms:
            return 0.0
        self._stall = None
        return stall.seconds

    # ---- the end: everything that was opened is closed ----------------------------------------------

    def _close(self, output: GeneratedItem | None, status: str = "completed") -> None:
        """Send the ``done`` events of an item with what its deltas carried."""
        if output is None or output.closed:
            return
        output.closed = True
        data = output.item.data
        data["status"] = status
        if output.kind == "function_call":
            data["arguments"] = output.text
            fields = {"name": data["name"], "arguments": output.text}
            self._send("response.function_call_arguments.done", output, **fields)
        else:
            self._close_content(output)
        if not self.settings.out_of_band:
            self._host.finish_item(output.item, self._now)
        fields = {"response_id": self.id, "output_index": output.index, "item": dict(data)}
        self._host.emit("response.output_item.done", self._now, **fields)

    def _close_content(self, output: GeneratedItem) -> None:
        """Send the ``done`` events of a message's content and fill the item."""
        if output.kind == "audio":
            self._send("response.output_audio.done", output)
            self._send("response.output_audio_transcript.done", output, transcript=output.text)
            content = {"type": "output_audio", "transcript": output.text}
        else:
            self._send("response.output_text.done", output, text=output.text)
            content = {"type": "output_text", "text": output.text}
        self._send("response.content_part.done", output, part=output.content_part())
        if output.item.heard_ms is not None:
            content.pop("transcript", None)  # truncated while it was still being generated
        output.item.data["content"] = [content]

    def _send(self, event_type: str, output: GeneratedItem, **fields: Any) -> None:
        """Send an event about an output item or its only content part."""
        place: Json = {"response_id": self.id, "item_id": output.item.id, "output_index": output.index}
        if output.kind == "function_call":
            place["call_id"] = output.item.data["call_id"]
        else:
            place["content_index"] = 0
        self._host.emit(event_type, self._now, **place, **fields)

    def _end(self, status: str, details: Json | None) -> None:
        """Close what is open and send ``response.done``. Later calls do nothing."""
        if self.over:
            return
        for output in self._outputs:
            self._close(output, "incomplete")
        self.over = True
        done = {
            **self._wire,
            "status": status,
            "status_details": details,
            "output": [output.item.wire() for output in self._outputs],
            "usage": None if status == "failed" else self._usage(),
        }
        self._host.emit("response.done", self._now, response=done)
        self._host.response_ended(self, status, self._now)

    def _usage(self) -> Json:
        """Count what was generated."""
        words = sum(text_tokens(output.text) for output in self._outputs)
        reasoning = REASONING_TOKENS if self._budget.reasoning and self._outputs else 0
        made = Tokens(text=words + reasoning, audio=output_audio_tokens(self.audio_ms))
        reported = reasoning if self._budget.reasoning else None
        return response_usage(self._budget.given, self._budget.cached, made, reported)
