"""How often a response is asked for again, and when the agent counts as silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.bridge.realtime.backoff import backoff
from talkpath.bridge.realtime.effects import AgentSilent
from talkpath.bridge.realtime.response_state import CAUSE_SENTENCES

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.realtime.outbox import Outbox
    from talkpath.bridge.realtime.timers import Timers


class Retries:
    """Failures in a row, and the budget for them.

    Args:
        outbox: where :class:`~.effects.AgentSilent` goes.
        timers: where the timer ``retry`` is set.
        budget: repetitions allowed in a row.
        jitter: gives random numbers in [0, 1).
    """

    def __init__(self, outbox: Outbox, timers: Timers, budget: int, jitter: Callable[[], float]) -> None:
        self._outbox = outbox
        self._timers = timers
        self._budget = budget
        self._jitter = jitter
        self._failures = 0

    def succeeded(self) -> None:
        """The agent spoke: the budget is full again."""
        self._failures = 0

    def failed(self, cause: str, message: str, now: float) -> bool:
        """A response failed or did not come.

        Returns:
            True when another attempt is due after the timer ``retry``; False when it was given up.
        """
        self._failures += 1
        self._outbox.counts["response_retry"] += 1
        if self._failures > self._budget:
            reason = f"The model server failed to respond: {message or cause}."[:400]
            self._outbox.emit(AgentSilent(cause[:80], CAUSE_SENTENCES.get(cause, reason), self._failures))
            self._failures = 0
            return False
        self._timers.set("retry", now + backoff(self._failures - 1, self._jitter()))
        return True
