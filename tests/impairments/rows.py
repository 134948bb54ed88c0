"""The rows of the matrix: each impairment by itself, then all of them against each other in pairs."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Final

from tests.harness.dialler import Offer
from tests.impairments.impair import Impairment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOSSES: Final = (0.01, 0.03, 0.05, 0.10)
BURST: Final = 3.0
_PACKET_TIMES: Final = (10, 20, 30, 40, 60)
_FACTORS: Final = {
    "loss": ((0.0, 1.0), (0.05, 1.0), (0.10, 1.0), (0.03, BURST), (0.10, BURST)),
    "jitter": (0, 20, 60),
    "reorder": (0.0, 0.05),
    "duplicate": (0.0, 0.05),
    "packet_time": _PACKET_TIMES,
    "codec": ("PCMU", "PCMA", "G722"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One call of the matrix.

    Attributes:
        offer: What it offers.
        impairment: What happens to its packets.
        sweep: Name of the sweep that it belongs to; empty: one of the pairs.
    """

    offer: Offer
    impairment: Impairment
    sweep: str = ""

    @property
    def label(self) -> str:
        """What is special about it, in a few words."""
        what = self.impairment
        parts = [f"{self.offer.codec} {self.offer.packet_time} ms"]
        if what.loss:
            parts.append(f"loss {what.loss:.0%}{' in bursts' if what.burst > 1 else ''}")
        parts += [f"jitter {what.jitter} ms"] if what.jitter else []
        parts += [f"reordered {what.reorder:.0%}"] if what.reorder else []
        parts += [f"doubled {what.duplicate:.0%}"] if what.duplicate else []
        parts += [f"{what.stalls} stalls of 200 ms"] if what.stalls else []
        return ", ".join(parts)


def sweeps() -> Iterator[Row]:
    """Each impairment by itself, with PCMU and 20 ms where nothing else is said."""
    usual = Offer()
    yield Row(usual, Impairment(), "clean")
    for loss in LOSSES:
        yield Row(usual, Impairment(loss=loss), "loss")
    for loss in LOSSES:
        yield Row(usual, Impairment(loss=loss, burst=BURST), "bursts")
    for jitter in (20, 60):
        yield Row(usual, Impairment(jitter=jitter), "jitter")
    for share in (0.02, 0.10):
        yield Row(usual, Impairment(reorder=share), "reorder")
    yield Row(usual, Impairment(duplicate=0.05), "duplicate")
    yield Row(usual, Impairment(stalls=3), "stalls")
    yield Row(Offer("PCMA"), Impairment(), "clean")
    yield Row(Offer("G722"), Impairment(), "clean")
    for loss in LOSSES:
        yield Row(Offer("G722"), Impairment(loss=loss), "wide loss")
    for packet_time in _PACKET_TIMES:
        if packet_time != 20:
            yield Row(Offer(packet_time=packet_time), Impairment(), "clean")


def pairs(seed: int = 1, tries: int = 60) -> list[Row]:
    """Rows in which every value of each factor meets every value of each other one at least once.

    The greedy way: of some random candidates the one that covers most pairs not met before.
    """
    chance = Random(seed)  # noqa: S311 - a choice that can be repeated, not a secret
    names = tuple(_FACTORS)
    missing = {
        (first, one, second, other)
        for first, second in itertools.combinations(names, 2)
        for one in _FACTORS[first]
        for other in _FACTORS[second]
    }
    chosen: list[dict[str, Any]] = []
    while missing:
        # One missing pair is set, so that each round makes progress.
        first, one, second, other = chance.choice(sorted(missing, key=repr))
        candidates = []
        for _ in range(tries):
            candidate: dict[str, Any] = {name: chance.choice(_FACTORS[name]) for name in names}
            candidates.append(candidate | {first: one, second: other})
        best = max(candidates, key=lambda values: len(_met(values) & missing))
        missing -= _met(best)
        chosen.append(best)
    return [_row(values) for values in chosen]


def _met(values: dict[str, Any]) -> set[tuple[str, object, str, object]]:
    couples = itertools.combinations(_FACTORS, 2)
    return {(first, values[first], second, values[second]) for first, second in couples}


def _row(values: dict[str, Any]) -> Row:
    loss, burst = values["loss"]
    return Row(
        Offer(values["codec"], values["packet_time"]),
        Impairment(loss, burst, values["jitter"], values["reorder"], values["duplicate"]),
    )


def batches(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    """Cut the rows into groups that are called at the same time."""
    for first in range(0, len(rows), size):
        yield rows[first : first + size]
