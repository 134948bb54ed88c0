"""The jitter ring alone: literal arrivals in, frames out, no socket."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkpath.bridge.media.counters import Counters
from talkpath.bridge.media.jitter import RING_BYTES, JitterRing
from talkpath.bridge.media.packets import AudioPackets
from talkpath.bridge.media.patience import PATIENCE
from talkpath.bridge.media.sequence import SequenceTracker
from tests.bridge.media.phone import frame

SILENCE = b"\xff" * 160
TARGET = 0.06


class Stream:
    """Lanes of a ring fed by hand."""

    def __init__(self, lanes: int = 1) -> None:
        self.counters = Counters(lanes)
        self.ring = JitterRing(lanes, self.counters)
        self.sequences = SequenceTracker(lanes, self.counters)
        self.now = 0.0
        self.out = [bytearray() for _ in range(lanes)]
        self.times: list[float] = []
        for lane in range(lanes):
            self.ring.start(lane, 0.0)

    def arrive(
        self, sequence: int, timestamp: int | None = None, payload: bytes | None = None, ssrc: int = 7
    ) -> None:
        """One packet on lane 0, by default the one that belongs to its number."""
        payload = frame(sequence) if payload is None else payload
        self.arrive_all(
            [0], [sequence], [160 * sequence if timestamp is None else timestamp], [payload], ssrc
        )

    def arrive_all(
        self,
        lanes: list[int],
        sequence: list[int],
        timestamp: list[int],
        payloads: list[bytes],
        ssrc: int = 7,
    ) -> None:
        """One packet on each of some lanes."""
        rows = np.array(lanes, np.intp)
        width = max(len(payload) for payload in payloads)
        data = np.zeros((len(rows), max(width, 160)), np.uint8)
        for row, payload in zip(data, payloads, strict=True):
            row[: len(payload)] = np.frombuffer(payload, np.uint8)
        numbers = np.array(sequence, np.int64) & 0xFFFF
        kinds = self.sequences.track(rows, numbers, np.full(len(rows), ssrc, np.int64))
        times = np.array(timestamp, np.int64) & 0xFFFFFFFF
        lengths = np.array([len(payload) for payload in payloads], np.intp)
        self._collect(self.ring.offer(AudioPackets(rows, times, kinds, data, lengths), self.now))

    def wait(self, seconds: float, step: float = 0.005) -> None:
        """Let time pass in beats."""
        until = self.now + seconds
        while self.now < until - 1e-9:
            self.now = min(self.now + step, until)
            self._collect(self.ring.expire(self.now))

    def _collect(self, frames) -> None:  # type: ignore[no-untyped-def]  # the ring's own type is private to it
        for rows, codes, _ in frames:
            assert len(set(rows.tolist())) == len(rows)
            for lane, code in zip(rows.tolist(), codes, strict=True):
                self.out[lane] += code.tobytes()
                self.times.append(self.now)

    def count(self, cause: str) -> int:
        return self.counters.of(0).get(cause, 0)

    @property
    def heard(self) -> bytes:
        return bytes(self.out[0])


@pytest.fixture
def stream() -> Stream:
    return Stream()


def frames(*numbers: int) -> bytes:
    return b"".join(frame(number) if number >= 0 else SILENCE for number in numbers)


def test_what_is_in_order_leaves_at_once(stream: Stream) -> None:
    for number in range(10):
        stream.arrive(number)
        assert stream.heard == frames(*range(number + 1))
        stream.wait(0.02)


def test_two_swapped_packets_come_out_in_order(stream: Stream) -> None:
    stream.arrive(0)
    stream.wait(0.02)
    stream.arrive(2)
    assert stream.heard == frames(0)
    stream.wait(0.02)
    stream.arrive(1)
    assert stream.heard == frames(0, 1, 2)
    assert stream.count("reordered") == 1


def test_a_hole_waits_the_target_and_no_longer(stream: Stream) -> None:
    stream.arrive(0)
    for number in range(2, 8):
        stream.wait(0.02)
        if number > 2:
            stream.arrive(number - 1 if number != 2 else 2)
    assert stream.heard == frames(0, -1, 2, 3, 4, 5, 6)
    assert stream.times[1] == pytest.approx(0.02 + TARGET, abs=0.0051)
    assert stream.count("frames_lost_filled") == 1
    assert stream.count("frames_gap_filled") == 0


def test_holes_one_after_the_other_do_not_add_up_to_a_delay(stream: Stream) -> None:
    """Every other packet is lost: the delay stays the target."""
    for number in range(0, 100, 2):
        stream.arrive(number)
        stream.wait(0.04)
    behind = stream.now * 8_000 - len(stream.heard)
    assert behind <= (TARGET + 0.025) * 8_000
    assert stream.count("frames_lost_filled") == pytest.approx(48, abs=2)


def test_a_packet_after_its_place_was_given_up_is_late(stream: Stream) -> None:
    stream.arrive(0)
    stream.wait(0.02)
    stream.wait(0.02)
    stream.arrive(2)
    stream.wait(0.06)
    assert stream.heard == frames(0, -1, 2)
    stream.arrive(1)
    assert stream.heard == frames(0, -1, 2)
    assert stream.count("late") == 1


def test_duplicates_are_counted_and_change_nothing(stream: Stream) -> None:
    for number in (0, 0, 1, 0, 1, 3, 3, 2, 2, 3):
        stream.arrive(number)
    assert stream.heard == frames(0, 1, 2, 3)
    assert stream.count("duplicate") == 6


def test_a_network_that_doubles_every_packet_costs_none(stream: Stream) -> None:
    for number in range(500):
        stream.arrive(number)
        stream.arrive(number)
        stream.wait(0.02)
    assert stream.heard[: 500 * 160] == frames(*range(500))
    assert stream.count("overrun") == 0


def test_packets_that_come_too_late_are_not_charged_to_those_in_time(stream: Stream) -> None:
    for number in range(1_500):
        if number % 2:
            stream.arrive(number)
        if number > 15 and not number % 2:
            stream.arrive(number - 14)
        stream.wait(0.02)
    assert stream.count("late") > 500
    assert stream.count("overrun") == 0


def test_silence_suppression_is_filled_in_stream_time(stream: Stream) -> None:
    stream.arrive(0)
    stream.wait(1.0)
    assert len(stream.heard) // 160 == pytest.approx(50 - 3, abs=1)
    stream.arrive(1, timestamp=50 * 160)
    assert stream.heard == frames(0) + SILENCE * 49 + frame(1)
    assert stream.count("frames_lost_filled") == 0


def test_the_first_packet_after_a_pause_does_not_wait(stream: Stream) -> None:
    stream.arrive(0)
    stream.wait(0.06)
    stream.arrive(1, timestamp=3 * 160)
    assert stream.heard == frames(0, -1, -1) + frame(1)
    assert stream.count("dtx_filled_bytes") == 320


def test_a_short_stall_of_the_network_leaves_no_trace(stream: Stream) -> None:
    for number in range(3):
        stream.arrive(number)
        stream.wait(0.02)
    stream.wait(0.23)
    for number in range(3, 20):
        stream.arrive(number)
    assert stream.heard == frames(*range(20))
    assert stream.count("frames_gap_filled") == stream.count("realigned") == 0


def test_a_pause_of_which_nothing_was_said_is_made_up_for_at_once(stream: Stream) -> None:
    stream.arrive(0)
    stream.wait(PATIENCE + 0.015)
    assert stream.heard == frames(0)
    stream.wait(0.01)
    assert len(stream.heard) // 160 == 1 + round((PATIENCE - TARGET) / 0.02) + 1
    stream.wait(0.5)
    assert len(stream.heard) // 160 == pytest.approx((stream.now - TARGET) / 0.02, abs=1)


def test_a_pause_that_was_announced_is_filled_in_time(stream: Stream) -> None:
    stream.arrive(0)
    stream.ring.patience.pause(np.zeros(1, np.intp))
    stream.wait(0.2)
    assert len(stream.heard) // 160 == pytest.approx((0.2 - TARGET) / 0.02, abs=1)


def test_a_delayed_burst_loses_no_speech(stream: Stream) -> None:
    stream.arrive(0)
    stream.wait(0.4)
    for number in range(1, 11):
        stream.arrive(number)
    assert stream.heard.replace(SILENCE, b"") == frames(*range(11))
    assert stream.count("late") == 0
    assert stream.count("realigned") == 1


def test_a_new_source_takes_over_at_once(stream: Stream) -> None:
    stream.arrive(0)
    stream.wait(0.02)
    stream.arrive(40_000, timestamp=123_456_789, payload=frame(9), ssrc=8)
    assert stream.heard == frames(0, 9)
    assert stream.count("resynchronised") == 1


@pytest.mark.parametrize("jump", [-1_000_000, 100_000, 2**31 - 5])
def test_a_timestamp_jump_resynchronises(stream: Stream, jump: int) -> None:
    for number in range(3):
        stream.arrive(number)
        stream.wait(0.02)
    for number in range(3, 6):
        stream.arrive(number, timestamp=160 * number + jump)
        stream.wait(0.02)
    assert stream.heard == frames(*range(6))


def test_a_restarted_source_is_believed_at_its_second_packet(stream: Stream) -> None:
    for number in range(3):
        stream.arrive(number)
        stream.wait(0.02)
    stream.arrive(30_000, timestamp=5, payload=frame(7))
    stream.wait(0.02)
    stream.arrive(30_001, timestamp=165, payload=frame(8))
    assert stream.heard.endswith(frame(8))
    assert frame(7) not in stream.heard


def test_one_stray_number_disturbs_nobody(stream: Stream) -> None:
    for number in range(3):
        stream.arrive(number)
        stream.wait(0.02)
    stream.arrive(30_000, timestamp=160 * 3, payload=frame(99))
    stream.arrive(3)
    assert stream.heard == frames(0, 1, 2, 3)


def test_a_flood_cannot_make_us_append_without_bound(stream: Stream) -> None:
    for number in range(5_000):
        stream.arrive(number)
        stream.wait(0.001)
    assert len(stream.heard) < 5.0 * 8_800 + 16_000 + 8_192
    assert stream.count("overrun") > 3_000


def test_a_change_of_law_translates_what_waits(stream: Stream) -> None:
    table = (255 - np.arange(256)).astype(np.uint8)
    stream.arrive(0)
    stream.arrive(2)
    stream.ring.recode(0, table, 0xD5)
    stream.wait(0.1)
    assert stream.heard[160:480] == b"\xd5" * 160 + frame(2).translate(table.tobytes())


@pytest.mark.parametrize("first", [0, 65_530])
@pytest.mark.parametrize("size", [80, 160, 240, 320, 480])
def test_a_bad_network_loses_nothing_it_delivered_in_time(first: int, size: int) -> None:
    """Every packet delayed by 0 to 50 ms, in whatever order that gives."""
    stream = Stream()
    random = np.random.default_rng(size)
    period = size / 8_000
    delays = [0.0, *random.uniform(0, 0.05, 199)]
    arrivals = sorted((number * period + delay, number) for number, delay in enumerate(delays))
    for at, number in arrivals:
        stream.wait(at - stream.now)
        stream.arrive(first + number, timestamp=2**32 - 1_000 + size * number, payload=frame(number, size))
    stream.wait(0.02)
    said = b"".join(frame(number, size) for number in range(200))
    heard = stream.heard.lstrip(b"\xff")
    assert heard.startswith(said[: len(said) - 160])
    assert stream.count("late") == stream.count("frames_lost_filled") == 0


@given(
    st.lists(
        st.tuples(
            st.integers(0, 65_535),
            st.integers(0, 2**32 - 1),
            st.integers(0, 1_012),
            st.integers(1, 3),
            st.sampled_from([0.0, 0.005, 0.02, 0.7]),
        ),
        max_size=60,
    )
)
@settings(max_examples=150, deadline=None)
def test_no_arrival_can_break_the_ring_or_overrun_time(
    arrivals: list[tuple[int, int, int, int, float]],
) -> None:
    stream = Stream()
    for sequence, timestamp, size, ssrc, pause in arrivals:
        stream.arrive(sequence, timestamp, frame(3, size), ssrc)
        stream.wait(pause)
        assert 0 <= stream.ring.buffered(0) <= RING_BYTES
        assert len(stream.heard) <= stream.now * 8_800 + 16_000 + RING_BYTES
    stream.wait(3.0)
    assert len(stream.heard) >= 2.0 * 8_000
    assert stream.ring.buffered(0) == 0


@given(
    st.lists(st.integers(-3, 3), min_size=1, max_size=80), st.integers(0, 65_535), st.integers(0, 2**32 - 1)
)
@settings(max_examples=100, deadline=None)
def test_near_misses_of_the_next_packet_keep_the_ring_whole(steps: list[int], first: int, start: int) -> None:
    """Duplicates, swaps and small losses around the expected number."""
    stream = Stream()
    number = 10
    for step in steps:
        number = max(number + step, 0)
        stream.arrive(first + number, start + 160 * number, frame(number))
        stream.wait(0.02)
    stream.wait(0.1)
    assert stream.ring.buffered(0) == 0
    heard = [stream.heard[at : at + 160] for at in range(0, len(stream.heard), 160)]
    assert all(len(set(piece)) == 1 for piece in heard)


@pytest.mark.soak
def test_seventy_minutes_of_drift_loss_and_jitter_leave_no_delay_behind() -> None:
    """Three sources: 300 ppm fast, 300 ppm slow, and exact with every 97th packet lost."""
    stream = Stream(lanes=3)
    emitted = np.zeros(3, np.int64)
    rate = np.array([1.0003, 0.9997, 1.0])
    rows = np.arange(3)
    sent = np.zeros(3, np.int64)
    payload = np.ones((3, 160), np.uint8)
    lengths = np.full(3, 160, np.intp)
    ssrc = np.full(3, 7, np.int64)
    steps = 70 * 60 * 50
    for step in range(1, steps + 1):
        now = step * 0.02
        due = sent < now * rate * 50
        chosen = rows[due]
        number = sent[chosen]
        sent[chosen] += 1
        arriving = chosen[~((chosen == 2) & (number % 97 == 0))]
        if arriving.size:
            index = sent[arriving] - 1
            kinds = stream.sequences.track(arriving, (65_000 + index) & 0xFFFF, ssrc[arriving])
            packets = AudioPackets(
                arriving,
                (2**32 - 500 + 160 * index) & 0xFFFFFFFF,
                kinds,
                payload[arriving],
                lengths[arriving],
            )
            for lanes, *_ in stream.ring.offer(packets, now):
                emitted[lanes] += 160
        for lanes, *_ in stream.ring.expire(now):
            emitted[lanes] += 160
    # What was appended is what was sent, give or take what a hole may hold back and the start.
    assert np.abs(emitted - sent * 160).max() <= 8 * 160
    assert max(stream.ring.buffered(lane) for lane in range(3)) <= 4 * 160
    assert stream.counters.totals()["overrun"] == 0
    assert stream.counters.totals()["resynchronised"] == 0
    assert stream.counters.of(2)["frames_lost_filled"] == pytest.approx(steps / 97, abs=2)
