"""Tool calls of the model: run the complete ones, return every result, ask for one response after all."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from talkpath.bridge.realtime.effects import RunTool
from talkpath.bridge.realtime.wire import function_output_item

if TYPE_CHECKING:
    from talkpath.bridge.realtime.events import Item
    from talkpath.bridge.realtime.history import History
    from talkpath.bridge.realtime.outbox import Outbox
    from talkpath.bridge.realtime.settings import Deadlines
    from talkpath.bridge.realtime.timers import Timers

MAX_CALLS = 16
"""Tool calls accepted from one response; more are answered with an error."""
MAX_RUNNING = 64
"""Tool calls at work at once in a session; more are answered with an error."""
MAX_ARGUMENTS = 100_000
"""Characters of the arguments of one call; a response of the service has fewer."""
MAX_NOTE = 4_000
"""Characters of a call and its result that are remembered for the next session."""
MAX_CALL_ID = 128
"""Characters of a call id that are believed; the service promises 32."""

TIMER = "tool:"
"""Prefix of the timer of a running tool."""


@dataclass(frozen=True, slots=True)
class _Run:
    """A call at work: of which response, and its words for the history."""

    response_id: str
    note: str


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

    def __init__(self, outbox: Outbox, timers: Timers, history: History, deadlines: Deadlines) -> None:
        self._outbox = outbox
        self._timers = timers
        self._history = history
        self._deadlines = deadlines
        self._batches: dict[str, _Batch] = {}
        self._running: dict[str, _Run] = {}
        self._answered: deque[tuple[str, str]] = deque(maxlen=MAX_RUNNING)
        self._finished: list[frozenset[str]] = []

    def running(self) -> bool:
        """Whether a tool is at work."""
        return bool(self._running)

    def item_done(self, response_id: str, item: Item, now: float, *, over: bool = False) -> None:
        """A function call item ended. Only a completed one is run; an interrupted one is dropped.

        ``over``: its response has ended before.
        """
        if item.type != "function_call" or not item.call_id or not item.name:
            return
        if item.status not in {"completed", None} or len(item.call_id) > MAX_CALL_ID:
            self._outbox.counts["function_call_incomplete"] += 1
            return
        if item.call_id in self._running or (response_id, item.call_id) in self._answered:
            return
        batch = self._batches.setdefault(response_id, _Batch(response_done=over))
        if item.call_id in batch.seen:
            return
        self._start(response_id, batch, item.call_id, item, now)

    def _start(self, response_id: str, batch: _Batch, call_id: str, item: Item, now: float) -> None:
        batch.seen.add(call_id)
        batch.running.add(call_id)
        name, written = item.name or "", item.arguments or ""
        arguments = _object(written) if len(written) <= MAX_ARGUMENTS else None
        run = self._running[call_id] = _Run(response_id, _note(name, arguments))
        if len(batch.seen) > MAX_CALLS or len(self._running) > MAX_RUNNING:
            self.finish(call_id, error_output("Too many tool calls at once. Call fewer tools."))
        elif arguments is None:
            self._outbox.counts["function_call_bad_arguments"] += 1
            self.finish(call_id, error_output(_TOO_LONG if len(written) > MAX_ARGUMENTS else _NO_OBJECT))
        else:
            self._remember(call_id, run, _NO_RESULT)
            self._timers.set(TIMER + call_id, now + self._deadlines.tools.get(name, self._deadlines.tool))
            self._outbox.emit(RunTool(call_id, name, arguments))

    def _remember(self, call_id: str, run: _Run, result: str) -> None:
        """Note for the next session what came of a call."""
        self._history.set(f"{run.response_id}/{call_id}", "tool", f"{run.note} {result}"[:MAX_NOTE])

    def called(self, response_id: str) -> int:
        """How many calls of a response were accepted."""
        batch = self._batches.get(response_id)
        return len(batch.seen) if batch else 0

    def finish(self, call_id: str, output: str, *, respond: bool = True) -> bool:
        """Send the result of a call to the model.

        Returns:
            False when nobody waits for it (any more).
        """
        run = self._running.pop(call_id, None)
        if run is None:
            self._outbox.counts["tool_result_unexpected"] += 1
            return False
        response_id = run.response_id
        self._answered.append((response_id, call_id))
        self._remember(call_id, run, f"It returned: {output}")
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


_TOO_LONG = "The arguments are too long. Call the tool with shorter ones."
_NO_OBJECT = "The arguments are not a JSON object. Call the tool again."
_NO_RESULT = "Its result was lost with the connection to you; it may have been carried out."


def _note(name: str, arguments: dict[str, Any] | None) -> str:
    """What the next session is told about a call."""
    given = "wrong arguments" if arguments is None else msgspec.json.encode(arguments).decode()
    return f"You called {name} with {given}."[: MAX_NOTE // 2]


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
