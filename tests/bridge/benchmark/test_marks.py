"""Marks come back from every way that the audio can take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkpath.bridge.benchmark import marks, wire_codec
from talkpath.bridge.benchmark.wire_codec import WideWire
from talkpath.codecs.g711 import linear_to_ulaw, ulaw_to_linear
from talkpath.codecs.g722 import G722Decoder, G722Encoder
from talkpath.codecs.resample import ResamplerBank

if TYPE_CHECKING:
    from numpy.typing import NDArray

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


def test_nearly_all_marks_survive_g722_both_ways_and_the_conversion_to_24_khz_and_back() -> None:
    calls = CALLS[::7]
    rows = np.arange(len(calls))
    up, down = ResamplerBank(len(calls), 3, 2), ResamplerBank(len(calls), 2, 3)
    callers, bridge = WideWire(), WideBridge(len(calls))
    missed = np.zeros(2)
    for frame in range(60):
        octets = callers.encode(calls, marks.stamp(calls, frame))
        model = up.process(rows, bridge.decode(octets))
        appended = marks.read(linear_to_ulaw(model[:, 3 * marks.places(1)]))
        back = callers.decode(calls, bridge.encode(down.process(rows, model)))
        for way, heard in enumerate((appended, marks.read(back[:, wire_codec.PLACES]))):
            if frame:  # codecs need some milliseconds to adapt
                missed[way] += np.count_nonzero((heard[0] != calls) | (heard[1] != frame))
    assert (missed / (59 * len(calls)) < 0.01).all()


class WideBridge:
    """The other end of the wire, as it should be."""

    def __init__(self, calls: int) -> None:
        self._encoders = [G722Encoder() for _ in range(calls)]
        self._decoders = [G722Decoder() for _ in range(calls)]

    def decode(self, octets: NDArray[np.uint8]) -> NDArray[np.int16]:
        rows = zip(self._decoders, octets, strict=True)
        return np.stack([decoder.decode(row.tobytes()) for decoder, row in rows])

    def encode(self, samples: NDArray[np.int16]) -> NDArray[np.uint8]:
        rows = zip(self._encoders, samples, strict=True)
        return np.stack([np.frombuffer(encoder.encode(row), np.uint8) for encoder, row in rows])


def test_silence_carries_no_mark_and_is_not_audible() -> None:
    silence = np.full((1, 160), marks.SILENCE, np.uint8)
    calls, frames = marks.read(silence[:, marks.places(0)])
    assert calls.tolist() == frames.tolist() == [marks.NO_MARK]
    assert not marks.audible(silence).any()


def test_every_marked_frame_is_audible() -> None:
    assert marks.audible(marks.stamp(CALLS, 3)).all()
