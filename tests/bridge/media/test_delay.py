"""The adaptive target: from literal arrivals to how long a hole may wait."""

from __future__ import annotations

import numpy as np
import pytest

from talkpath.bridge.media.delay import DEFAULT_TARGET, LARGEST_TARGET, SMALLEST_TARGET, ArrivalDelay
from tests.bridge.media.phone import Line, frame, packet

BATCH = 25


class Network:
    """One lane whose packets of 20 ms arrive as a test says."""

    def __init__(self, rate: float = 1.0, start: int = 2**32 - 8_000) -> None:
        self.target = np.full(1, DEFAULT_TARGET)
        self.delay = ArrivalDelay(self.target)
        self.rate = rate
        self.start = start
        self.sent = 0

    def batch(self, jitter: float = 0.0, seed: int = 1) -> float:
        """Half a second of packets, each delayed by up to `jitter`; returns the target after it."""
        numbers = np.arange(self.sent, self.sent + BATCH)
        self.sent += BATCH
        delays = np.random.default_rng(self.sent + seed).uniform(0, jitter, BATCH)
        arrival = np.asarray(numbers * 0.02 / self.rate + delays, np.float64)
        timestamp = ((self.start + numbers * 160) % 2**32).astype(np.uint32)
        self.delay.observe(np.zeros(BATCH, np.intp), timestamp, arrival, float(arrival[-1]))
        return float(self.target[0])


def test_on_a_perfect_network_the_target_sinks_slowly_to_the_least() -> None:
    network = Network()
    targets = [network.batch() for _ in range(60)]
    assert targets[1] > DEFAULT_TARGET - 0.005
    assert targets[-1] == SMALLEST_TARGET
    assert targets == sorted(targets, reverse=True)


def test_jitter_raises_it_to_what_the_packets_need() -> None:
    network = Network()
    for _ in range(20):
        network.batch()
    assert network.batch(0.12) < 0.1  # once is no habit
    assert 0.1 < network.batch(0.12) <= 0.13


def test_one_stall_does_not_raise_it_for_long() -> None:
    network = Network()
    for _ in range(60):
        network.batch()
    network.batch(0.15)
    assert max(network.batch() for _ in range(20)) == SMALLEST_TARGET


def test_it_never_leaves_its_bounds() -> None:
    network = Network()
    assert max(network.batch(0.9) for _ in range(20)) == LARGEST_TARGET


@pytest.mark.parametrize("rate", [1.0002, 0.9998])
def test_an_hour_of_drift_is_not_taken_for_jitter(rate: float) -> None:
    network = Network(rate)
    for _ in range(60):
        network.batch()
    assert max(network.batch() for _ in range(7_200)) == SMALLEST_TARGET


def test_another_timeline_is_not_taken_for_jitter() -> None:
    network = Network()
    for _ in range(60):
        network.batch()
    network.start = 12_345
    assert max(network.batch() for _ in range(20)) == SMALLEST_TARGET


def test_a_late_packet_for_which_another_waits_raises_it_at_once() -> None:
    line = Line()
    lane = line.open()
    target = line.plane.jitter_target_ms
    for number in range(500):
        line.say(lane, packet(frame(number), number, 160 * number))
        line.run(0.02)
    settled = target(lane)
    assert settled < 40
    line.run(0.1)
    for number in (501, 500, 502, 503, 504, 505):
        line.say(lane, packet(frame(number), number, 160 * number))
    line.run(0.02)
    assert target(lane) == pytest.approx(105, abs=10)
    line.close()


def test_a_key_that_is_held_is_not_taken_for_jitter() -> None:
    """All packets of one key press carry the timestamp of its beginning (RFC 4733, 2.2)."""
    line = Line()
    lane = line.open()
    number = 0
    for _ in range(400):
        line.say(lane, packet(frame(number), number, 160 * number))
        line.run(0.02)
        number += 1
    before = line.plane.jitter_target_ms(lane)
    begun = 160 * number
    for step in range(40):
        payload = bytes([5, 10, *(160 * step).to_bytes(2, "big")])
        line.say(lane, packet(payload, number, begun, payload_type=101))
        line.run(0.02)
        number += 1
    assert line.plane.jitter_target_ms(lane) <= before
    line.close()
