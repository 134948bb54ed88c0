"""What a model reads of a caller's frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkpath.bridge.media.g711_law import ALAW, LAWS, ULAW
from talkpath.bridge.media.uplink import UplinkEncoder

if TYPE_CHECKING:
    from talkpath.bridge.media.lane import PhoneCodec

ROWS = np.array([1, 3])
FRAMES = np.arange(320, dtype=np.uint16).astype(np.uint8).reshape(2, 160)


def encode(encoder: UplinkEncoder, frames: np.ndarray = FRAMES) -> list[tuple[int, bytes]]:
    into: list[tuple[int, bytes]] = []
    encoder.encode(ROWS, frames, into)
    return into


def test_what_the_model_speaks_passes_through_untouched() -> None:
    assert encode(UplinkEncoder(4)) == [(1, FRAMES[0].tobytes()), (3, FRAMES[1].tobytes())]


def test_another_law_is_translated_lane_by_lane() -> None:
    encoder = UplinkEncoder(4)
    encoder.configure(1, "pcma", "PCMU")
    encoder.configure(3, "pcmu", "PCMA")
    assert encode(encoder) == [
        (1, ULAW.to_other[FRAMES[0]].tobytes()),
        (3, ALAW.to_other[FRAMES[1]].tobytes()),
    ]


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_pcm_is_the_same_tone_at_three_times_the_rate(codec: PhoneCodec) -> None:
    encoder = UplinkEncoder(4)
    for lane in ROWS:
        encoder.configure(int(lane), "pcm", codec)
    tone = (8_000 * np.sin(2 * np.pi * 400 / 8_000 * np.arange(1_600))).astype(np.int16)
    heard = b""
    for frame in tone.reshape(10, 160):
        pieces = encode(encoder, np.tile(LAWS[codec].encode(frame), (2, 1)))
        assert [(lane, len(audio)) for lane, audio in pieces] == [(1, 960), (3, 960)]
        assert pieces[0][1] == pieces[1][1]
        heard += pieces[0][1]
    samples = np.frombuffer(heard, "<i2")[960:].astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.fft.rfftfreq(len(samples), 1 / 24_000)[spectrum.argmax()] == pytest.approx(400, abs=6)


def test_a_lane_may_hear_silence_or_nothing_while_another_hears_its_caller() -> None:
    encoder = UplinkEncoder(4)
    encoder.set_mode(1, "silence")
    assert encode(encoder) == [(1, b"\xff" * 160), (3, FRAMES[1].tobytes())]
    encoder.set_mode(1, "nothing")
    assert encode(encoder) == [(3, FRAMES[1].tobytes())]
    encoder.set_mode(3, "nothing")
    assert encode(encoder) == []
    encoder.reset(1)
    encoder.set_mode(3, "caller")
    assert encode(encoder) == [(1, FRAMES[0].tobytes()), (3, FRAMES[1].tobytes())]


def test_silence_is_that_of_the_lanes_law_and_of_pcm() -> None:
    encoder = UplinkEncoder(4)
    encoder.configure(1, "pcma", "PCMA")
    encoder.configure(3, "pcm", "PCMU")
    for lane in (1, 3):
        encoder.set_mode(lane, "silence")
    assert sorted(encode(encoder)) == [(1, b"\xd5" * 160), (3, bytes(960))]
