"""The stream a lane sends: numbers, marker, pauses and errors."""

from __future__ import annotations

import errno
from random import Random
from typing import Any

import numpy as np
import pytest

from talkpath.bridge.media.counters import Counters
from talkpath.bridge.media.downlink import Downlink
from talkpath.bridge.media.join import Joins
from talkpath.bridge.media.sounds import SoundPlayer
from talkpath.bridge.media.taps import Taps
from talkpath.bridge.media.transmit import Transmitter
from talkpath.codecs import rtp

TARGET = ("192.0.2.1", 4_000)


class Wire:
    """Stands in for a socket: keeps what is sent, or refuses it."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Any]] = []
        self.error: int | None = None

    def sendto(self, packet: memoryview, target: Any) -> int:
        if self.error is not None:
            raise OSError(self.error, "refused")
        self.sent.append((bytes(packet), target))
        return len(packet)

    def parsed(self) -> rtp.ParsedPackets:
        rows = np.stack([np.frombuffer(packet, np.uint8) for packet, _ in self.sent])
        return rtp.parse(rows, np.full(len(rows), 172))


class Sender:
    """Lanes 0 and 4, both of phase 0."""

    def __init__(self) -> None:
        self.counters = Counters(8)
        self.downlink = Downlink(8, self.counters)
        self.transmitter = Transmitter(
            8,
            self.counters,
            self.downlink,
            SoundPlayer(self.counters, self.downlink.wideband),
            Joins(self.counters, self.downlink.wideband),
            tap=Taps(8),
            random=Random(1),  # noqa: S311 - a fixed seed is the point
        )
        self.wires = {lane: Wire() for lane in (0, 4)}
        for lane, wire in self.wires.items():
            self.transmitter.open(lane, wire)  # type: ignore[arg-type]  # only sendto is used
            self.transmitter.configure(lane, 8, TARGET, sends=True)
        self.slot = 0

    def send(self, slots: int = 1) -> None:
        for _ in range(slots):
            self.transmitter.send(0, self.slot, 0.0, [])
            self.slot += 1

    def play(self, lane: int, frames: int) -> None:
        self.downlink.playout(lane).play(lane, "item", bytes(160 * frames), 0.0)


@pytest.fixture
def sender() -> Sender:
    return Sender()


def steps(values: np.ndarray, width: int) -> set[int]:
    return {int(step) % 2**width for step in np.diff(values.astype(np.int64))}


def test_numbers_run_on_over_both_wraps_and_streams_differ(sender: Sender) -> None:
    sender.slot = 2**32 // 160 - 100
    sender.send(66_000)
    first, second = (wire.parsed() for wire in sender.wires.values())
    for parsed in (first, second):
        assert steps(parsed.sequence, 16) == {1}
        assert steps(parsed.timestamp, 32) == {160}
        assert set(parsed.payload_type.tolist()) == {8}
    assert first.ssrc[0] != second.ssrc[0]
    assert sender.counters.of(0)["packets_sent"] == 66_000


def test_the_marker_is_on_the_first_packet_of_a_talkspurt_only(sender: Sender) -> None:
    sender.send(2)
    sender.play(0, 3)
    sender.send(5)
    sender.play(0, 1)
    sender.send(2)
    marks = [False, False, True, False, False, False, False, True, False]
    assert sender.wires[0].parsed().marker.tolist() == marks
    assert not sender.wires[4].parsed().marker.any()


def test_a_pause_stops_one_lane_and_its_stream_continues_after_it(sender: Sender) -> None:
    sender.send(3)
    sender.transmitter.configure(0, 8, TARGET, sends=False)
    assert not sender.transmitter.sends(0)
    sender.send(5)
    sender.transmitter.configure(0, 8, TARGET, sends=True)
    sender.send(2)
    paused, other = (wire.parsed() for wire in sender.wires.values())
    assert (len(paused.sequence), len(other.sequence)) == (5, 10)
    assert steps(paused.sequence, 16) == {1}
    assert steps(paused.timestamp, 32) == {160, 6 * 160}


def test_another_target_takes_effect_at_the_next_packet(sender: Sender) -> None:
    sender.send()
    sender.transmitter.aim(0, ("192.0.2.2", 5))
    sender.send()
    assert [target for _, target in sender.wires[0].sent] == [TARGET, ("192.0.2.2", 5)]
    sender.transmitter.configure(4, 8, TARGET, sends=False)
    sender.transmitter.aim(4, ("192.0.2.2", 5))
    assert not sender.transmitter.sends(4)


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (errno.EAGAIN, "send_blocked"),
        (errno.ENOBUFS, "send_blocked"),
        (errno.EHOSTUNREACH, "send_unreachable"),
        (errno.ECONNREFUSED, "send_unreachable"),
        (errno.EMSGSIZE, "send_failed"),
    ],
)
def test_an_error_is_counted_by_cause_and_harms_no_other_lane(
    sender: Sender, number: int, cause: str
) -> None:
    sender.wires[0].error = number
    sender.send(3)
    assert sender.counters.of(0)[cause] == 3
    assert len(sender.wires[4].sent) == 3


def test_slots_that_are_left_out_are_counted_and_begin_a_talkspurt(sender: Sender) -> None:
    sender.play(0, 4)
    sender.send(2)
    sender.transmitter.skip(7)
    sender.slot += 7
    sender.send(2)
    parsed = sender.wires[0].parsed()
    assert parsed.marker.tolist() == [True, False, True, False]
    assert steps(parsed.timestamp, 32) == {160, 8 * 160}
    assert sender.counters.of(4)["frames_skipped"] == 7


def test_what_a_sender_report_needs_is_what_was_sent(sender: Sender) -> None:
    sender.send(10)
    parsed = sender.wires[0].parsed()
    ssrc, timestamp, packets, octets = sender.transmitter.sender(0, 9 * 0.02)
    assert (ssrc, timestamp) == (int(parsed.ssrc[0]), int(parsed.timestamp[-1]))
    assert (packets, octets) == (10, 1_600)


def test_a_closed_lane_sends_nothing_and_counts_from_zero(sender: Sender) -> None:
    sender.send(2)
    sender.counters.retire(0)
    sender.transmitter.close(0)
    sender.send(2)
    assert len(sender.wires[0].sent) == 2
    assert sender.counters.of(0) == {}
    assert sender.counters.totals()["packets_sent"] == 6
