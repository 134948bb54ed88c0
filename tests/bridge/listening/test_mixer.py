from __future__ import annotations

import numpy as np
import pytest

from talkpath.bridge.listening.mixer import LiveMixer

PIECE = 480
CUSHION = 320


def tone(value: int, size: int = PIECE) -> np.ndarray:
    return np.full(size, value, np.int16)


def test_the_agent_is_heard_at_once_and_the_caller_after_a_cushion() -> None:
    mixer = LiveMixer()
    first = mixer.add(tone(5), tone(7))
    assert first[:, 1].tolist() == [7] * PIECE
    assert not first[:, 0].any()
    assert mixer.add(tone(6), tone(8))[:, 0].tolist() == [5] * PIECE
    assert mixer.add(tone(9), tone(8))[:, 0].tolist() == [6] * PIECE


def test_a_caller_of_whom_nothing_comes_is_silence_and_holds_nobody_up() -> None:
    mixer = LiveMixer()
    nothing = np.zeros(0, np.int16)
    for number in range(100):
        both = mixer.add(nothing, tone(number))
        assert both[:, 1].tolist() == [number] * PIECE
        assert not both[:, 0].any()


def test_a_caller_that_comes_back_has_a_cushion_again() -> None:
    mixer = LiveMixer()
    for caller in (tone(1), tone(1), np.zeros(0, np.int16), np.zeros(0, np.int16)):
        mixer.add(caller, tone(0))
    assert not mixer.add(tone(2), tone(0))[:, 0].any()
    assert mixer.add(tone(2), tone(0))[:, 0].all()


@pytest.mark.parametrize("unsteady", [1, 2])
def test_frames_that_come_unsteadily_leave_no_hole(unsteady: int) -> None:
    mixer = LiveMixer()
    sizes = [PIECE, PIECE, *[PIECE - 160 * unsteady, PIECE + 160 * unsteady] * 50]
    heard = [mixer.add(tone(3, size), tone(0))[:, 0] for size in sizes]
    assert np.concatenate(heard[1:]).all()


def test_a_burst_is_cut_so_that_the_voice_stays_live() -> None:
    mixer = LiveMixer()
    mixer.add(tone(1), tone(0))
    mixer.add(np.arange(8_000, dtype=np.int16), tone(0))
    heard = mixer.add(tone(1), tone(0))[:, 0]
    assert heard[0] == 8_000 - CUSHION, "the newest is kept"
