import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import lfilter

from talkpath.codecs import comfort_noise
from talkpath.codecs.comfort_noise import ComfortNoise, ComfortNoiseBank, NoiseFloor, noise_loop
from talkpath.codecs.levels import level

ROW = np.zeros(1, np.intp)


def second(bank: ComfortNoiseBank, row: int = 0, frames: int = 50) -> NDArray[np.int16]:
    return np.concatenate([bank.next(np.array([row]))[0] for _ in range(frames)])


def coloured(count: int = 16000) -> NDArray[np.int16]:
    white = np.random.default_rng(5).normal(0, 120, count)
    return np.rint(np.asarray(lfilter([1.0], [1.0, -1.2, 0.6], white))).astype(np.int16)


def test_a_payload_of_one_octet_is_white_noise_of_a_level() -> None:
    assert comfort_noise.parse(b"\x3c") == ComfortNoise(-60.0)
    assert comfort_noise.parse(b"\xbc") == ComfortNoise(-60.0)  # the first bit is no part of the level
    assert comfort_noise.build(ComfortNoise(-60.0)) == b"\x3c"


def test_coefficients_are_quantised_as_section_3_2_says() -> None:
    noise = comfort_noise.parse(bytes([40, 0, 127, 254, 128]))
    assert noise is not None
    assert noise.reflection == pytest.approx((-258 * 127 / 32768, 0.0, 258 * 127 / 32768, 258 / 32768))


@pytest.mark.parametrize("payload", [b"", b"\x20\xff", bytes([32, 1, 2, 255])])
def test_what_says_nothing_is_refused(payload: bytes) -> None:
    assert comfort_noise.parse(payload) is None


def test_more_coefficients_than_are_used_are_left_out() -> None:
    noise = comfort_noise.parse(bytes([32] + [200] * comfort_noise.MOST_COEFFICIENTS + [255] * 500))
    assert noise is not None
    assert len(noise.reflection) == comfort_noise.MOST_COEFFICIENTS


def test_what_cannot_be_said_is_limited() -> None:
    assert comfort_noise.build(ComfortNoise(3.0, (-9.0, 9.0))) == bytes([0, 0, 254])
    assert comfort_noise.build(ComfortNoise(-200.0)) == b"\x7f"


@given(st.binary(max_size=20))
def test_any_payload_makes_noise_of_its_level_or_none(payload: bytes) -> None:
    noise = comfort_noise.parse(memoryview(payload))
    if noise is None:
        return
    assert all(abs(k) < 1 for k in noise.reflection)
    assert comfort_noise.build(noise) == bytes([payload[0] & 0x7F]) + payload[1:13]
    bank = ComfortNoiseBank(1)
    bank.set(0, noise)
    assert -127.0 <= float(level(second(bank))) <= -7.0


@pytest.mark.parametrize("frame", [160, 320])
@pytest.mark.parametrize("wanted", [-20.0, -45.0, -65.0])
def test_noise_has_its_level_and_is_white(wanted: float, frame: int) -> None:
    bank = ComfortNoiseBank(1, frame)
    bank.set(0, ComfortNoise(wanted))
    heard = second(bank, frames=400)
    assert heard.dtype == np.int16
    assert float(level(heard)) == pytest.approx(wanted, abs=0.3)
    power = (np.abs(np.fft.rfft(heard[frame:].reshape(-1, frame) * np.hanning(frame))) ** 2).mean(axis=0)
    bands = 10 * np.log10([part.mean() for part in np.array_split(power[2:-2], 8)])
    assert np.ptp(bands) < 1.5


def test_noise_neither_repeats_nor_beats_with_the_frames() -> None:
    bank = ComfortNoiseBank(2)
    for row in range(2):
        bank.set(row, ComfortNoise(-30.0))
    frames = np.concatenate([bank.next(np.arange(2))[:, None] for _ in range(1000)], axis=1).astype(float)
    one, other = frames[:, 1:].reshape(2, -1)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.02
    assert abs(np.corrcoef(one[:-160], one[160:])[0, 1]) < 0.02
    by_place = (frames[:, 1:] ** 2).mean(axis=(0, 1))
    assert np.ptp(10 * np.log10(by_place.reshape(8, 20).mean(axis=1))) < 1.0


