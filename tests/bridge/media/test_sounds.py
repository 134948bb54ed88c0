"""Sounds between what the model says."""

from __future__ import annotations

import numpy as np
import pytest

from talkpath.bridge.media.counters import Counters
from talkpath.bridge.media.g711_law import ALAW, ULAW
from talkpath.bridge.media.lane import MediaEvent, SoundFinished
from talkpath.bridge.media.sounds import LINGER_FRAMES, SoundPlayer
from talkpath.bridge.media.wideband import WidebandEncoder

RAMP = (np.arange(400) * 50).astype(np.int16)
ROWS = np.array([2, 6])


class Phase:
    """Two lanes of one phase; lane 6 has a sound."""

    def __init__(self, *, loop: bool) -> None:
        self.counters = Counters(8)
        self.wideband = WidebandEncoder(8)
        self.player = SoundPlayer(self.counters, self.wideband)
        self.player.start(6, RAMP, "PCMU", loop=loop)
        self.events: list[MediaEvent] = []
        self.speech: int | None = None

    def take(self, *, talking: bool = False) -> np.ndarray:
        out = np.zeros((2, 160), np.uint8)
        if self.speech is not None:
            out[1] = ULAW.encode(np.full(160, self.speech, np.int16))
        carries = self.player.take(ROWS, np.array([False, talking]), out, self.events)
        assert not out[0].any()
        assert not carries[0]
        assert carries[1] or not talking
        heard: np.ndarray = out[1]
        return heard


def test_a_sound_is_completed_with_silence_and_its_end_is_said_once() -> None:
    phase = Phase(loop=False)
    heard = np.concatenate([phase.take() for _ in range(3)])
    assert np.array_equal(heard[:400], ULAW.encode(RAMP))
    assert set(heard[400:].tolist()) == {ULAW.silence}
    assert phase.events == [SoundFinished(6)]
    assert not phase.take().any()
    assert phase.counters.of(6) == {"frames_sound": 3}


def test_a_loop_has_no_seam_and_no_end() -> None:
    phase = Phase(loop=True)
    heard = np.concatenate([phase.take() for _ in range(20)])
    assert np.array_equal(heard, np.tile(ULAW.encode(RAMP), 8))
    assert phase.events == []


def test_while_the_model_talks_the_sound_waits_and_goes_on_where_it_was() -> None:
    phase = Phase(loop=False)
    first = phase.take().copy()
    phase.take(talking=True)
    assert not phase.take(talking=True).any()
    assert np.array_equal(first, ULAW.encode(RAMP[:160]))
    rising = ULAW.decode(phase.take()).astype(int)
    assert np.all(np.diff(rising) >= 0)
    assert rising[-1] == pytest.approx(RAMP[319], rel=0.05)
    assert np.array_equal(phase.take()[:80], ULAW.encode(RAMP[320:]))


def test_a_sound_ends_under_the_first_words_by_a_fade() -> None:
    phase = Phase(loop=False)
    phase.take()
    phase.speech = 1_000
    mixed = ULAW.decode(phase.take(talking=True)).astype(int)
    assert mixed[0] == pytest.approx(1_000 + RAMP[160], rel=0.05)
    assert mixed[-1] == pytest.approx(1_000, rel=0.05)
    assert np.abs(np.diff(mixed)).max() < 1_000
    assert len(set(phase.take(talking=True).tolist())) == 1


def test_a_sound_that_is_stopped_fades_and_is_gone_without_an_event() -> None:
    phase = Phase(loop=True)
    phase.take()
    phase.player.stop(6)
    phase.player.stop(6)
    fading = ULAW.decode(phase.take()).astype(int)
    assert fading[0] == pytest.approx(RAMP[160], rel=0.05)
    assert fading[-1] < 20
    assert not phase.take().any()
    assert phase.events == []


def test_a_lane_that_is_closed_plays_nothing_more() -> None:
    phase = Phase(loop=True)
    phase.take()
    phase.player.forget(6)
    assert not phase.take().any()


def test_a_change_of_law_goes_on_where_it_was() -> None:
    phase = Phase(loop=False)
    phase.take()
    phase.player.change_codec(6, "PCMA")
    assert np.array_equal(phase.take(), ALAW.encode(RAMP[160:320]))


class AtWork(Phase):
    """A tool is at work on lane 6, whose sound comes after three frames of dead air."""

    def __init__(self) -> None:
        super().__init__(loop=True)
        self.player.forget(6)
        self.begin()

    def begin(self) -> None:
        self.player.wait_with(6, RAMP + 1_000, "PCMU", after=3)

    def heard(self, frames: int, *, talking: bool = False) -> list[bool]:
        """Which of so many frames carry something besides the model's silence."""
        return [bool(self.take(talking=talking).any()) for _ in range(frames)]


def test_a_tool_that_is_quick_makes_no_sound() -> None:
    phase = AtWork()
    assert phase.heard(3) == [False] * 3
    phase.player.wait_over(6)
    assert phase.heard(300) == [False] * 300
    assert phase.counters.of(6) == {}


def test_a_slow_tool_has_a_sound_until_the_model_speaks_of_its_result() -> None:
    phase = AtWork()
    assert phase.heard(10) == [False] * 3 + [True] * 7
    phase.player.wait_over(6)
    assert phase.heard(20) == [True] * 20  # the model thinks
    assert phase.heard(3, talking=True) == [True, False, False]  # the fade
    assert phase.heard(50) == [False] * 50


def test_words_in_between_begin_the_dead_air_anew() -> None:
    phase = AtWork()
    phase.heard(5)
    assert phase.heard(2, talking=True) == [True, False]
    assert phase.heard(5) == [False] * 3 + [True] * 2


def test_a_model_that_says_nothing_about_the_result_does_not_leave_the_sound_on() -> None:
    phase = AtWork()
    phase.heard(5)
    phase.player.wait_over(6)
    heard = phase.heard(LINGER_FRAMES + 10)
    assert heard == [True] * (LINGER_FRAMES + 1) + [False] * 9


def test_another_tool_before_the_model_speaks_keeps_the_sound() -> None:
    phase = AtWork()
    phase.heard(5)
    phase.player.wait_over(6)
    phase.heard(5)
    phase.begin()
    assert all(phase.heard(LINGER_FRAMES + 10))


def test_what_the_call_plays_itself_goes_before_the_sound_of_a_tool() -> None:
    phase = AtWork()
    phase.heard(5)
    phase.player.start(6, np.full(320, 9_000, np.int16), "PCMU", loop=False)
    assert ULAW.decode(phase.take()).max() > 8_000
    phase.take()
    assert phase.events == [SoundFinished(6)]
    assert phase.heard(5) == [False] * 3 + [True] * 2


def test_without_any_sound_nothing_is_copied() -> None:
    player = SoundPlayer(Counters(8), WidebandEncoder(8))
    talking = np.array([True, False])
    assert player.take(ROWS, talking, np.zeros((2, 160), np.uint8), []) is talking


def test_a_sound_without_samples_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        Phase(loop=False).player.start(2, np.zeros(0, np.int16), "PCMU", loop=True)
