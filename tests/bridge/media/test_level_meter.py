from __future__ import annotations

import numpy as np
import pytest

from talkpath.bridge.media.g711_law import LAWS
from talkpath.bridge.media.level_meter import AGENT, CALLER, LevelMeter
from talkpath.bridge.simulator.audio import tone
from talkpath.codecs.levels import SILENCE_LEVEL, level

LOUD = tone(400.0, 20.0)[::3][:160].astype(np.int16)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_the_level_of_codes_is_that_of_their_samples(codec: str) -> None:
    law = LAWS[codec]  # type: ignore[index]  # parametrized
    meter = LevelMeter(4)
    meter.recode(2, codec)  # type: ignore[arg-type]  # parametrized
    codes = law.encode(LOUD)[None, :]
    meter.codes(CALLER, np.array([2]), codes)
    caller, agent = meter.read(2)
    assert caller == pytest.approx(float(level(law.decode(codes))[0]), abs=0.06)
    assert agent == SILENCE_LEVEL


def test_wide_band_samples_are_measured_too() -> None:
    meter = LevelMeter(2)
    samples = np.tile(LOUD, 2)[None, :]
    meter.samples(AGENT, np.array([1]), samples)
    assert meter.read(1)[AGENT] == pytest.approx(float(level(samples)[0]), abs=0.06)


def test_the_loudest_frame_counts_until_it_is_read() -> None:
    meter = LevelMeter(1)
    rows = np.array([0])
    for samples in (LOUD // 4, LOUD, LOUD // 16):
        meter.samples(CALLER, rows, samples[None, :].astype(np.int16))
    assert meter.read(0)[CALLER] == pytest.approx(float(level(LOUD)), abs=0.06)
    assert meter.read(0)[CALLER] == SILENCE_LEVEL


def test_a_new_call_on_the_lane_begins_in_silence() -> None:
    meter = LevelMeter(1)
    meter.samples(CALLER, np.array([0]), LOUD[None, :])
    meter.recode(0, "PCMU")
    assert meter.read(0) == (SILENCE_LEVEL, SILENCE_LEVEL)
