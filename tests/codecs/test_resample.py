from math import gcd

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import upfirdn

from talkpath.codecs.resample import Resampler, ResamplerBank, design

RATIOS = [(3, 1), (1, 3), (3, 2), (2, 3), (2, 1), (1, 2)]
RNG = np.random.default_rng(20)


def noise(*shape: int, peak: int = 20000) -> NDArray[np.int16]:
    return RNG.integers(-peak, peak, shape).astype(np.int16)


def reference(samples: NDArray[np.int16], up: int, down: int) -> NDArray[np.float64]:
    """The same filter applied by scipy in double precision."""
    wide = upfirdn(design(up, down), samples.astype(np.float64), up, down)
    return np.rint(np.clip(wide, -32768, 32767))


def response(up: int, down: int, frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gain in dB of the prototype at frequencies in Nyquist frequencies of the lower rate."""
    taps = design(up, down)
    time = np.arange(len(taps)) / max(up, down)
    gain = np.abs(np.exp(-1j * np.pi * np.outer(frequencies, time)) @ taps) / up
    return np.asarray(20 * np.log10(gain + 1e-12))


def converted_sine(frequency: float, up: int, down: int, amplitude: float = 10000.0) -> NDArray[np.float64]:
    """One second of a sine, at Hz with rates in units of 8 kHz, through the resampler; its settled part."""
    time = np.arange(8000 * down) / (8000 * down)
    sine = np.rint(amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.int16)
    return Resampler(up, down).process(sine)[-4000 * up :].astype(np.float64)


def spectrum(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Amplitudes; every line is 2 Hz in half a second."""
    return np.asarray(np.abs(np.fft.rfft(samples)) * 2 / len(samples))


# The filter


@pytest.mark.parametrize(("up", "down"), RATIOS)
def test_the_pass_band_is_flat_to_3400_of_4000_hz(up: int, down: int) -> None:
    gains = response(up, down, np.linspace(0.0, 0.85, 500))
    assert np.abs(gains).max() < 0.02


@pytest.mark.parametrize(("up", "down"), RATIOS)
def test_the_stop_band_is_closed(up: int, down: int) -> None:
    assert response(up, down, np.linspace(1.075, max(up, down), 5000)).max() < -57
    assert response(up, down, np.linspace(1.1, max(up, down), 5000)).max() < -60


@pytest.mark.parametrize(("up", "down"), RATIOS)
def test_an_impulse_comes_after_the_delay(up: int, down: int) -> None:
    resampler = Resampler(up, down)
    impulse = np.zeros(480, np.int16)
    impulse[0] = 20000
    peak = int(np.argmax(resampler.process(impulse)))
    assert peak == round(resampler.delay * 8000 * up)
    assert 0 < resampler.delay <= 0.003


@pytest.mark.parametrize("frequency", [300, 1000, 2002, 3000, 3400, 3600])
def test_images_of_a_telephone_tone_are_below_minus_57_db(frequency: int) -> None:
    amplitudes = spectrum(converted_sine(frequency, 3, 1))
    images = amplitudes[round(4300 / 2) :]
    assert 20 * np.log10(images.max() / amplitudes[frequency // 2]) < -57


@pytest.mark.parametrize("frequency", [4300, 4600, 5000, 6600, 7000, 9000, 11000, 11900])
def test_aliases_of_a_model_tone_are_below_minus_57_db(frequency: int) -> None:
    amplitudes = spectrum(converted_sine(frequency, 1, 3))
    assert 20 * np.log10(amplitudes.max() / 10000) < -57


@pytest.mark.parametrize(("up", "down"), RATIOS)
def test_a_tone_keeps_its_level_and_is_clean(up: int, down: int) -> None:
    output = converted_sine(1000, up, down)
    amplitudes = spectrum(output)
    signal = amplitudes[500]
    assert abs(20 * np.log10(signal / 10000)) < 0.02
    distortion = np.sqrt((amplitudes**2).sum() - signal**2)
    assert 20 * np.log10(signal / distortion) > 55


# The arithmetic


@pytest.mark.parametrize(("up", "down"), RATIOS)
def test_the_bank_computes_what_scipy_computes(up: int, down: int) -> None:
    samples = noise(5, 480)
    bank = ResamplerBank(5, up, down)
    output = bank.process(np.arange(5), samples)
    assert output.shape == (5, 480 * up // down)
    assert output.dtype == np.int16
    for row, expected in zip(output, samples, strict=True):
        wanted = reference(expected, up, down)[: len(row)]
        assert np.abs(row - wanted).max() <= 1
        assert np.mean(row != wanted) < 0.02  # float32 turns a rounding now and then


@given(st.sampled_from(RATIOS), st.lists(st.integers(0, 400), max_size=12))
def test_any_cutting_of_a_stream_gives_the_same_samples(ratio: tuple[int, int], lengths: list[int]) -> None:
    up, down = ratio
    samples = noise(sum(lengths))
    resampler = Resampler(up, down)
    chunks = np.split(samples, np.cumsum(lengths))
    pieces = [resampler.process(chunk) for chunk in chunks]
    output = np.concatenate([*pieces, resampler.flush()]).astype(np.int32)
    assert sum(map(len, pieces)) == len(samples) // down * up
    wanted = np.zeros(len(output))
    if len(samples):
        whole = reference(samples, up, down)[: len(output)]
        wanted[: len(whole)] = whole
    assert np.abs(output - wanted).max(initial=0) <= 1
    assert len(output) >= len(samples) * up / down + resampler.delay * 8000 * up - up


@given(
    st.sampled_from(RATIOS),
    st.lists(st.tuples(st.sets(st.integers(0, 5), min_size=1), st.integers(1, 90)), max_size=8),
)
def test_lanes_are_independent_streams(ratio: tuple[int, int], frames: list[tuple[set[int], int]]) -> None:
    up, down = ratio
    bank, singles = ResamplerBank(6, up, down), [Resampler(up, down) for _ in range(6)]
    for lanes, steps in frames:
        rows = np.array(sorted(lanes, reverse=True), np.intp)
        samples = noise(len(rows), steps * down)
        output = bank.process(rows, samples)
        for row, given_samples, got in zip(rows, samples, output, strict=True):
            alone = singles[row].process(given_samples)
            assert np.abs(got.astype(np.int32) - alone).max() <= 1


def test_one_large_call_is_many_small_ones() -> None:
    """500 lanes are more than one pass holds."""
    samples = noise(500, 160)
    together = ResamplerBank(500, 3, 1).process(np.arange(500), samples).astype(np.int32)
    apart = ResamplerBank(500, 3, 1)
    rows = [apart.process(np.array([lane]), samples[lane : lane + 1])[0] for lane in range(500)]
    assert np.abs(together - np.array(rows)).max() <= 1


def test_a_long_chunk_needs_little_work_memory() -> None:
    resampler = Resampler(1, 3)
    samples = noise(240000)
    output = resampler.process(samples)
    assert np.abs(output - reference(samples, 1, 3)[: len(output)]).max() <= 1
    scratch = resampler._bank._scratch
    held = scratch._stream.nbytes + scratch._windows.nbytes + scratch._product.nbytes
    assert held < 100_000


def test_out_is_filled_and_returned() -> None:
    out = np.empty((2, 480), np.int16)
    samples = noise(2, 160)
    assert ResamplerBank(2, 3, 1).process(np.arange(2), samples, out) is out
    assert np.array_equal(out, ResamplerBank(2, 3, 1).process(np.arange(2), samples))


@pytest.mark.parametrize(("up", "down"), RATIOS)
def test_overload_saturates_and_does_not_wrap(up: int, down: int) -> None:
    step = np.repeat(np.array([-32768, 32767], np.int16), 480)
    output = Resampler(up, down).process(step)
    settled = 480 * up // down
    assert output.max() == 32767
    assert output.min() == -32768
    assert (output[settled // 4 : settled] < -30000).all()
    assert (output[settled + settled // 4 :] > 30000).all()


def test_reset_forgets_the_lane_and_only_it() -> None:
    bank = ResamplerBank(2, 3, 1)
    rows = np.arange(2)
    bank.process(rows, np.full((2, 160), 12000, np.int16))
    bank.reset(rows[:1])
    after = bank.process(rows, np.zeros((2, 160), np.int16))
    assert not after[0].any()
    assert after[1].any()


def test_a_single_stream_forgets_its_rest_too() -> None:
    resampler = Resampler(2, 3)
    assert len(resampler.process(np.full(5, 9000, np.int16))) == 2
    resampler.reset()
    assert len(resampler.process(np.zeros(2, np.int16))) == 0
    assert not resampler.process(np.zeros(4, np.int16)).any()


def test_an_empty_chunk_gives_nothing() -> None:
    assert len(Resampler(3, 1).process(np.zeros(0, np.int16))) == 0
    assert ResamplerBank(3, 3, 1).process(np.arange(3), np.zeros((3, 0), np.int16)).shape == (3, 0)
    assert ResamplerBank(3, 3, 1).process(np.arange(0), np.zeros((0, 160), np.int16)).shape == (0, 480)


def test_the_rate_does_not_drift() -> None:
    resampler = Resampler(2, 3)
    produced = sum(len(resampler.process(noise(481))) for _ in range(500))
    assert produced == 500 * 481 // 3 * 2


def test_a_ratio_is_cancelled() -> None:
    samples = noise(1, 160)
    assert np.array_equal(
        ResamplerBank(1, 6, 2).process(np.arange(1), samples),
        ResamplerBank(1, 3, 1).process(np.arange(1), samples),
    )
    assert gcd(6, 2) == 2


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="multiple of 3"):
        ResamplerBank(1, 1, 3).process(np.arange(1), noise(1, 160))
    with pytest.raises(ValueError, match="at least 1"):
        ResamplerBank(0, 3, 1)
    with pytest.raises(ValueError, match="at least 1"):
        Resampler(0, 1)
