"""What one session shares among its parts: effects on their way out, counters, ids, acknowledgements."""

from __future__ import annotations

from collections import Counter
from typing import Any

from talkpath.bridge.realtime.effects import Effect, ProtocolProblem, Send
from talkpath.bridge.realtime.wire import encode_event

MAX_REMEMBERED = 2048
"""Items of ours whose acknowledgement is remembered; the oldest are forgotten first."""
MAX_PROBLEMS = 100
"""Complaints reported one by one; of more, the 128th, the 256th and so on."""


class Outbox:
    """Collects effects in order and numbers what is sent."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        """Events by cause, for metrics and tests."""
        self._effects: list[Effect] = []
        self._problems = 0
        self._last_event = 0
        self._last_item = 0
        self._last_mark = 0
        self._acknowledged: dict[str, int] = {}

    def emit(self, effect: Effect) -> None:
        """Hand an effect out."""
        self._effects.append(effect)

    def send(self, event: dict[str, Any]) -> str:
        """Send a client event and return the event id that an error about it will carry."""
        self._last_event += 1
        event_id = f"tp_{self._last_event}"
        self.emit(Send(encode_event({**event, "event_id": event_id})))
        return event_id

    def problem(self, code: str, message: str) -> None:
        """Report a complaint; of a flood, as of a server that objects to every piece of audio, a few."""
        self._problems += 1
        if self._problems <= MAX_PROBLEMS or self._problems.bit_count() == 1:
            self.emit(ProtocolProblem(code[:80], message[:500]))

    def drain(self) -> list[Effect]:
        """Take all effects, in order."""
        effects, self._effects = self._effects, []
        return effects

    def new_item_id(self) -> str:
        """An id for an item that we create, so that the server's acknowledgement can be recognised."""
        self._last_item += 1
        return f"item_tp{self._last_item}"

    def mark(self) -> int:
        """A number that grows: things acknowledged before this call have a smaller one."""
        self._last_mark += 1
        return self._last_mark

    def acknowledge(self, item_id: str | None) -> None:
        """The server has taken an item of ours into the conversation."""
        if not item_id or not item_id.startswith("item_tp") or item_id in self._acknowledged:
            return
        self._acknowledged[item_id] = self.mark()
        if len(self._acknowledged) > MAX_REMEMBERED:
            del self._acknowledged[next(iter(self._acknowledged))]

    def known_before(self, item_ids: frozenset[str], mark: int) -> bool:
        """Whether the server had all these items when ``mark`` was taken."""
        return all(self._acknowledged.get(item_id, mark) < mark for item_id in item_ids)
