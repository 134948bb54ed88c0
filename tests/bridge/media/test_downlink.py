"""From a model's audio to the codes of a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkpath.bridge.media.counters import Counters
from talkpath.bridge.media.downlink import Downlink
from talkpath.bridge.media.g711_law import ALAW, LAWS, ULAW

if TYPE_CHECKING:
    from talkpath.bridge.media.lane import MediaEvent, PhoneCodec

ROWS = np.array([0, 4])
CODES = bytes(range(160))


class Phones:
    """Two lanes and what they send."""

    def __init__(self) -> None:
        self.counters = Counters(8)
        self.downlink = Downlink(8, self.counters)
        self.events: list[MediaEvent] = []

    def play(self, lane: int, audio: bytes) -> None:
        self.downlink.playout(lane).play(lane, "item", audio, 0.0)

    def take(self) -> tuple[np.ndarray, list[bool]]:
        out = np.zeros((2, 160), np.uint8)
        return out, self.downlink.take(ROWS, out, 0.0, self.events).tolist()


@pytest.fixture
def phones() -> Phones:
    return Phones()


def test_a_lane_without_audio_sends_the_silence_of_its_law(phones: Phones) -> None:
    phones.downlink.configure(0, "pcmu", "PCMU")
    phones.downlink.configure(4, "pcm", "PCMA")
    out, ready = phones.take()
    assert ready == [False, False]
    assert (set(out[0].tolist()), set(out[1].tolist())) == ({ULAW.silence}, {ALAW.silence})


def test_what_the_phone_speaks_passes_through_and_the_other_law_is_translated(phones: Phones) -> None:
    phones.downlink.configure(0, "pcmu", "PCMU")
    phones.downlink.configure(4, "pcmu", "PCMA")
    for lane in ROWS:
        phones.play(int(lane), CODES)
    out, ready = phones.take()
    assert ready == [True, True]
    assert out[0].tobytes() == CODES
    assert out[1].tobytes() == ULAW.to_other[np.frombuffer(CODES, np.uint8)].tobytes()


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_pcm_becomes_the_same_tone_at_a_third_of_the_rate(phones: Phones, codec: PhoneCodec) -> None:
    phones.downlink.configure(0, "pcm", codec)
    phones.downlink.configure(4, "pcm", "PCMU" if codec == "PCMA" else "PCMA")
    tone = (8_000 * np.sin(2 * np.pi * 400 / 24_000 * np.arange(4_800))).astype("<i2")
    for lane in ROWS:
        phones.play(int(lane), tone.tobytes())
    heard = np.concatenate([LAWS[codec].decode(phones.take()[0][0]) for _ in range(10)])[160:].astype(float)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert np.fft.rfftfreq(len(heard), 1 / 8_000)[spectrum.argmax()] == pytest.approx(400, abs=6)


def test_after_a_pause_the_resampler_begins_from_silence(phones: Phones) -> None:
    phones.downlink.configure(0, "pcm", "PCMU")
    loud = np.full(480, 20_000, "<i2").tobytes()
    phones.play(0, loud)
    first = phones.take()[0][0].copy()
    assert phones.take()[1] == [True, False], "the end of what broke off"
    assert phones.take()[1] == [False, False]
    phones.play(0, loud)
    assert np.array_equal(phones.take()[0][0][80:], first[80:]), (
        "behind the fade and the filter's memory of it"
    )


@pytest.mark.parametrize("model_format", ["pcmu", "pcma", "pcm"])
def test_a_fade_ends_in_silence_after_five_milliseconds(phones: Phones, model_format: str) -> None:
    phones.downlink.configure(0, model_format, "PCMU")  # type: ignore[arg-type]  # one of the formats
    loud = (
        np.full(480, 20_000, "<i2").view(np.uint8)
        if model_format == "pcm"
        else LAWS["PCMU" if model_format == "pcmu" else "PCMA"].encode(np.full(160, 20_000, np.int16))
    )
    phones.play(0, loud.tobytes() * 3)
    phones.take()
    phones.downlink.playout(0).flush(0, phones.downlink.fade)
    out, ready = phones.take()
    level = np.abs(ULAW.decode(out[0]).astype(int))
    assert ready[0]
    assert level[:8].max() > 10_000
    assert level[60:].max() < 400
    assert phones.take()[1] == [False, False]


def test_frames_played_are_counted_from_what_is_left(phones: Phones) -> None:
    phones.play(0, CODES * 3)
    phones.take()
    phones.take()
    assert phones.counters.of(0) == {"frames_played": 2}
