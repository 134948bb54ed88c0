import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from talkpath.codecs.reception import ReceptionStatistics

LANE = np.zeros(1, np.intp)


def arrive(
    statistics: ReceptionStatistics,
    sequence: list[int],
    timestamp: list[int] | None = None,
    arrival: list[float] | None = None,
    rows: list[int] | None = None,
) -> None:
    """Let packets come, by default in lane 0 and 20 ms apart."""
    count = len(sequence)
    statistics.update(
        np.array(rows or [0] * count, np.intp),
        np.array(sequence).astype(np.uint16),
        np.array(timestamp or [160 * number for number in sequence]).astype(np.uint32),
        np.array(arrival or [0.02 * number for number in sequence], np.float64),
    )


class OneLane:
    """Appendices A.1, A.3 and A.8 of RFC 3550 in plain integers, to compare with."""

    def __init__(self) -> None:
        self.base = -1
        self.highest = self.cycles = self.received = 0
        self.bad = -1
        self.jitter = self.transit = 0.0

    def take(self, sequence: int, timestamp: int, arrival: float) -> None:
        ahead = (sequence - self.highest) % 65536
        if self.base < 0 or (3000 <= ahead <= 65536 - 100 and sequence == self.bad):
            self.base, self.highest, self.cycles, self.received, self.bad = sequence, sequence, 0, 1, -1
            self.jitter, self.transit = 0.0, arrival * 8000 - timestamp
            return
        if 3000 <= ahead <= 65536 - 100:
            self.bad = (sequence + 1) % 65536
            return
        if ahead < 3000:
            self.cycles += sequence < self.highest
            self.highest = sequence
        self.received += 1
        transit = arrival * 8000 - timestamp
        self.jitter += (abs(transit - self.transit) - self.jitter) / 16
        self.transit = transit


def rows_array(*rows: int) -> NDArray[np.intp]:
    return np.array(rows, np.intp)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.sampled_from([1, 1, 1, 1, 0, 2, 5, -3, -120, 4000]), st.integers(0, 99)
        ),
        max_size=60,
    ),
    st.integers(0, 65535),
    st.integers(1, 60),
)
def test_all_lanes_at_once_count_as_the_rfc_counts_one(
    steps: list[tuple[int, int, int]], start: int, batch: int
) -> None:
    lanes, numbers, packets = [OneLane() for _ in range(4)], [start] * 4, []
    for lane, step, late in steps:
        numbers[lane] += step
        # Timestamps below 2**32: the plain arithmetic above knows no wrap.
        timestamp, arrival = (10**7 + 160 * numbers[lane]), 0.02 * numbers[lane] + late / 1000
        lanes[lane].take(numbers[lane] % 65536, timestamp, arrival)
        packets.append((lane, numbers[lane], timestamp, arrival))
    statistics = ReceptionStatistics(4)
    for first in range(0, len(packets), batch):
        rows, sequence, timestamps, arrivals = zip(*packets[first : first + batch], strict=True)
        arrive(statistics, list(sequence), list(timestamps), list(arrivals), list(rows))
    everyone = np.arange(4)
    expected = [lane.cycles * 65536 + lane.highest - lane.base + 1 if lane.base >= 0 else 0 for lane in lanes]
    assert statistics.expected(everyone).tolist() == expected
    assert statistics.received(everyone).tolist() == [lane.received for lane in lanes]
    assert statistics.jitter(everyone) * 8000 == pytest.approx([lane.jitter for lane in lanes], abs=1e-3)


def test_a_lane_that_heard_nothing_reports_nothing() -> None:
    statistics = ReceptionStatistics(2)
    report = statistics.report(np.arange(2))
    assert report.lost.tolist() == report.fraction_lost.tolist() == [0, 0]
    assert report.highest_sequence.tolist() == report.jitter.tolist() == [0, 0]


