import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from talkpath.codecs import limiter, tones
from talkpath.codecs.limiter import CEILING, SoftLimiter

ROWS = np.arange(2)
LOUD = np.full((2, 160), 20000, np.int16)
KNEE = 23197


def tone(peak: float, frames: int = 1) -> NDArray[np.int16]:
    wave = np.sin(2 * np.pi * 400 * np.arange(160 * frames) / 8000) * peak
    return np.tile(np.rint(wave).clip(-32768, 32767).astype(np.int16), (2, 1))


def test_a_fade_in_rises_from_near_silence_to_what_follows() -> None:
    faded = limiter.fade_in(LOUD, 40)
    assert 0 <= faded[0, 0] < 100
    assert (np.diff(faded[:, :41].astype(int)) > 0).all()
    assert np.array_equal(faded[:, 40:], LOUD[:, 40:])
    assert (LOUD == 20000).all()


def test_a_fade_out_is_the_mirror_of_it_and_ends_in_silence() -> None:
    faded = limiter.fade_out(LOUD, 40)
    assert np.array_equal(faded[:, :40], limiter.fade_in(LOUD, 40)[:, 39::-1])
    assert not faded[:, 40:].any()


def test_a_crossfade_of_two_parts_of_a_tone_keeps_its_level() -> None:
    assert np.array_equal(limiter.crossfade(LOUD, LOUD, 80), LOUD)
    mixed = limiter.crossfade(LOUD, -LOUD, 80)
    assert np.array_equal(mixed[:, 80:], -LOUD[:, 80:])
    assert (np.diff(mixed[:, :81].astype(int)) < 0).all()


@pytest.mark.parametrize("samples", [-1, 0])
def test_a_fade_of_no_length_switches(samples: int) -> None:
    assert np.array_equal(limiter.fade_in(LOUD, samples), LOUD)
    assert not limiter.fade_out(LOUD, samples).any()
    assert np.array_equal(limiter.crossfade(LOUD, -LOUD, samples), -LOUD)


def test_a_fade_may_be_longer_than_what_there_is() -> None:
    assert limiter.fade_in(LOUD, 320)[0, -1] == pytest.approx(10000, abs=150)
    assert limiter.fade_out(LOUD, 320)[0, -1] < 100
    assert limiter.crossfade(LOUD, -LOUD, 319)[0, -1] == pytest.approx(0, abs=150)
    assert limiter.fade_in(LOUD[0], 320).shape == (160,)


def test_what_is_not_loud_passes_as_it_is() -> None:
    bank = SoftLimiter(2)
    frames = tone(KNEE)
    assert bank.process(ROWS, frames) is frames
    empty = np.zeros((2, 0), np.int16)
    assert bank.process(ROWS, empty) is empty


def test_what_stays_loud_is_turned_down_and_keeps_its_shape() -> None:
    bank = SoftLimiter(2)
    frames = tone(KNEE * 1.3)
    bank.process(ROWS, frames)
    heard = bank.process(ROWS, frames).astype(float)
    assert np.abs(heard).max() == pytest.approx(KNEE, rel=0.01)
    share = np.abs(np.fft.rfft(heard[0]))
    assert 20 * np.log10(np.delete(share, 8).max() / share[8]) < -60.0  # 400 Hz is the eighth line


def test_a_sudden_peak_is_bent_and_the_next_turned_down_from_the_start() -> None:
    bank = SoftLimiter(1)
    frame = np.full((1, 160), 32767, np.int16)
    first, second = (bank.process(np.zeros(1, np.intp), frame) for _ in range(2))
    assert int(first[0, 0]) <= CEILING
    assert int(second.max()) == pytest.approx(KNEE, rel=0.01)


def test_the_gain_comes_back_within_half_a_second() -> None:
    bank = SoftLimiter(2)
    bank.process(ROWS, tone(32767))
    quiet = tone(3000)
    levels = [int(bank.process(ROWS, quiet).max()) for _ in range(60)]
    assert levels[0] < 2300
    assert levels == sorted(levels)
    assert levels[24] > 2900
    assert bank.process(ROWS, quiet) is quiet


def test_lanes_are_limited_each_by_itself_and_reset() -> None:
    bank = SoftLimiter(2)
    frames = np.stack((tone(32767)[0], tone(3000)[0]))
    heard = bank.process(ROWS, frames)
    assert np.abs(heard[1].astype(int) - frames[1]).max() == 0
    bank.reset(ROWS)
    quiet = tone(3000)
    assert bank.process(ROWS, quiet) is quiet


def test_a_gain_makes_what_is_soft_louder_and_keeps_the_ceiling() -> None:
    bank = SoftLimiter(2)
    assert np.abs(bank.process(ROWS, tone(3000), 2.0).astype(int) - tone(6000)).max() <= 1
    assert np.abs(bank.process(ROWS, tone(30000), 8.0).astype(int)).max() <= CEILING


def test_soft_clipping_bends_only_the_top() -> None:
    steps = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
    bent = limiter.soft_clip(steps).astype(int)
    small = np.abs(steps.astype(int)) <= KNEE
    assert np.array_equal(bent[small], steps[small])
    assert (np.diff(bent) >= 0).all()
    assert np.abs(bent).max() <= CEILING
    assert 20 * np.log10(CEILING / 32768) == pytest.approx(-1.0, abs=0.001)
    assert np.abs(limiter.soft_clip(steps, 10.0).astype(int)).max() <= CEILING


@given(st.lists(st.integers(0, 40000), max_size=12), st.floats(0.0, 20.0))
def test_nothing_gets_above_the_ceiling(peaks: list[int], gain: float) -> None:
    bank = SoftLimiter(2)
    noise = np.random.default_rng(3).uniform(-1, 1, (2, 160))
    for peak in peaks:
        frames = (noise * peak).clip(-32768, 32767).astype(np.int16)
        heard = bank.process(ROWS, frames, gain)
        changed = heard is not frames
        assert np.abs(heard.astype(int)).max() <= (CEILING if changed else KNEE)


def test_a_limited_voice_has_no_clicks() -> None:
    bank = SoftLimiter(1)
    time = np.arange(16000) / 8000
    wave = tones.sine(300, 2.0, 8000, -3.1) * (0.2 + 0.8 * np.abs(np.sin(2 * np.pi * 1.5 * time)))
    frames = wave.astype(np.int16).reshape(-1, 1, 160)
    heard = np.concatenate([bank.process(np.zeros(1, np.intp), frame, 1.5)[0] for frame in frames])
    steps = np.abs(np.diff(heard.astype(int)))
    assert steps.max() < 2 * np.pi * 300 / 8000 * CEILING * 1.2
