"""How long a call keeps trying to get its model back. Pure: time and chance are passed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from talkpath.bridge.realtime.backoff import backoff

SETUP_BUDGET: Final = 8.0
"""Seconds for which a call that rings waits for its model: the PBX's next route wants a turn, too."""
CALL_BUDGET: Final = 20.0
"""Seconds of comfort sound that a caller is asked to bear."""
FIRST_WAIT: Final = 0.2
LONGEST_WAIT: Final = 4.0
"""Shorter than for a batch job: somebody is listening to the comfort sound."""
STABLE_AFTER: Final = 10.0
"""Seconds that a session must last for the loss before it to be forgotten. A server that accepts every
session and drops it at once would otherwise keep a caller for ever."""


@dataclass(slots=True)
class Recovery:
    """Tries so far, since the model was last there for long.

    Attributes:
        budget: Seconds after the first loss within which a new try may start.
        attempts: Tries since then.
        lost_at: When the model was lost first.
        back_at: When it came back, if it is there.
    """

    budget: float
    attempts: int = 0
    lost_at: float | None = None
    back_at: float | None = None

    def next_delay(self, now: float, chance: float, least: float = 0.0) -> float | None:
        """Seconds until the next try, or None when the budget would be spent by then.

        Args:
            now: Monotonic seconds.
            chance: Uniform in [0, 1): spreads the tries of many calls that lost the same server.
            least: What the server has asked for.
        """
        if self.back_at is not None and now - self.back_at >= STABLE_AFTER:
            self.attempts, self.lost_at = 0, None
        self.back_at = None
        if self.lost_at is None:
            self.lost_at = now
        wait = least + backoff(self.attempts, chance, base=FIRST_WAIT, cap=LONGEST_WAIT)
        if now + wait - self.lost_at > self.budget:
            return None
        self.attempts += 1
        return wait

    def succeeded(self, now: float, budget: float) -> None:
        """The model is there; once it has been for `STABLE_AFTER`, the next loss starts anew.

        Args:
            now: Monotonic seconds.
            budget: The budget from now on.
        """
        self.back_at = now
        self.budget = budget
