"""What a bad network does to a stream of packets, as a pattern that a seed decides.

Pure: numbers of packets in, times at which they arrive out. Shares are exact, not probabilities, so that a
short stream is hit as hard as its row of the table says.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Impairment:
    """What happens on the way.

    Attributes:
        loss: Share of packets that never arrive, 0 to 1.
        burst: Packets lost one after the other, on average; 1: each loss stands alone or meets by chance.
        jitter: Longest delay in milliseconds; each packet has its own, evenly spread, order is kept.
        reorder: Share of packets that arrive after the one behind them.
        duplicate: Share of packets that arrive twice.
        stalls: How often the way is blocked for 200 ms, after which all that waited arrives at once.
    """

    loss: float = 0.0
    burst: float = 1.0
    jitter: int = 0
    reorder: float = 0.0
    duplicate: float = 0.0
    stalls: int = 0

    @property
    def harmless(self) -> bool:
        """Whether nothing happens at all."""
        return self == Impairment()


STALL = 0.2


def arrivals(
    count: int, packet_time: float, impairment: Impairment, *, seed: int, spared: int = 0
) -> list[tuple[float, int]]:
    """Say when which packet arrives.

    Args:
        count: Packets sent, one per ``packet_time``.
        packet_time: Seconds.
        impairment: What happens to them.
        seed: Decides the pattern.
        spared: Packets at both ends that are neither lost, doubled nor reordered.

    Returns:
        Seconds since the first packet was sent, and the number of the packet; in order of time.
    """
    chance = Random(seed)  # noqa: S311 - a pattern that can be repeated, not a secret
    middle = range(spared, count - spared)
    lost = _lost(middle, impairment, chance)
    late = set(chance.sample(middle, round(impairment.reorder * len(middle))))
    doubled = set(chance.sample(middle, round(impairment.duplicate * len(middle))))
    found: list[tuple[float, int]] = []
    for number, at in enumerate(_delayed(count, packet_time, impairment, chance)):
        if number in lost:
            continue
        # One and a half packets later: behind the next one, before the one after it.
        found.append((at + 1.5 * packet_time if number in late else at, number))
        if number in doubled:
            found.append((at + 0.3 * packet_time, number))
    return sorted(found)


def _delayed(count: int, packet_time: float, impairment: Impairment, chance: Random) -> list[float]:
    """When each packet would arrive: jitter and stalls in a queue, which keeps the order."""
    length = count * packet_time
    parts = impairment.stalls
    stalls = [length * (part + chance.uniform(0.4, 0.6)) / parts for part in range(parts)]
    before, found = 0.0, []
    for number in range(count):
        at = number * packet_time + chance.uniform(0.0, impairment.jitter / 1000)
        for begin in stalls:
            if begin <= at < begin + STALL:
                at = begin + STALL
        before = max(before, at)
        found.append(before)
    return found


def _lost(middle: Sequence[int], impairment: Impairment, chance: Random) -> set[int]:
    wanted = round(impairment.loss * len(middle))
    if impairment.burst <= 1:
        return set(chance.sample(middle, wanted))
    lost: set[int] = set()
    while len(lost) < wanted:
        first = chance.choice(middle)
        length = min(1 + int(chance.expovariate(1 / (impairment.burst - 0.5))), wanted - len(lost))
        lost.update(range(first, min(first + length, middle[-1] + 1)))
    return lost
