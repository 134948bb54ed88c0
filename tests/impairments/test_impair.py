from __future__ import annotations

import itertools

import pytest

from tests.impairments.impair import STALL, Impairment, arrivals
from tests.impairments.rows import pairs, sweeps

COUNT, SPAN = 500, 0.02


def numbers(impairment: Impairment, seed: int = 3) -> list[int]:
    return [number for _, number in arrivals(COUNT, SPAN, impairment, seed=seed, spared=10)]


def test_without_impairment_every_packet_arrives_when_it_is_sent() -> None:
    assert arrivals(COUNT, SPAN, Impairment(), seed=3) == [(number * SPAN, number) for number in range(COUNT)]


def test_the_same_seed_gives_the_same_pattern_and_another_seed_another() -> None:
    everything = Impairment(loss=0.05, jitter=20, reorder=0.05, duplicate=0.05)
    first = arrivals(COUNT, SPAN, everything, seed=3)
    assert first == arrivals(COUNT, SPAN, everything, seed=3)
    assert first != arrivals(COUNT, SPAN, everything, seed=4)


@pytest.mark.parametrize("burst", [1.0, 3.0])
def test_exactly_the_share_is_lost_and_nothing_at_the_ends(burst: float) -> None:
    left = numbers(Impairment(loss=0.1, burst=burst))
    assert len(left) == COUNT - round(0.1 * (COUNT - 20))
    assert left[:10] == list(range(10))
    assert left[-10:] == list(range(COUNT - 10, COUNT))


def test_losses_in_bursts_stand_together() -> None:
    def holes(burst: float) -> int:
        return sum(b - a > 1 for a, b in itertools.pairwise(numbers(Impairment(loss=0.1, burst=burst))))

    assert holes(3.0) < 0.6 * holes(1.0)


def test_jitter_delays_by_no_more_than_it_says_and_keeps_the_order() -> None:
    found = arrivals(COUNT, SPAN, Impairment(jitter=60), seed=3)
    assert [number for _, number in found] == list(range(COUNT))
    delays = [at - number * SPAN for at, number in found]
    assert min(delays) >= 0
    assert 0.05 < max(delays) <= 0.06


def test_a_reordered_packet_comes_behind_exactly_one_other() -> None:
    found = numbers(Impairment(reorder=0.05))
    assert sorted(found) == list(range(COUNT))
    assert found != sorted(found)
    assert max(abs(place - number) for place, number in enumerate(found)) <= 2


def test_doubled_packets_come_twice() -> None:
    found = numbers(Impairment(duplicate=0.05))
    assert len(found) == COUNT + round(0.05 * (COUNT - 20))
    assert set(found) == set(range(COUNT))


def test_what_waits_in_a_stall_arrives_at_once() -> None:
    found = arrivals(COUNT, SPAN, Impairment(stalls=2), seed=3)
    delays = [at - number * SPAN for at, number in found]
    assert max(delays) == pytest.approx(STALL, abs=SPAN)
    assert sum(b[0] == a[0] for a, b in itertools.pairwise(found)) >= 2 * (STALL / SPAN - 2)


def test_every_pair_of_values_meets_in_a_row() -> None:
    rows = pairs()
    assert len(rows) + len(list(sweeps())) <= 54
    met = {(row.offer.packet_time, row.impairment.jitter, row.offer.codec) for row in rows}
    assert {(time, jitter) for time, jitter, _ in met} == set(
        itertools.product((10, 20, 30, 40, 60), (0, 20, 60))
    )
    assert {(jitter, codec) for _, jitter, codec in met} == set(
        itertools.product((0, 20, 60), ("PCMU", "PCMA", "G722"))
    )
