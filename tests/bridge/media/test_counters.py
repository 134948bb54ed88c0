"""Counters by cause, and the histogram of beats."""

from __future__ import annotations

import numpy as np
import pytest

from talkpath.bridge.media.counters import Cause, Counters, LatenessHistogram
from talkpath.codecs.rtp import RejectCause


def test_a_lane_tells_its_counters_by_name_without_zeros() -> None:
    counters = Counters(3)
    counters.add(1, Cause.LATE, 2)
    counters.add_rows(np.array([0, 1]), Cause.DUPLICATE)
    assert counters.of(1) == {"late": 2, "duplicate": 1}
    assert counters.of(2) == {}


def test_totals_name_every_cause_and_outlive_the_lane() -> None:
    counters = Counters(2)
    counters.add(0, Cause.OVERRUN, 5)
    counters.retire(0)
    counters.add(0, Cause.OVERRUN)
    assert counters.of(0) == {"overrun": 1}
    totals = counters.totals()
    assert totals["overrun"] == 6
    assert set(totals) == {cause.name.lower() for cause in Cause}


def test_a_derived_column_is_written_before_it_is_read() -> None:
    counters = Counters(1)
    figure = 0

    def refresh() -> None:
        counters.table[:, Cause.PACKETS_SENT] = figure

    counters.derive(refresh)
    figure = 7
    assert counters.of(0) == {"packets_sent": 7}
    assert counters.totals()["packets_sent"] == 7


def test_causes_of_rejection_are_those_of_the_parser() -> None:
    for cause in RejectCause:
        if cause is not RejectCause.OK:
            assert int(Cause[cause.name]) == int(cause)


def test_a_beat_falls_into_the_bucket_of_its_lateness() -> None:
    histogram = LatenessHistogram()
    for lateness in (0.0, 0.0005, 0.0006, 0.1, 3.0):
        histogram.record(lateness)
    assert histogram.counts == [2, 1, 0, 0, 0, 0, 0, 1, 1]
    assert histogram.total == pytest.approx(3.1011)
