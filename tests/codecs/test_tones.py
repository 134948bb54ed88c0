from itertools import pairwise

import numpy as np
import pytest

from talkpath.codecs import tones
from talkpath.codecs.levels import level
from talkpath.codecs.tones import Country


@pytest.mark.parametrize("rate", [8000, 16000, 24000])
@pytest.mark.parametrize("wanted", [-3.02, -20.0, -50.0])
def test_a_sine_has_its_level_and_frequency(rate: int, wanted: float) -> None:
    samples = tones.sine(1000.0, 1.0, rate, wanted)
    assert samples.shape == (rate,)
    assert samples.dtype == np.int16
    assert float(level(samples)) == pytest.approx(wanted, abs=0.05)
    assert int(np.argmax(np.abs(np.fft.rfft(samples)))) == 1000


def test_what_is_too_loud_is_clipped_not_wrapped() -> None:
    samples = tones.sine(1000.0, 0.1, 8000, 6.0).astype(np.int32)
    assert samples.max() == 32767
    assert samples.min() == -32768
    assert (samples[1:4] > 0).all()


def test_a_beep_fades_in_and_out() -> None:
    samples = np.abs(tones.beep(8000).astype(np.int32))
    assert samples[0] == samples[-1] == 0
    assert samples[:8].max() < samples.max() / 4
    assert float(level(tones.beep(8000))) == pytest.approx(-20.0, abs=0.1)


@pytest.mark.parametrize(
    ("country", "cadence", "lines"),
    [
        ("eu", [1.0, 4.0], [425]),
        ("uk", [0.4, 0.2, 0.4, 2.0], [400, 450]),
        ("us", [2.0, 4.0], [440, 480]),
    ],
)
def test_ringback_has_the_cadence_and_tones_of_its_country(
    country: Country, cadence: list[float], lines: list[int]
) -> None:
    samples = tones.ringback(country, 8000)
    edges = np.cumsum([0.0, *cadence]) * 8000
    assert len(samples) == round(edges[-1])
    for number, (start, end) in enumerate(pairwise(edges)):
        part = samples[round(start) : round(end)]
        assert float(level(part)) == pytest.approx(-127.0 if number % 2 else -20.0, abs=0.1)
    first = samples[: round(edges[1])] * np.hanning(round(edges[1]))
    amplitudes = np.abs(np.fft.rfft(first, 8000))
    for line in lines:
        assert amplitudes[line - 3 : line + 4].max() > amplitudes.max() / 2


def test_the_comfort_sound_is_soft_and_loops_without_a_click() -> None:
    samples = tones.comfort_sound(6.0, 8000)
    assert len(samples) == 48000
    assert np.array_equal(samples[:24000], samples[24000:])
    assert float(level(samples[:8000])) == pytest.approx(-30.0, abs=0.1)
    assert float(level(samples)) == pytest.approx(-30.0 - 10 * np.log10(3), abs=0.1)
    assert not samples[8000:24000].any()
    steps = np.abs(np.diff(np.tile(samples, 2).astype(np.int32)))
    assert steps.max() < 2 * np.pi * 660 / 8000 * np.abs(samples.astype(np.int32)).max() * 1.5


@pytest.mark.parametrize("duration", [0.0, 0.02, 0.5, 3.2])
def test_a_comfort_sound_of_any_length_ends_in_silence(duration: float) -> None:
    samples = tones.comfort_sound(duration, 8000)
    assert len(samples) == round(duration * 8000)
    assert not samples[-1:].any()


def test_a_tone_of_no_length_or_no_strength_is_silent() -> None:
    assert len(tones.sine(1000.0, 0.0, 8000)) == 0
    assert not tones.sine(0.0, 0.1, 8000).any()


@pytest.mark.parametrize("rate", [8000, 16000])
def test_ticks_are_short_soft_and_loop_without_a_click(rate: int) -> None:
    samples = tones.ticks(rate, -36.0)
    frames = level(samples[: len(samples) // 160 * 160].reshape(-1, 160))
    assert samples[0] == samples[-1] == 0
    assert frames.max() < -30
    assert np.mean(frames > -60) < 0.25  # most of it is silence
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 100)
    assert np.count_nonzero(np.diff(loud) > rate // 20) == 15  # pauses between sixteen ticks
