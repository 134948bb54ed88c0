"""What the caller does in the call: a list of acts, each with its cue.

Pure: positions are seconds of the recording, passed in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Act:
    """One thing the caller does.

    Attributes:
        name: names the act in reports and checks.
        words: what is said; empty when a key is pressed.
        key: key of the telephone; empty when something is said.
        interrupts_after: seconds of the agent's speech after which the caller breaks in; None waits
            until the agent has finished.
    """

    name: str
    words: str = ""
    key: str = ""
    interrupts_after: float | None = None


SCRIPT: Final = (
    Act("question", words="What are your opening hours?"),
    Act("long", words="Tell me about your shop."),
    Act("interruption", words="Where is your shop?", interrupts_after=3.2),
    Act("key", key="5"),
    Act("goodbye", words="Thank you very much, goodbye."),
)
"""Sentences that the offline agent understands over a telephone; the order is that of a real call."""

PATIENCE: Final = 12.0
"""Seconds that the caller waits for its cue before it gives up."""


class GaveUpError(Exception):
    """The cue of the next act did not come; the sentence says what was expected."""


@dataclass(slots=True)
class AgentHeard:
    """What the caller knows about the agent's speech.

    Attributes:
        speaking: whether the agent speaks now.
        began: where it last began, None when it never has.
    """

    speaking: bool = False
    began: float | None = None


@dataclass(slots=True)
class Caller:
    """Decides when it is time for the next act.

    Attributes:
        acts: what is still to be done.
        since: where the last act ended, or the call was answered.
    """

    acts: list[Act] = field(default_factory=lambda: list(SCRIPT))
    since: float = 0.0
    _last: str = "the call was answered"

    def next_act(self, now: float, agent: AgentHeard) -> Act | None:
        """Return the act whose cue has come, and strike it off the list.

        Raises:
            GaveUpError: the cue did not come in time.
        """
        if self.acts and self._cued(self.acts[0], now, agent):
            return self.acts.pop(0)
        if now - self.since > PATIENCE and not agent.speaking:
            raise GaveUpError(self._complaint())
        return None

    def done(self, act: Act, now: float) -> None:
        """The act is over."""
        self.since = now
        self._last = f"the key {act.key} was pressed" if act.key else f"“{act.words}” was said"

    def _cued(self, act: Act, now: float, agent: AgentHeard) -> bool:
        if agent.began is None or agent.began < self.since:
            return False
        if act.interrupts_after is None:
            return not agent.speaking
        return agent.speaking and now - agent.began >= act.interrupts_after

    def _complaint(self) -> str:
        expected = "speak" if self.acts else "hang up"
        return f"The agent did not {expected} within {PATIENCE:.0f} s after {self._last}."
