"""Digits that a lane sends, as its telephone sees them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from talkpath.bridge.media.dialling import plan
from talkpath.bridge.media.lane import DigitsSent
from talkpath.codecs.telephone_event import DigitDetector, parse
from tests.bridge.media.phone import Heard, Line

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS = 101


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line(8)
    yield made
    made.close()


def events(heard: Heard) -> list[int]:
    """Which packets are telephone events."""
    return np.flatnonzero(heard.parsed.payload_type == EVENTS).tolist()


def keys(heard: Heard) -> str:
    detector = DigitDetector()
    found = ""
    for index in events(heard):
        timestamp = int(heard.parsed.timestamp[index])
        for digit in detector.feed(heard.datagrams[index][12:], timestamp, index * 0.02):
            found += digit.digit
    return found


def steps(values: Any, width: int) -> set[int]:
    return {int(step) % 2**width for step in np.diff(np.asarray(values, np.int64))}


def test_every_key_arrives_and_the_stream_runs_on(line: Line) -> None:
    lane = line.open()
    line.run(0.1)
    line.plane.dial(lane, "0123456789*#abcD", line.now)
    line.run(4.0)
    heard = line.hear(lane)
    assert keys(heard) == "0123456789*#ABCD"
    assert line.happened(DigitsSent) == [DigitsSent(lane, complete=True)]
    assert steps(heard.parsed.sequence, 16) == {1}
    assert len(set(heard.parsed.ssrc.tolist())) == 1
    assert line.count(lane, "packets_sent") == len(heard)


def test_a_press_is_what_rfc_4733_says(line: Line) -> None:
    lane = line.open()
    line.run(0.1)
    line.plane.dial(lane, "7", line.now)
    line.run(0.6)
    heard = line.hear(lane)
    press = events(heard)
    assert press == list(range(press[0], press[0] + 7))
    assert [len(heard.datagrams[index]) for index in press] == [16] * 7
    assert heard.parsed.marker[press].tolist() == [True] + [False] * 6
    assert steps(heard.parsed.timestamp[press], 32) == {0}
    before, after = press[0] - 1, press[-1] + 1
    clock = heard.parsed.timestamp.astype(np.int64)
    assert (clock[press[0]] - clock[before]) % 2**32 == 160, "the event begins where its first packet is"
    assert (clock[after] - clock[before]) % 2**32 == 8 * 160, "and the voice goes on by its own clock"
    told = [parse(heard.datagrams[index][12:]) for index in press]
    assert [event.duration for event in told if event] == [160, 320, 480, 640, 800, 800, 800]
    assert [event.end for event in told if event] == [False] * 4 + [True] * 3


def test_between_two_presses_are_at_least_50_ms_of_silence(line: Line) -> None:
    lane = line.open()
    line.plane.dial(lane, "55", line.now)
    line.run(0.6)
    heard = line.hear(lane)
    assert keys(heard) == "55"
    [gap] = [b - a - 1 for a, b in itertools.pairwise(events(heard)) if b - a > 1]
    assert gap * 20 >= 50


@pytest.mark.parametrize(("pause", "seconds"), [("w", 0.5), (",", 2.0), ("ww", 1.0)])
def test_a_pause_is_silence_of_its_length(line: Line, pause: str, seconds: float) -> None:
    lane = line.open()
    line.plane.dial(lane, f"1{pause}2", line.now)
    line.run(4.0)
    heard = line.hear(lane)
    assert keys(heard) == "12"
    [gap] = [b - a - 1 for a, b in itertools.pairwise(events(heard)) if b - a > 1]
    assert gap * 0.02 == pytest.approx(seconds + 0.06, abs=1e-9)


@pytest.mark.parametrize("model_format", ["pcmu", "pcm"])
def test_what_was_said_before_is_heard_before_and_the_rest_waits(line: Line, model_format: Any) -> None:
    lane = line.open(model_format)
    frame = bytes([0, 32] * 480) if model_format == "pcm" else bytes([1] * 160)
    line.plane.play(lane, "before", frame * 8, line.now)
    line.plane.finish_item(lane, "before")
    line.plane.dial(lane, "42", line.now)
    line.run(0.1)
    line.plane.play(lane, "after", frame * 8, line.now)
    line.plane.finish_item(lane, "after")
    line.run(3.0)
    heard = line.hear(lane)
    first, last = events(heard)[0], events(heard)[-1]
    voice = np.flatnonzero([bool(set(packet[12:]) - {0xFF, 0x7F}) for packet in heard.datagrams])
    voice = np.setdiff1d(voice, events(heard))
    assert keys(heard) == "42"
    assert not voice[(voice > first) & (voice < last)].size
    assert (voice < first).sum() == 8
    assert (voice > last).sum() == 8 + (model_format == "pcm")  # a resampler's last milliseconds
    assert heard.parsed.marker[voice[voice > last][0]], "the speech that waited is a new talkspurt"
    assert line.count(lane, "frames_starved") == 0
    assert line.plane.idle(lane)


def test_a_flush_and_speech_after_it_do_not_keep_the_keys(line: Line) -> None:
    lane = line.open()
    line.plane.play(lane, "item", bytes(1_600), line.now)
    line.plane.dial(lane, "9", line.now)
    line.plane.flush(lane, line.now)
    line.run(2.0, lambda _: line.plane.play(lane, "item", bytes(160), line.now))
    assert keys(line.hear(lane)) == "9"


def test_the_other_lanes_of_the_phase_go_on_talking(line: Line) -> None:
    lanes = [line.open() for _ in range(5)]
    [(first, second)] = [pair for pair in itertools.combinations(lanes, 2) if pair[0] % 4 == pair[1] % 4]
    line.plane.play(second, "item", bytes([1]) * 160 * 20, 0.0)
    line.plane.finish_item(second, "item")
    line.plane.dial(first, "8", 0.0)
    line.run(0.5)
    assert keys(line.hear(first)) == "8"
    assert line.hear(second).audio.count(b"\x01") == 20 * 160


def test_a_stop_lets_the_speech_go_on(line: Line) -> None:
    lane = line.open()
    line.plane.dial(lane, "1,,,,2", line.now)
    line.run(0.5)
    line.plane.stop_dialling(lane)
    line.plane.play(lane, "item", bytes([1]) * 160, line.now)
    line.run(0.1)
    heard = line.hear(lane)
    assert keys(heard) == "1"
    assert b"\x01" * 160 in heard.audio
    assert not line.happened(DigitsSent)


def test_keys_wait_while_the_lane_is_on_hold(line: Line) -> None:
    lane = line.open()
    line.configure(lane, sends=False)
    line.plane.dial(lane, "3", line.now)
    line.run(1.0)
    assert not line.hear(lane).datagrams
    line.configure(lane)
    line.run(1.0)
    assert keys(line.hear(lane)) == "3"


def test_a_far_end_that_stops_taking_events_is_told_of(line: Line) -> None:
    lane = line.open()
    line.plane.dial(lane, "123", line.now)
    line.run(0.3)
    line.configure(lane, dtmf_payload_type=None)
    line.run(0.3)
    assert line.happened(DigitsSent) == [DigitsSent(lane, complete=False)]


def test_a_lane_that_is_closed_forgets_its_keys() -> None:
    line = Line(1)
    lane = line.open()
    line.plane.dial(lane, "123", line.now)
    line.run(0.1)
    line.plane.close_lane(lane)
    port, phone = line.ports.pop(lane), line.phones.pop(lane)
    line.open()
    line.plane.play(lane, "item", bytes([1]) * 160, line.now)
    line.run(0.2)
    heard = line.hear(lane)
    assert not events(heard)
    assert b"\x01" * 160 in heard.audio
    for sock in (port, phone):
        sock.close()
    line.close()


def test_one_order_at_a_time_and_nothing_but_keys(line: Line) -> None:
    lane = line.open()
    with pytest.raises(ValueError, match="not a key"):
        line.plane.dial(lane, "12x", line.now)
    line.plane.dial(lane, "1", line.now)
    with pytest.raises(ValueError, match="being sent"):
        line.plane.dial(lane, "2", line.now)


def test_a_plan_is_as_long_as_it_takes() -> None:
    assert len(plan("1")) == 10
    assert len(plan("1w,")) == 10 + 25 + 100
