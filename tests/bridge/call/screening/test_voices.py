"""The demo's voice, as a human and as a machine, through what a telephone makes of it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkpath.bridge.call.screening.judge import Finding, Judge
from talkpath.bridge.call.screening.sound import Ear
from talkpath.bridge.simulator.audio import FORMATS
from talkpath.codecs.tones import tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import ModelFormat

hibari = pytest.importorskip("hibari", reason="the voice comes with talkpath[demo]")

RATE = 24_000
MACHINE = (
    "Hello, you have reached the telephone of Robert Miller. I cannot take your call right now. "
    "Please leave your name and number after the tone, and I will call you back as soon as I can."
)
SHORT_MACHINE = "This is Bob. Please leave a message."
STREET = np.random.default_rng(5).normal(0, 250, RATE * 40)
"""Noise at -42 dBov."""


@functools.cache
def say(text: str) -> NDArray[np.int16]:
    from talkpath.bridge.simulator.speech import Voice  # noqa: PLC0415 - it needs the extra

    return Voice().speak(text)


def quiet(seconds: float) -> NDArray[np.int16]:
    return np.zeros(round(seconds * RATE), np.int16)


def beep(hertz: float = 1000.0, seconds: float = 0.4) -> NDArray[np.int16]:
    return tone((hertz,), seconds, RATE, -22.0)


def findings(model_format: ModelFormat, *pieces: NDArray[np.int16], noise: bool = False) -> list[Finding]:
    """What is found out about sound that comes as a model gets it."""
    samples = np.concatenate([quiet(0.6), *pieces, quiet(6)])
    if noise:
        samples = np.clip(samples + STREET[: len(samples)], -32768, 32767).astype(np.int16)
    kind = "audio/pcm" if model_format == "pcm" else f"audio/{model_format}"
    data = FORMATS[kind].encode(samples)
    size = 960 if model_format == "pcm" else 160
    ear, judge = Ear(model_format), Judge()
    frames: Sequence[bytes] = [data[at : at + size] for at in range(0, len(data) - size + 1, size)]
    found = [judge.feed(ear.kind(frame)) for frame in frames]
    return [finding for finding in found if finding is not None]


every_format = pytest.mark.parametrize("model_format", ["pcm", "pcmu", "pcma"])


@every_format
@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize(
    "words",
    ["Hello?", "Yes, hello?", "Miller's bicycle shop, this is Alice speaking. How can I help you?"],
)
def test_humans_are_humans(model_format: ModelFormat, words: str, noise: bool) -> None:
    assert findings(model_format, say(words), noise=noise) == [Finding.HUMAN]


@every_format
@pytest.mark.parametrize("noise", [False, True])
def test_a_machine_is_one_and_its_beep_is_heard(model_format: ModelFormat, noise: bool) -> None:
    found = findings(model_format, say(MACHINE), quiet(0.7), beep(), noise=noise)
    assert found == [Finding.MACHINE, Finding.BEEP]


@every_format
def test_a_machine_without_a_beep_records_when_it_is_quiet(model_format: ModelFormat) -> None:
    assert findings(model_format, say(MACHINE)) == [Finding.MACHINE, Finding.QUIET]


@pytest.mark.parametrize("hertz", [440.0, 850.0, 1400.0, 2000.0])
@pytest.mark.parametrize("seconds", [0.15, 0.8])
def test_a_short_machine_is_known_by_its_beep(hertz: float, seconds: float) -> None:
    found = findings("pcmu", say(SHORT_MACHINE), quiet(1.5), beep(hertz, seconds))
    assert found == [Finding.HUMAN, Finding.BEEP]


def test_the_voice_itself_never_beeps() -> None:
    words = (MACHINE, SHORT_MACHINE, "You who knew too soon.", "Mmm, moon, noon, whose room? Ooh, you too!")
    ear = Ear("pcm")
    heard = np.concatenate([say(each) for each in words])
    frames = heard[: len(heard) // 480 * 480].reshape(-1, 480)
    tones = [ear.kind(frame.tobytes()).value == "tone" for frame in frames]
    longest = max(len(run) for run in "".join("t" if each else " " for each in tones).split(" "))
    assert longest * 0.02 < 0.1
