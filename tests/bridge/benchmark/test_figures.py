"""Figures of logs that were written by hand."""

from __future__ import annotations

import numpy as np
import pytest

from talkpath.bridge.benchmark import figures
from talkpath.bridge.benchmark.clock import Effort
from talkpath.bridge.benchmark.orders import Heard, Served

MS = 1_000_000
EFFORT = Effort(0.1, (0.0, 0.0, 0.0))


def heard(sent: list[list[int]], received: list[list[int]]) -> Heard:
    return Heard(np.array(sent, np.int64).reshape(-1, 3), np.array(received, np.int64).reshape(-1, 6), EFFORT)


def served(appended: list[list[int]], answers: list[list[int]] | None = None) -> Served:
    rows = np.array(appended, np.int64).reshape(-1, 4)
    turns = np.array(answers or [], np.int64).reshape(-1, 3)
    return Served(rows, np.zeros((0, 2), np.int64), turns, [5], 0, EFFORT)


def test_uplink_is_the_time_to_the_append_and_what_never_came_is_lost() -> None:
    sent = [[5, frame, frame * 20 * MS] for frame in range(100)]
    appended = [[0, frame * 20 * MS + 3 * MS, 5, frame] for frame in range(100) if frame != 10]
    spread, delivery = figures.uplink(heard(sent, []), served(appended))
    assert spread.p50 == spread.p99 == 3.0
    assert delivery.lost == 1
    assert delivery.looked_for == 74, "the last half second may still be on its way"


def test_an_echo_counts_only_on_the_call_it_was_made_of() -> None:
    appended = [[0, (frame + 1) * 20 * MS, 5, frame] for frame in range(100)]
    received = [[5, frame, (frame + 2) * 20 * MS, 5 if frame != 7 else 6, frame, 1] for frame in range(100)]
    assert figures.echo(heard([], received), served(appended)).lost == 1


def test_an_echo_that_is_only_late_is_not_lost_and_one_that_never_comes_is() -> None:
    appended = [[0, (frame + 1) * 20 * MS, 5, frame] for frame in range(500)]
    # 2 s behind, so that the last hundred are still queued when the window ends.
    received = [[5, frame, (frame + 101) * 20 * MS, 5, frame, 1] for frame in range(400) if frame != 7]
    assert figures.echo(heard([], received), served(appended)).lost == 1
    # Nothing came back after the first second: what had its time is lost.
    lost = figures.echo(heard([], received[:50]), served(appended)).lost
    assert lost == 1 + 500 - 4_000 // 20 - 51 - 1


def test_jitter_is_the_distance_from_20_ms_within_a_call() -> None:
    times = {1: [0, 20, 45, 60], 2: [7, 27, 47, 67]}
    received = [[call, 0, at * MS, -1, -1, 0] for call, ats in times.items() for at in ats]
    spread = figures.send_jitter(heard([], received))
    assert spread.samples == 6
    assert spread.p50 == 0.0
    assert spread.p999 == pytest.approx(5.0, abs=0.1)


def test_a_gap_in_the_sequence_is_missing_and_its_wrap_is_not() -> None:
    sequence = [65_534, 65_535, 0, 3]
    received = [[1, number, at * 20 * MS, -1, -1, 0] for at, number in enumerate(sequence)]
    assert figures.missing_packets(heard([], received)) == 2


def test_a_turn_is_timed_from_the_answer_and_from_the_interruption() -> None:
    audible = [[5, 0, at * MS, -1, -1, 1] for at in range(1010, 1320, 20)]
    silent = [[5, 0, at * MS, -1, -1, 0] for at in range(1330, 3000, 20)]
    first, last = figures.turns(heard([], audible + silent), served([], [[0, 1000 * MS, 1305 * MS]]))
    assert first.p50 == 10.0
    assert last.p50 == 5.0


def test_quantiles_of_a_histogram_are_interpolated_between_two_scrapes() -> None:
    before = {"x_bucket{0.001}": 5.0, "x_bucket{0.002}": 5.0, "x_bucket{+Inf}": 5.0}
    after = {"x_bucket{0.001}": 55.0, "x_bucket{0.002}": 104.0, "x_bucket{+Inf}": 105.0}
    middle, tail = figures.histogram_quantiles(before, after, "x", (0.5, 0.999))
    assert middle == pytest.approx(0.001)
    assert tail == pytest.approx(0.002)
