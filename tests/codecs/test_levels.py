import numpy as np
import pytest
from aiortc.rtp import compute_audio_level_dbov
from av import AudioFrame

from talkpath.codecs import levels

RNG = np.random.default_rng(6)


def test_the_loudest_square_wave_is_zero_dbov_and_silence_is_minus_127() -> None:
    rows = np.array([[-32768, -32768], [0, 0], [1, -1]], np.int16)
    assert levels.level(rows).tolist() == pytest.approx([0.0, -127.0, -90.31], abs=0.01)


def test_levels_are_those_of_the_peer() -> None:
    for peak in (0, 3, 200, 9000, 32767):
        row = RNG.integers(-peak, peak + 1, 160).astype(np.int16)
        frame = AudioFrame.from_ndarray(row[None, :], format="s16", layout="mono")
        assert round(float(levels.level(row))) == compute_audio_level_dbov(frame)


def test_each_row_has_its_level_and_no_samples_are_silence() -> None:
    assert levels.level(np.zeros((3, 2, 160), np.int16)).shape == (3, 2)
    assert levels.level(np.zeros((2, 0), np.int16)).tolist() == [-127.0, -127.0]


def test_frames_are_whole() -> None:
    samples = np.concatenate((np.full(160, 3277), np.zeros(200))).astype(np.int16)
    assert levels.frame_levels(samples, 160) == pytest.approx([-20.0, -127.0], abs=0.01)


def test_speech_is_where_the_energy_is_and_holds_over_short_gaps() -> None:
    heard = np.full(100, -70.0)
    heard[20:30] = heard[35:40] = -22.0
    active = levels.voice_activity(heard, hold=8)
    assert np.flatnonzero(active).tolist() == list(range(20, 48))


def test_a_noisy_floor_is_not_speech() -> None:
    heard = np.full(100, -45.0) + RNG.uniform(-2, 2, 100)
    assert not levels.voice_activity(heard).any()
    heard[50:60] = -25.0
    assert levels.voice_activity(heard, hold=0).sum() == 10


def test_speech_without_a_pause_is_still_speech_and_silence_never_is() -> None:
    assert levels.voice_activity(np.full(50, -15.0)).all()
    assert not levels.voice_activity(np.full(50, -127.0)).any()
    assert levels.voice_activity(np.zeros(0)).shape == (0,)
