"""Tool calls of the model: run the complete ones, return every result, ask for one response after all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from talkpath.bridge.realtime.effects import RunTool
from talkpath.bridge.realtime.wire import function_output_item

if TYPE_CHECKING:
    from talkpath.bridge.realtime.events import Item
    from talkpath.bridge.realtime.outbox import Outbox
    from talkpath.bridge.realtime.settings import Deadlines
    from talkpath.bridge.realtime.timers import Timers

MAX_CALLS = 16
"""Tool calls accepted from one response; more are answered with an error."""
MAX_CALL_ID = 128
"""Characters of a call id that are believed; the service promises 32."""

TIMER = "tool:"
"""Prefix of the timer of a running tool."""


@dataclass(slots=True)
class _Batch:
    """The calls of one response. ``outputs`` are the items that carry results to the model."""

    running: set[str] = field(default_factory=set)
    outputs: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    response_done: bool = False
    respond: bool = False


class FunctionCalls:
    """All tool calls of a session, in batches by response."""

    def __init__(self, outbox: Outbox, timers: Timers, deadlines: Deadlines) -> None:
        self._outbox = outbox
        self._timers = timers
        self._deadlines = deadlines
        self._batches: dict[str, _Batch] = {}
        self._batch_of: dict[str, str] = {}
        self._finished: list[frozenset[str]] = []

    def running(self) -> bool:
        """Whether a tool is at work."""
        return bool(self._batch_of)

    def item_done(self, response_id: str, item: Item, now: float) -> None:
        """A function call item ended. Only a completed one is run; an interrupted one is dropped."""
        if item.type != "function_call" or not item.call_id or not item.name:
            return
        if item.status != "completed" or len(item.call_id) > MAX_CALL_ID:
            self._outbox.counts["function_call_incomplete"] += 1
            return
        batch = self._batches.setdefault(response_id, _Batch())
        if item.call_id in batch.seen or item.call_id in self._batch_of:
            return
        self._start(response_id, batch, item.call_id, item, now)

    def _start(self, response_id: str, batch: _Batch, call_id: str, item: Item, now: float) -> None:
        batch.seen.add(call_id)
        batch.running.add(call_id)
        self._batch_of[call_id] = response_id
        arguments = _object(item.arguments or "")
        if len(batch.seen) > MAX_CALLS:
            self.finish(call_id, error_output("Too many tool calls at once. Call fewer tools."))
        elif arguments is None:
            self._outbox.counts["function_call_bad_arguments"] += 1
            self.finish(call_id, error_output("The arguments are not a JSON object. Call the tool again."))
        else:
            name = item.name or ""
            self._timers.set(TIMER + call_id, now + self._deadlines.tools.get(name, self._deadlines.tool))
            self._outbox.emit(RunTool(call_id, name, arguments))

    def called(self, response_id: str) -> int:
        """How many calls of a response were accepted."""
        batch = self._batches.get(response_id)
        return len(batch.seen) if batch else 0

    def finish(self, call_id: str, output: str, *, respond: bool = True) -> bool:
        """Send the result of a call to the model.

        Returns:
            False when nobody waits for it (any more).
        """
        response_id = self._batch_of.pop(call_id, None)
        if response_id is None:
            self._outbox.counts["tool_result_unexpected"] += 1
            return False
        self._timers.clear(TIMER + call_id)
        item_id = self._outbox.new_item_id()
        self._outbox.send(function_output_item(call_id, output, item_id))
        batch = self._batches[response_id]
        batch.running.discard(call_id)
        batch.outputs.add(item_id)
        batch.respond = batch.respond or respond
        self._settle(response_id, batch)
        return True

    def overdue(self, call_id: str) -> None:
        """A tool took too long: the model is told so, and a late result will be ignored."""
        self._outbox.counts["tool_timeout"] += 1
        self.finish(call_id, error_output("The tool did not answer in time."))

    def response_done(self, response_id: str) -> None:
        """The response of a batch ended; a new one may be asked for when all results are sent."""
        batch = self._batches.get(response_id)
        if batch:
            batch.response_done = True
            self._settle(response_id, batch)

    def take_finished(self) -> list[frozenset[str]]:
        """Batches that now need one response each: the ids of their result items."""
        finished, self._finished = self._finished, []
        return finished

    def _settle(self, response_id: str, batch: _Batch) -> None:
        if not batch.response_done or batch.running:
            return
        del self._batches[response_id]
        if batch.respond:
            self._finished.append(frozenset(batch.outputs))


def error_output(sentence: str) -> str:
    """A tool result that tells the model what went wrong."""
    return msgspec.json.encode({"error": sentence}).decode()


def _object(arguments: str | dict[str, Any]) -> dict[str, Any] | None:
    """The arguments as an object; None when they are none. No arguments at all are an empty object."""
    if isinstance(arguments, dict):
        return arguments
    if not arguments.strip():
        return {}
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
