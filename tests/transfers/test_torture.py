"""A hundred races of a transfer against everything else; `make torture` runs a thousand."""

from __future__ import annotations

import pytest

from tests.transfers.torture import run_race

RACES = 10


@pytest.mark.parametrize("first", range(0, 100, RACES))
def test_however_a_race_goes_the_caller_is_with_somebody_and_nothing_is_left(first: int) -> None:
    ends = set()
    for seed in range(first, first + RACES):
        try:
            ends.add(run_race(seed))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error
    assert len(ends) > 1, "the races reach different ends"
