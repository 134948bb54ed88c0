"""Two lanes joined: order, laws, clocks that differ."""

from __future__ import annotations

import numpy as np
import pytest

from talkpath.bridge.media.counters import Cause, Counters
from talkpath.bridge.media.g711_law import ULAW
from talkpath.bridge.media.join import CUSHION, MOST, WINDOW, Joins
from talkpath.bridge.media.wideband import WidebandEncoder
from tests.bridge.media.phone import Line, frame, packet

ONE, OTHER = 0, 4
ROWS = np.array([ONE, OTHER], np.intp)


class Pair:
    """Lanes 0 and 4, joined."""

    def __init__(self, codec: str = "PCMU") -> None:
        self.counters = Counters(8)
        self.joins = Joins(self.counters, WidebandEncoder(8))
        self.joins.join((ONE, "PCMU"), (OTHER, codec))  # type: ignore[arg-type]  # one of the two laws

    def say(self, value: int, lane: int = ONE) -> None:
        """One frame of a lane's far end."""
        self.joins.put(np.array([lane], np.intp), np.full((1, 160), value, np.uint8))

    def hear(self, lane: int = OTHER) -> int | None:
        """The code that a lane sends next; None: nothing of its partner's."""
        out = np.zeros((2, 160), np.uint8)
        carries = self.joins.take(ROWS, np.zeros(2, np.bool_), out)
        index = int(np.flatnonzero(lane == ROWS)[0])
        assert len(set(out[index].tolist())) == 1
        return int(out[index, 0]) if carries[index] else None

    def count(self, cause: Cause) -> int:
        """Of the lane that hears."""
        return self.counters.of(OTHER).get(cause.name.lower(), 0)


def test_frames_come_out_in_order_behind_a_cushion() -> None:
    pair = Pair()
    assert pair.hear() is None
    pair.say(1)
    assert pair.hear() is None
    heard = []
    for value in range(2, 8):
        pair.say(value)
        heard.append(pair.hear())
    assert heard == [1, 2, 3, 4, 5, 6]
    assert pair.count(Cause.FRAMES_JOINED) == 6
    assert pair.hear(ONE) is None


def test_another_law_is_translated() -> None:
    pair = Pair("PCMA")
    for _ in range(CUSHION):
        pair.say(0x23)
    assert pair.hear() == ULAW.to_other[0x23]


def test_a_change_of_law_holds_from_the_next_frame() -> None:
    pair = Pair()
    for _ in range(CUSHION):
        pair.say(0x23)
    pair.joins.change_codec(OTHER, "PCMA")
    assert pair.hear() == ULAW.to_other[0x23]


def test_a_source_that_is_slower_leaves_silence_once_and_begins_anew() -> None:
    pair = Pair()
    for value in (1, 2):
        pair.say(value)
    assert [pair.hear() for _ in range(4)] == [1, 2, None, None]
    assert pair.count(Cause.JOIN_STARVED) == 1
    pair.say(3)
    assert pair.hear() is None
    pair.say(4)
    assert pair.hear() == 3


def test_a_burst_is_bounded_and_the_oldest_goes() -> None:
    pair = Pair()
    for value in range(MOST + 5):
        pair.say(value)
    assert pair.hear() == 5
    assert pair.count(Cause.JOIN_DROPPED) == 5


def test_a_source_that_is_faster_loses_one_frame_now_and_then() -> None:
    pair = Pair()
    held = []
    for beat in range(60 * 50):
        pair.say(beat % 100)
        if beat % 500 == 499:  # 2000 ppm: far more than any telephone
            pair.say(beat % 100)
        pair.hear()
        held.append(len(pair.joins._towards[OTHER]._frames))
    assert 1 <= pair.count(Cause.JOIN_DROPPED) <= 6
    assert max(held) <= 4
    assert pair.count(Cause.JOIN_STARVED) == 0
    assert len(held) > WINDOW


def test_model_audio_comes_first() -> None:
    pair = Pair()
    for value in (1, 2, 3):
        pair.say(value)
    out = np.zeros((2, 160), np.uint8)
    talking = np.array([False, True])
    assert pair.joins.take(ROWS, talking, out).tolist() == [False, True]
    assert not out.any()


def test_parting_ends_both_directions_and_is_harmless_again() -> None:
    pair = Pair()
    for _ in range(3):
        pair.say(1)
    assert pair.joins.part(OTHER) == ONE
    assert pair.joins.part(ONE) is None
    assert pair.hear() is None
    pair.say(1)
    pair.joins.join((ONE, "PCMU"), (OTHER, "PCMU"))
    assert pair.hear() is None


def test_a_lane_has_one_partner() -> None:
    pair = Pair()
    with pytest.raises(ValueError, match="part what is joined"):
        pair.joins.join((ONE, "PCMU"), (2, "PCMU"))
    with pytest.raises(ValueError, match="cannot be joined"):
        pair.joins.join((3, "PCMU"), (3, "PCMU"))


def test_a_pause_of_a_joined_caller_does_not_delay_what_follows(line: Line) -> None:
    one, other = line.open(), line.open()
    line.plane.join(one, other)

    def each(slot: int) -> None:
        if not 50 <= slot < 100:  # a telephone that suppresses silence, and does not say so
            line.say(one, packet(frame(slot), slot if slot < 50 else slot - 50, 160 * slot))

    line.run(2.2, each)
    heard = line.hear(other)
    first = heard.audio.index(frame(100))
    assert first // 160 <= 100 + 6
