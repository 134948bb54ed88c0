"""Waiting times between attempts."""

from __future__ import annotations

JITTER = 0.5
"""Share of a waiting time that is random, so that calls that were lost together do not return together."""


def backoff(attempt: int, random: float, *, base: float = 0.5, cap: float = 8.0) -> float:
    """Seconds to wait before attempt number ``attempt``.

    Doubles from ``base`` up to ``cap``, then takes a random part of at most half away.

    Args:
        attempt: 0 for the first repetition.
        random: a number in [0, 1), by which the waiting time is shortened.
        base: seconds of the first waiting time.
        cap: the longest waiting time in seconds.
    """
    full = min(cap, base * 2.0 ** min(max(attempt, 0), 32))
    return full * (1.0 - JITTER * random)
