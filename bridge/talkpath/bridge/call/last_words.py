"""When the last words of a call have been heard, so that it may end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from talkpath.bridge.call.machine import LAST_WORDS, Event, State

if TYPE_CHECKING:
    from talkpath.bridge.call.timers import CallTimers

__all__ = ["LastWords"]

ON_THE_WAY: Final = 0.3
"""Seconds from the last frame to the BYE, which would overtake what waits in jitter buffers on the way."""
_TIMER: Final = "last_words"


class EndingCall(Protocol):
    """The call."""

    state: State

    def happen(self, event: Event) -> None:
        """Take one step of the call's table."""

    def agent_talks(self) -> bool:
        """Whether the caller hears the agent, or will."""


class LastWords:
    """Waits until the goodbye, or the announcement in its place, is out.

    Args:
        call: The call.
        timers: The call's timers.
    """

    def __init__(self, call: EndingCall, timers: CallTimers) -> None:
        self._call = call
        self._timers = timers

    def may_be_over(self) -> None:
        """The agent may have fallen silent."""
        if self._said():
            self._timers.set(_TIMER, ON_THE_WAY, self._heard)

    def announced(self) -> None:
        """A sound of ours was played to its end."""
        if self._call.state is State.FALLBACK:
            self._timers.set(_TIMER, ON_THE_WAY, lambda: self._call.happen(Event.PLAYED_OUT))

    def _said(self) -> bool:
        return self._call.state in LAST_WORDS and not self._call.agent_talks()

    def _heard(self) -> None:
        if self._said():
            self._call.happen(Event.PLAYED_OUT)
