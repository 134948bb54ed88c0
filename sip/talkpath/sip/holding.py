"""Holding the peer: when a re-INVITE goes out, and what an answer to it means. Pure; the time is an argument.

A re-INVITE of ours may collide with one of the peer's: both are refused with 491, and each side tries again
after a time of its own (RFC 3261, section 14.1).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TRIES = 5

_COLLISIONS = frozenset({491, 500})
"""500 is what a peer says that has not yet answered an INVITE of ours (RFC 3261, section 14.2)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a hold, or of the end of one; ``status`` below 300: the peer agrees."""

    on: bool
    status: int
    reason: str


class Holding:
    """What was asked for, what is under way, what holds.

    Args:
        owner: We began the call and so own its Call-ID: we wait for longer, so that the two sides miss.
        uniform: Gives a random number between two others.
    """

    def __init__(self, owner: bool, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self.established = False
        """Whether the peer is held."""
        self._delays = (2.1, 4.0) if owner else (0.0, 2.0)
        self._uniform = uniform
        self._wanted: bool | None = None
        self._sent: bool | None = None
        self._due = 0.0
        self._tries = 0

    @property
    def under_way(self) -> bool:
        """Whether an answer is waited for."""
        return self._sent is not None

    def want(self, on: bool, now: float) -> None:
        """Ask for a hold or its end; the last word counts."""
        self._wanted, self._due, self._tries = on, now, 0

    def due(self, now: float) -> bool | None:
        """What to send now; None for nothing."""
        return self._wanted if self._sent is None and now >= self._due else None

    def sent(self) -> None:
        """The re-INVITE that was due is on its way."""
        self._sent, self._wanted = self._wanted, None
        self._tries += 1

    def blocked(self, now: float) -> Verdict | None:
        """The re-INVITE that was due cannot go out: another one is under way."""
        self.sent()
        return self.answered(491, "another offer is under way", now)

    def answered(self, status: int, reason: str, now: float) -> Verdict | None:
        """Take a final answer to our re-INVITE; None: it is offered again, or nothing was under way."""
        on, self._sent = self._sent, None
        if on is None:
            return None
        if status < 300:
            self.established = on
            return Verdict(on, status, reason)
        if status not in _COLLISIONS or self._tries >= MAX_TRIES:
            return Verdict(on, status, reason)
        if self._wanted is None:  # nothing newer was asked for
            self._wanted = on
            self._due = now + round(self._uniform(*self._delays), 2)
        return None
