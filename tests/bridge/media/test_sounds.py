"""Sounds between what the model says."""

from __future__ import annotations

import numpy as np
import pytest

from talkpath.bridge.media.counters import Counters
from talkpath.bridge.media.g711_law import ALAW, ULAW
from talkpath.bridge.media.lane import MediaEvent, SoundFinished
from talkpath.bridge.media.sounds import SoundPlayer
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

    def take(self, *, talking: bool = False) -> np.ndarray:
        out = np.zeros((2, 160), np.uint8)
        self.player.take(ROWS, np.array([False, talking]), out, self.events)
        assert not out[0].any()
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


def test_while_the_model_talks_the_sound_waits() -> None:
    phase = Phase(loop=False)
    first = phase.take().copy()
    assert not phase.take(talking=True).any()
    assert np.array_equal(first, ULAW.encode(RAMP[:160]))
    assert np.array_equal(phase.take(), ULAW.encode(RAMP[160:320]))


def test_a_sound_that_is_stopped_is_gone_without_an_event() -> None:
    phase = Phase(loop=True)
    phase.player.stop(6)
    phase.player.stop(6)
    assert not phase.take().any()
    assert phase.events == []


def test_a_change_of_law_goes_on_where_it_was() -> None:
    phase = Phase(loop=False)
    phase.take()
    phase.player.change_codec(6, "PCMA")
    assert np.array_equal(phase.take(), ALAW.encode(RAMP[160:320]))


def test_a_sound_without_samples_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        Phase(loop=False).player.start(2, np.zeros(0, np.int16), "PCMU", loop=True)
