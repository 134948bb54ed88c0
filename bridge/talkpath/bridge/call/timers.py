"""The named timers of one call: set, replaced and cancelled by name, all of them gone at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class CallTimers:
    """At most one running timer per name.

    Args:
        loop: The event loop.
        guarded: Runs what a timer does; an error in it must end the call and nothing else.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, guarded: Callable[[Callable[[], None]], None]
    ) -> None:
        self._loop = loop
        self._guarded = guarded
        self._running: dict[str, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        """How many timers are running."""
        return len(self._running)

    def set(self, name: str, seconds: float, action: Callable[[], None]) -> None:
        """Do ``action`` in ``seconds``, instead of what the timer of this name was to do."""
        self.cancel(name)
        self._running[name] = self._loop.call_later(seconds, self._due, name, action)

    def cancel(self, name: str) -> None:
        """Stop a timer, if it runs."""
        timer = self._running.pop(name, None)
        if timer is not None:
            timer.cancel()

    def cancel_all(self) -> None:
        """Stop every timer."""
        for name in list(self._running):
            self.cancel(name)

    def _due(self, name: str, action: Callable[[], None]) -> None:
        del self._running[name]
        self._guarded(action)
