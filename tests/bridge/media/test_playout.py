"""Playout by its promise: what was played is what went out, to the byte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkpath.bridge.media import playout as playout_module
from talkpath.bridge.media import playout_room as room_module
from talkpath.bridge.media.counters import Cause, Counters
from talkpath.bridge.media.lane import (
    MediaEvent,
    Played,
    PlayoutDrained,
    PlayoutOverflow,
    PlayoutStarted,
)
from talkpath.bridge.media.playout import OVERFLOW_EVERY, Playout
from talkpath.bridge.media.playout_room import PlayoutRoom

ROWS = np.zeros(1, np.intp)
PAD = 0xFF


class Speaker:
    """One lane of a playout and what came out of it."""

    def __init__(self, frame_bytes: int = 160, sample_bytes: int = 1) -> None:
        self.counters = Counters(1)
        self.playout = Playout(
            1, self.counters, frame_bytes=frame_bytes, sample_bytes=sample_bytes, room=PlayoutRoom(1)
        )
        self.playout.pad[0] = PAD
        self.size = frame_bytes
        self.events: list[MediaEvent] = []
        self.heard = bytearray()
        self.now = 0.0

    def slot(self, count: int = 1) -> None:
        for _ in range(count):
            out = np.full((1, self.size), PAD, np.uint8)
            if self.playout.take(ROWS, out, self.now, self.events)[0]:
                self.heard += out.tobytes()
            self.now += 0.02

    def play(self, item: str, audio: bytes) -> None:
        self.playout.play(0, item, audio, self.now)


_ACTION = st.one_of(
    st.tuples(st.just("play"), st.integers(0, 3), st.integers(0, 3_000)),
    st.tuples(st.just("slots"), st.integers(0, 30), st.just(0)),
    st.tuples(st.just("finish"), st.integers(0, 3), st.just(0)),
)


@given(st.lists(_ACTION, max_size=40), st.sampled_from([(160, 1), (960, 2)]))
@settings(max_examples=200, deadline=None)
def test_flush_says_exactly_what_went_out_of_every_item(
    actions: list[tuple[str, int, int]], sizes: tuple[int, int]
) -> None:
    """Items are told apart by their byte, so the output itself says how much of each was sent."""
    speaker = Speaker(*sizes)
    per_ms = sizes[0] // 20
    item, finished = 0, False
    byte: dict[str, int] = {}
    received: dict[str, int] = {}
    for action, number, size in actions:
        if action == "slots":
            speaker.slot(number)
        elif action == "finish":
            speaker.playout.finish(0, f"item {item}")
            finished = True
        else:
            item += finished or number == 0
            finished = False
            name = f"item {item}"
            byte[name] = item % 250 + 1
            received[name] = received.get(name, 0) + size
            speaker.play(name, bytes([byte[name]]) * size)
    drained = {event.item_id for event in speaker.events if isinstance(event, PlayoutDrained)}
    flushed = speaker.playout.flush(0, None)
    for played in flushed:
        sent = speaker.heard.count(byte[played.item_id])
        assert played == Played(played.item_id, sent // per_ms, received[played.item_id] // per_ms)
    assert [played.item_id for played in flushed] == sorted(
        (name for name in received if name not in drained), key=lambda name: int(name[5:])
    )
    for name in drained:
        assert speaker.heard.count(byte[name]) == received[name]
    speaker.slot(5)
    assert speaker.playout.idle(0)
    assert speaker.playout.queued_ms(0) == 0


@given(st.lists(st.integers(0, 30_000), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_everything_comes_out_once_and_in_order_through_ring_and_overflow(sizes: list[int]) -> None:
    speaker = Speaker()
    said = np.random.default_rng(len(sizes)).integers(0, 255, sum(sizes), dtype=np.uint8).tobytes()
    at = 0
    for size in sizes:
        speaker.play("a", said[at : at + size])
        at += size
        speaker.slot(7)
    speaker.playout.finish(0, "a")
    speaker.slot(len(said) // 160 + 10)
    assert bytes(speaker.heard[: len(said)]) == said
    assert set(speaker.heard[len(said) :]) <= {PAD}
    assert isinstance(speaker.events[-1], PlayoutDrained)


def test_an_item_is_started_by_its_first_frame_and_drained_by_its_last() -> None:
    speaker = Speaker()
    speaker.play("a", bytes(320))
    speaker.now += 0.013
    speaker.slot()
    assert speaker.events == [PlayoutStarted(0, "a", 0.013)]
    speaker.slot()
    assert len(speaker.events) == 1
    speaker.playout.finish(0, "a")
    speaker.slot()
    assert speaker.events[1:] == [PlayoutDrained(0, "a")]


def test_position_follows_the_item_that_is_heard() -> None:
    speaker = Speaker()
    assert speaker.playout.position(0) is None
    speaker.play("a", bytes(480))
    speaker.play("b", bytes(800))
    assert speaker.playout.position(0) == Played("a", 0, 60)
    speaker.slot(2)
    assert speaker.playout.position(0) == Played("a", 40, 60)
    speaker.slot(2)
    assert speaker.playout.position(0) == Played("b", 20, 100)
    assert speaker.playout.queued_ms(0) == 80


def test_an_item_that_ends_inside_a_sample_does_not_shift_the_next() -> None:
    speaker = Speaker(960, 2)
    speaker.play("a", b"\x01" * 961)
    speaker.play("b", b"\x02\x03" * 480)
    speaker.playout.finish(0, "b")
    speaker.slot(4)
    at = speaker.heard.index(b"\x02\x03")
    assert at % 2 == 0


def test_overflow_drops_the_newest_audio_and_bounds_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playout_module, "MAX_QUEUE_SECONDS", 2)
    speaker = Speaker()
    for _ in range(30):
        speaker.play("a", b"\x01" * 800)
    speaker.playout.report_overflow(0.0, speaker.events)
    assert speaker.playout.queued_ms(0) == 2_000
    assert speaker.events == [PlayoutOverflow(0, 1_000)]
    assert speaker.counters.table[0, Cause.OVERFLOW_BYTES] == 8_000
    speaker.playout.finish(0, "a")
    speaker.slot(101)
    assert speaker.playout.idle(0)


@given(st.lists(st.tuples(st.integers(1, 4_000), st.integers(0, 2)), min_size=20, max_size=60))
@settings(max_examples=50, deadline=None)
def test_what_is_dropped_are_whole_samples_whatever_room_there_is(steps: list[tuple[int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room_module, "SHARED_BYTES", 2 * 70_001)
        speaker = Speaker(frame_bytes=960, sample_bytes=2)
        said = np.tile(np.arange(256, dtype="<i2"), 1_000).tobytes()  # a high byte is always 0
        patch.setattr(playout_module, "MAX_QUEUE_SECONDS", 1)
        place = 0
        for size, slots in steps:
            speaker.play("a", said[place : place + 5 * size])
            place += 5 * size
            speaker.slot(slots)
    speaker.playout.finish(0, "a")
    speaker.slot(400)
    heard = np.frombuffer(speaker.heard[: -speaker.size], "<i2")
    assert heard.max(initial=0) < 256


def test_a_queue_that_stays_full_is_reported_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playout_module, "MAX_QUEUE_SECONDS", 2)
    speaker = Speaker()
    speaker.play("a", bytes(16_000))
    for beat in range(round(OVERFLOW_EVERY / 0.005)):
        speaker.play("a", bytes(8))
        speaker.playout.report_overflow(beat * 0.005, speaker.events)
    assert speaker.events == [PlayoutOverflow(0, 1)]
    speaker.playout.report_overflow(OVERFLOW_EVERY, speaker.events)
    assert speaker.events[1:] == [PlayoutOverflow(0, 1_999)]


def test_all_lanes_together_are_bounded_and_each_keeps_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    lanes, shared = 4, 400_000
    monkeypatch.setattr(room_module, "SHARED_BYTES", shared)
    counters, room = Counters(lanes), PlayoutRoom(lanes)
    playout = Playout(lanes, counters, frame_bytes=160, sample_bytes=1, room=room)
    second = bytes(8_000)
    for _ in range(100):
        playout.play(0, "an answer that never ends", second, 0.0)
    assert room.waiting == shared
    for _ in range(100):
        playout.play(1, "another one", second, 0.0)
    ring = 64 * 160
    assert playout.queued_ms(1) == (shared / (2 * lanes) + ring) / 8
    dropped = counters.table[:, Cause.OVERFLOW_BYTES]
    assert dropped.sum() == 2 * 800_000 - room.waiting - 2 * ring
    playout.flush(0, None)
    playout.play(2, "and now there is room", second * 20, 0.0)
    assert playout.queued_ms(2) == 20_000
    for lane in range(lanes):
        playout.reset(lane)
    assert room.waiting == 0


def test_a_model_that_opens_items_without_end_is_bounded() -> None:
    speaker = Speaker()
    for number in range(3_000):
        speaker.play(f"item {number}", b"\x01")
    speaker.playout.report_overflow(0.0, speaker.events)
    assert len(speaker.playout.flush(0, None)) == 1_024
    assert isinstance(speaker.events[0], PlayoutOverflow)


def test_an_item_without_audio_drains_when_it_is_its_turn() -> None:
    speaker = Speaker()
    speaker.play("a", b"")
    speaker.playout.finish(0, "a")
    speaker.slot()
    assert speaker.events == [PlayoutDrained(0, "a")]
    assert not speaker.heard
