from __future__ import annotations

import numpy as np
import pytest

from talkpath.bridge.call.screening.sound import Ear, Kind, is_tone
from talkpath.bridge.media.g711_law import LAWS
from talkpath.codecs.tones import ringback, sine

RNG = np.random.default_rng(7)


def kinds(samples: np.ndarray, rate: int = 24_000) -> list[Kind]:
    """What the ear says of each 20 ms of 24 kHz samples, or of 8 kHz samples in mu-law."""
    size = rate // 50
    ear = Ear("pcm" if rate == 24_000 else "pcmu")
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    return [ear.kind((frame if rate == 24_000 else LAWS["PCMU"].encode(frame)).tobytes()) for frame in frames]


@pytest.mark.parametrize("hertz", [355.0, 440.0, 703.0, 1000.0, 1404.0, 2095.0])
@pytest.mark.parametrize("rate", [8_000, 24_000])
def test_a_pure_tone_of_a_beep_is_known_when_100_ms_of_it_are_heard(hertz: float, rate: int) -> None:
    heard = kinds(sine(hertz, 0.3, rate, -25.0), rate)
    assert [kind is Kind.TONE for kind in heard] == [False] * 4 + [True] * 11


@pytest.mark.parametrize("hertz", [200.0, 300.0, 2300.0, 3000.0])
def test_tones_where_no_machine_beeps_are_none(hertz: float) -> None:
    assert not is_tone(sine(hertz, 0.1, 8_000))


def test_two_tones_at_once_are_no_beep() -> None:
    assert not is_tone(ringback("us", 8_000)[4_000:4_800])
    assert not is_tone(ringback("uk", 8_000)[800:1_600])


def test_a_tone_under_a_little_noise_is_still_one() -> None:
    noisy = sine(1000.0, 0.1, 8_000, -20.0) + RNG.normal(0, 300, 800)
    assert is_tone(noisy.astype(np.int16))


def test_noise_is_no_tone() -> None:
    assert not is_tone(RNG.normal(0, 3000, 800).astype(np.int16))


def test_what_is_below_the_level_of_speech_is_quiet() -> None:
    assert set(kinds(sine(1000.0, 0.5, 24_000, -50.0))) == {Kind.QUIET}
    assert set(kinds(np.zeros(24_000, np.int16))) == {Kind.QUIET}


def test_the_noise_of_a_street_is_no_voice() -> None:
    assert kinds(RNG.normal(0, 1500, 72_000).astype(np.int16)).count(Kind.VOICE) == 0


def test_a_voice_over_the_noise_of_a_street_is_one() -> None:
    noise = RNG.normal(0, 400, 48_000)
    noise[24_000:] *= 8
    heard = kinds(noise.astype(np.int16))
    assert heard[:50].count(Kind.VOICE) == 0
    assert heard[50:90].count(Kind.VOICE) == 40
