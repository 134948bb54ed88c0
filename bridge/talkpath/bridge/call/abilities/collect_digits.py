"""``collect_digits``: "enter your number, then hash": the caller's keys come to the model as one answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from talkpath.bridge.realtime.settings import ToolDefinition

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.call.abilities.ability import Answer, Order
    from talkpath.bridge.call.timers import CallTimers

_LIMITS: Final = {"max_digits": (1, 32, 16), "digit_timeout": (1, 30, 5), "timeout": (1, 120, 20)}
"""Least, most and usual value of each number."""
_TERMINATORS: Final = ("#", "*", "")

COLLECT_DIGITS: Final = ToolDefinition(
    name="collect_digits",
    description=(
        "Let the caller enter a number on the telephone keypad, and get it as one answer. Say first what to "
        "enter and which key ends it. Without this tool every key comes to you by itself."
    ),
    parameters={
        "type": "object",
        "properties": {
            "max_digits": {
                "type": "integer",
                "minimum": 1,
                "maximum": 32,
                "description": "Keys after which it is complete; usually 16.",
            },
            "terminator": {
                "type": "string",
                "enum": list(_TERMINATORS),
                "description": "Key that ends the entry and is not part of it; empty: none. Usually #.",
            },
            "digit_timeout": {
                "type": "number",
                "minimum": 1,
                "maximum": 30,
                "description": "Seconds without a further key after which it is complete; usually 5.",
            },
            "timeout": {
                "type": "number",
                "minimum": 1,
                "maximum": 120,
                "description": "Seconds for all of it, once you have been heard; usually 20.",
            },
        },
        "required": [],
        "additionalProperties": False,
    },
)

EndedBy = Literal["terminator", "max_digits", "digit_timeout", "timeout", "another_collection"]

_PAUSE: Final = "collect_digits_pause"
_WHOLE: Final = "collect_digits"


@dataclass(slots=True)
class _Entry:
    answer: Answer
    most: int
    terminator: str
    pause: float
    digits: str = ""


class _RefusedError(Exception):
    """The arguments do not fit; the sentence is meant for the model."""


class CollectDigits:
    """Gathers the caller's keys on the agent's wish.

    Args:
        hush: Stops the agent; called at the first key.
        queued_seconds: How long the agent will still be heard: the time for the entry begins after it.
        timers: The call's timers.
    """

    definition = COLLECT_DIGITS

    def __init__(
        self, hush: Callable[[], None], queued_seconds: Callable[[], float], timers: CallTimers
    ) -> None:
        self._hush = hush
        self._queued_seconds = queued_seconds
        self._timers = timers
        self._entry: _Entry | None = None

    def carry_out(self, order: Order) -> None:
        """Begin to gather, in place of what is being gathered, or say why not."""
        try:
            entry, seconds = _entry(order)
        except _RefusedError as refusal:
            order.answer(json.dumps({"error": str(refusal)}))
            return
        self._finish("another_collection", respond=False)
        self._entry = entry
        self._timers.set(_WHOLE, self._queued_seconds() + seconds, lambda: self._finish("timeout"))

    def take(self, digit: str) -> bool:
        """Take a key of the caller's; False: nothing is being gathered, it is an ordinary key."""
        entry = self._entry
        if entry is None:
            return False
        if not entry.digits:
            self._hush()
        if digit == entry.terminator:
            self._finish("terminator")
            return True
        entry.digits += digit
        if len(entry.digits) >= entry.most:
            self._finish("max_digits")
        else:
            self._timers.set(_PAUSE, entry.pause, lambda: self._finish("digit_timeout"))
        return True

    def forget(self) -> None:
        """The session that asked is gone: keys are ordinary keys again."""
        self._entry = None
        self._timers.cancel(_PAUSE)
        self._timers.cancel(_WHOLE)

    def _finish(self, ended_by: EndedBy, *, respond: bool = True) -> None:
        entry = self._entry
        self.forget()
        if entry is not None:
            output = json.dumps({"digits": entry.digits, "ended_by": ended_by})
            entry.answer(output, respond=respond)


def _entry(order: Order) -> tuple[_Entry, float]:
    """What to gather, and the seconds for all of it.

    Raises:
        _RefusedError: an argument does not fit.
    """
    most, pause, whole = (
        _number(order.arguments, name) for name in ("max_digits", "digit_timeout", "timeout")
    )
    terminator = order.arguments.get("terminator", "#")
    if terminator not in _TERMINATORS:
        raise _RefusedError("The terminator can be #, * or empty.")
    return _Entry(order.answer, int(most), terminator, pause), whole


def _number(arguments: dict[str, Any], name: str) -> float:
    least, most, usual = _LIMITS[name]
    value = arguments.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise _RefusedError(f"{name} must be a number from {least} to {most}.")
    return float(value)
