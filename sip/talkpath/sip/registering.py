"""When to register again after a failure, and at which registrar. Pure; the time is an argument.

The stack refreshes a registration by itself, answers challenges (stale nonces too) and obeys 423. What it
leaves to us is what comes after a failure: it would knock at the same door at a steady beat.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_SECONDS = 2.0
"""Short: a PBX is back soon after its restart, and has no agent until we ask again."""

LONGEST_SECONDS = 60.0

REFUSED_SECONDS = 30.0
LONGEST_REFUSED_SECONDS = 600.0
"""A wrong password does not become right by asking often, and many a PBX bans who does."""

LONGEST_ASKED_SECONDS = 3600.0
"""More than this a Retry-After cannot make us wait."""

JITTER = 0.25
"""Part of the wait that is left to chance, so that bridges that lost their PBX together come back apart."""

RECONNECT_SECONDS = 1.0
"""After the registrar's connection went away: a registrar that restarts has forgotten us."""

RECONNECT_AGAIN_SECONDS = 30.0
"""Not sooner for the next one: strangers can open and close connections as they like."""

_TECHNICAL = frozenset({0, 408, 430, 480})


def is_technical(status: int) -> bool:
    """Whether another registrar might say yes: this one did not answer, or is in trouble."""
    return status in _TECHNICAL or 500 <= status <= 599 or 300 <= status <= 399


def transport_of(registrar: str) -> str:
    """Transport that a registrar's URI asks for: ``udp`` where it says nothing (RFC 3261, section 19.1.1)."""
    scheme, _, rest = registrar.lower().partition(":")
    parameters = dict(item.partition("=")[::2] for item in rest.split(";")[1:])
    return "tls" if scheme == "sips" else parameters.get("transport", "udp")


class Registering:
    """One trunk's registration: which registrar is asked, and when next.

    Args:
        registrars: Their URIs, the preferred one first.
        uniform: Gives a random number between two others.
    """

    def __init__(
        self, registrars: tuple[str, ...], uniform: Callable[[float, float], float] = random.uniform
    ) -> None:
        self.registrars = registrars
        self.current = registrars[0] if registrars else ""
        """The registrar to ask."""
        self._uniform = uniform
        self._rounds = self._refused = 0
        self._failed: set[str] = set()  # in this round
        self._spared_until: dict[str, float] = {}
        self._reconnect = float("-inf")
        self._due: float | None = 0.0 if registrars else None

    def succeeded(self) -> None:
        """We are registered."""
        self._rounds = self._refused = 0
        self._failed.clear()
        self._due = None

    def failed(self, status: int, retry_after: float, now: float) -> float:
        """Registration failed, or what there was is lost.

        Args:
            status: The SIP status; the stack's own for one that got no answer.
            retry_after: What the registrar asked for, in seconds; 0 for nothing. The others may be asked.
            now: Monotonic seconds.

        Returns:
            Seconds until the next attempt.
        """
        self._spared_until[self.current] = now + min(retry_after, LONGEST_ASKED_SECONDS)
        wait = self._wait_technical(now) if is_technical(status) else self._wait_refused()
        spared = self._spared_until.get(self.current, now) - now
        wait = max(wait * (1.0 + self._uniform(0.0, JITTER)), spared)
        self._due = now + wait
        return wait

    def connection_lost(self, now: float) -> None:
        """A connection that may be the registrar's went away: ask soon, unless that is planned anyway."""
        if self._due is None:
            soon = now + RECONNECT_SECONDS * (1.0 + self._uniform(0.0, JITTER))
            self._due = self._reconnect = max(soon, self._reconnect + RECONNECT_AGAIN_SECONDS)

    def _wait_technical(self, now: float) -> float:
        """The next registrar at once, as long as there is one that was not asked in this round."""
        self._failed.add(self.current)
        position = self.registrars.index(self.current) + 1
        others = (*self.registrars[position:], *self.registrars[:position])
        until = [max(self._spared_until.get(registrar, now), now) for registrar in others]
        ready = [registrar for registrar, time in zip(others, until, strict=True) if time == min(until)]
        fresh = [registrar for registrar in ready if registrar not in self._failed]
        self.current = (fresh or ready)[0]
        if fresh:
            return 0.0
        self._failed.clear()
        self._rounds += 1
        return min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(self._rounds - 1, 10))

    def _wait_refused(self) -> float:
        self._refused += 1
        return min(LONGEST_REFUSED_SECONDS, REFUSED_SECONDS * 2.0 ** min(self._refused - 1, 10))

    def due(self, now: float) -> bool:
        """Whether to ask now; says so once."""
        if self._due is None or now < self._due:
            return False
        self._due = None
        return True