def test_loss_is_reported_per_interval_and_in_total() -> None:
    statistics = ReceptionStatistics(1)
    arrive(statistics, [10, 11, 13, 14])
    report = statistics.report(LANE)
    assert report.fraction_lost.tolist() == [256 // 5]
    assert report.lost.tolist() == [1]
    arrive(statistics, [15, 16])
    report = statistics.report(LANE)
    assert report.fraction_lost.tolist() == [0]
    assert report.lost.tolist() == [1]
    assert report.highest_sequence.tolist() == [16]


def test_duplicates_make_the_loss_negative_but_no_fraction() -> None:
    statistics = ReceptionStatistics(1)
    arrive(statistics, [1, 2, 2, 2])
    report = statistics.report(LANE)
    assert report.lost.tolist() == [-2]
    assert report.fraction_lost.tolist() == [0]


def test_the_highest_sequence_number_counts_its_wraps() -> None:
    statistics = ReceptionStatistics(1)
    arrive(statistics, [65534, 65535, 65536, 65537])
    assert statistics.report(LANE).highest_sequence.tolist() == [65537]
    assert statistics.expected(LANE).tolist() == [4]


def test_a_sender_that_begins_anew_is_followed_after_two_packets() -> None:
    statistics = ReceptionStatistics(1)
    arrive(statistics, [100, 101, 30000])
    assert statistics.received(LANE).tolist() == [2]
    arrive(statistics, [30001, 30002])
    assert statistics.expected(LANE).tolist() == statistics.received(LANE).tolist() == [2]


def test_an_even_stream_has_no_jitter_and_an_uneven_one_has() -> None:
    statistics = ReceptionStatistics(1)
    arrive(statistics, list(range(50)))
    assert statistics.jitter(LANE)[0] == pytest.approx(0.0, abs=1e-9)
    wobble = [0.02 * number + 0.01 * (number % 2) for number in range(50, 400)]
    arrive(statistics, list(range(50, 400)), arrival=wobble)
    assert statistics.jitter(LANE)[0] == pytest.approx(0.01, rel=0.01)
    assert statistics.report(LANE).jitter.tolist() == [79]


def test_timestamps_may_wrap_without_jitter() -> None:
    statistics = ReceptionStatistics(1)
    arrive(statistics, [1, 2, 3], timestamp=[2**32 - 160, 0, 160])
    assert statistics.jitter(LANE)[0] == pytest.approx(0.0, abs=1e-9)


def test_reset_begins_a_lane_again_and_leaves_the_others() -> None:
    statistics = ReceptionStatistics(2)
    arrive(statistics, [5, 5, 6, 6], rows=[0, 1, 0, 1])
    statistics.reset(rows_array(1))
    arrive(statistics, [7, 900], rows=[0, 1])
    assert statistics.expected(np.arange(2)).tolist() == [3, 1]
    assert statistics.received(np.arange(2)).tolist() == [3, 1]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(-3, 4), st.sampled_from([0.0, 0.02, 0.035])),
        min_size=1,
        max_size=120,
    )
)
def test_a_batch_counts_as_its_packets_one_by_one(packets: list[tuple[int, int, float]]) -> None:
    whole, single = ReceptionStatistics(3), ReceptionStatistics(3)
    number, now, arrived = [65_520, 10, 4_000], 0.0, []
    for lane, step, pause in packets:
        number[lane] += step
        now += pause
        arrived.append((lane, number[lane] % 65_536, number[lane] * 160 % 2**32, now))
    columns = list(zip(*arrived, strict=True))
    arrays = [np.array(column) for column in columns]
    half = len(arrived) // 2
    for part in (slice(0, half), slice(half, None)):
        rows, sequence, timestamp, arrival = (array[part] for array in arrays)
        whole.update(rows, sequence.astype(np.uint16), timestamp.astype(np.uint32), arrival)
        for at in range(len(rows)):
            one = slice(at, at + 1)
            single.update(
                rows[one], sequence[one].astype(np.uint16), timestamp[one].astype(np.uint32), arrival[one]
            )
    lanes = np.arange(3)
    assert whole.expected(lanes).tolist() == single.expected(lanes).tolist()
    assert whole.lost(lanes).tolist() == single.lost(lanes).tolist()
    assert np.allclose(whole.jitter(lanes), single.jitter(lanes))
