"""What a source may bring."""

from __future__ import annotations

import numpy as np

from talkpath.bridge.media.allowance import Allowance
from talkpath.bridge.media.counters import Counters

ROWS = np.array([0, 1], np.intp)


def test_two_seconds_are_free_and_more_is_counted_and_refused() -> None:
    counters = Counters(2)
    allowance = Allowance(2, counters)
    assert allowance.spend(ROWS, np.array([16_000, 160])).all()
    assert allowance.spend(ROWS, np.array([160, 160])).tolist() == [False, True]
    assert counters.of(0) == {"overrun": 1}
    allowance.charge(0, 1)
    assert allowance.used_up(ROWS).tolist() == [True, False]
    allowance.reset(0)
    assert not allowance.used_up(ROWS).any()


def test_time_pays_back_a_tenth_more_than_it_lasts() -> None:
    allowance = Allowance(2, Counters(2))
    allowance.forgive(10.0)
    allowance.charge(ROWS, 16_000)
    allowance.forgive(10.2)  # too soon to be looked at
    assert not allowance.spend(ROWS, np.array([160, 160])).any()
    allowance.forgive(10.5)
    assert allowance.spend(ROWS, np.array([4_400, 4_401])).tolist() == [True, False]