def test_noise_sounds_like_the_background_that_was_analysed() -> None:
    background = coloured()
    noise = comfort_noise.parse(comfort_noise.build(comfort_noise.analyse(background, 6)))
    assert noise is not None
    assert noise.reflection[0] == pytest.approx(-0.75, abs=0.03)  # a2 = 0.6; k1 = a1 / (1 + a2)
    assert noise.reflection[1] == pytest.approx(0.6, abs=0.03)
    bank = ComfortNoiseBank(1)
    bank.set(0, noise)
    heard = second(bank, frames=100)
    assert float(level(heard)) == pytest.approx(float(level(background)), abs=1.0)
    spectra = [
        (np.abs(np.fft.rfft(wave.reshape(-1, 160) * np.hanning(160))) ** 2).mean(axis=0)[2:-2]
        for wave in (background, heard)
    ]
    bands = [10 * np.log10([part.mean() for part in np.array_split(power, 12)]) for power in spectra]
    assert np.abs(bands[0] - bands[1]).max() < 2.5


def test_the_shape_of_silence_is_flat_and_so_is_that_of_no_order() -> None:
    assert comfort_noise.analyse(np.zeros(160, np.int16), 3) == ComfortNoise(-127.0, (0.0, 0.0, 0.0))
    assert comfort_noise.analyse(coloured(160)).reflection == ()


def test_a_lane_is_silent_until_it_is_told_and_after_a_reset() -> None:
    bank = ComfortNoiseBank(2)
    bank.set(1, ComfortNoise(-30.0))
    frames = bank.next(np.arange(2))
    assert not frames[0].any()
    assert frames[1].any()
    bank.reset(np.array([1]))
    assert not bank.next(np.arange(2)).any()
    bank.set(1, ComfortNoise(-127.0))
    assert not bank.next(np.arange(2)).any()


def test_noise_that_pretends_to_be_a_background_is_not_deafening() -> None:
    bank = ComfortNoiseBank(1)
    bank.set(0, ComfortNoise(0.0, (0.999,) * 12))
    assert float(level(second(bank))) < -7.0


def test_the_floor_is_found_under_speech() -> None:
    rng = np.random.default_rng(4)
    rows = np.arange(2)
    floor = NoiseFloor(2)
    assert floor.level(rows).tolist() == [-127.0, -127.0]
    for number in range(250):
        wave = rng.normal(0, [[60.0], [20.0]], (2, 160))
        if number % 50 < 35:  # words of 0.7 s
            wave[0] += rng.normal(0, 3000, 160)
        floor.update(rows, level(np.rint(wave).astype(np.int16)))
    wanted = 20 * np.log10(np.array([60.0, 20.0]) / 32768)
    assert floor.level(rows) == pytest.approx(wanted, abs=1.5)


def test_the_floor_follows_a_background_that_becomes_louder_within_three_seconds() -> None:
    floor = NoiseFloor(1)
    for _ in range(150):
        floor.update(ROW, np.array([-70.0]))
    for _ in range(100):
        floor.update(ROW, np.array([-50.0]))
    assert float(floor.level(ROW)[0]) < -65.0
    for _ in range(50):
        floor.update(ROW, np.array([-50.0]))
    assert float(floor.level(ROW)[0]) == pytest.approx(-50.0, abs=1.0)
    floor.reset(ROW)
    assert float(floor.level(ROW)[0]) == -127.0
    floor.update(ROW, np.array([-127.0]))
    assert float(floor.level(ROW)[0]) == -127.0


@pytest.mark.parametrize("wanted", [-40.0, -66.0])
def test_a_loop_of_noise_has_its_level_everywhere_and_no_seam(wanted: float) -> None:
    loop = noise_loop(ComfortNoise(wanted, (-0.5,)), 40_000)
    assert loop.dtype == np.int16
    assert float(level(loop)) == pytest.approx(wanted, abs=0.3)
    assert np.abs(level(loop.reshape(-1, 800)) - wanted).max() < 3
    steps = np.abs(np.diff(np.concatenate((loop, loop)).astype(int)))
    assert steps[len(loop) - 1] <= steps[: len(loop) - 1].max()


def test_a_loop_of_noise_has_its_colour() -> None:
    power = np.abs(np.fft.rfft(noise_loop(ComfortNoise(-30.0, (-0.5,)), 40_000))) ** 2
    assert power[:4_000].sum() > 5 * power[-4_000:].sum()
