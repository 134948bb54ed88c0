"""Marks come back from every way that the audio can take."""

from __future__ import annotations

import numpy as np
import pytest

from talkpath.codecs.g711 import linear_to_ulaw, ulaw_to_linear
from talkpath.codecs.resample import ResamplerBank
from tests.bench import marks

CALLS = np.arange(0, 1000, 7)
FRAMES = range(0, 1024, 41)


def test_a_mark_is_read_back_from_an_untouched_frame() -> None:
    for frame in FRAMES:
        calls, frames = marks.read(marks.stamp(CALLS, frame)[:, marks.places(0)])
        assert (calls == CALLS).all()
        assert (frames == frame).all()


@pytest.mark.parametrize("conversions", [1, 2])
def test_a_mark_survives_the_conversion_to_24_khz_and_back(conversions: int) -> None:
    rows = np.arange(len(CALLS))
    up, down = ResamplerBank(len(CALLS), 3, 1), ResamplerBank(len(CALLS), 1, 3)
    for frame in FRAMES:
        wide = up.process(rows, ulaw_to_linear(marks.stamp(CALLS, frame)))
        if conversions == 1:
            codes = linear_to_ulaw(wide[:, 3 * marks.places(1)])
        else:
            codes = linear_to_ulaw(down.process(rows, wide))[:, marks.places(2)]
        calls, frames = marks.read(codes)
        assert (calls == CALLS).all()
        assert (frames == frame).all()


def test_silence_carries_no_mark_and_is_not_audible() -> None:
    silence = np.full((1, 160), marks.SILENCE, np.uint8)
    calls, frames = marks.read(silence[:, marks.places(0)])
    assert calls.tolist() == frames.tolist() == [marks.NO_MARK]
    assert not marks.audible(silence).any()


def test_every_marked_frame_is_audible() -> None:
    assert marks.audible(marks.stamp(CALLS, 3)).all()
