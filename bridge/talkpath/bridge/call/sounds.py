"""The sounds that a call plays by itself: waiting, and the end when there is no model."""

from __future__ import annotations

import functools
import wave
from typing import TYPE_CHECKING, Final

import numpy as np
import structlog

from talkpath.codecs import tones

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from talkpath.bridge.config.sound import ToolSoundName

log = structlog.get_logger(__name__)

SAMPLE_RATE: Final = 8000
"""Hz; the telephone's own rate, so that nothing has to be resampled at play time."""

TOOL_SOUND_LEVEL: Final = -36.0
"""dBov: some 12 dB below the voice of a model, so that it is heard and nobody takes it for the answer."""


class BadSoundFile(ValueError):  # noqa: N818 - named by what is bad; the sentence says the rest
    """A sound file cannot be used; the sentence says why and what to do."""


@functools.cache
def comfort_sound() -> NDArray[np.int16]:
    """The looping sound of "please wait, somebody is still here"."""
    return tones.comfort_sound(6.0, SAMPLE_RATE)


@functools.cache
def tool_sound(name: ToolSoundName) -> NDArray[np.int16] | None:
    """The looping sound of an agent at work, well below a voice; None: there is none."""
    if name == "chime":
        return tones.comfort_sound(6.0, SAMPLE_RATE, TOOL_SOUND_LEVEL)
    return tones.ticks(SAMPLE_RATE, TOOL_SOUND_LEVEL) if name == "ticks" else None


@functools.cache
def fallback_tone() -> NDArray[np.int16]:
    """Three beeps, for a call that ends without its model and without an announcement of its own."""
    beep = tones.beep(SAMPLE_RATE, 0.25)
    pause = np.zeros(SAMPLE_RATE // 5, np.int16)
    return np.concatenate([beep, pause, beep, pause, beep])


@functools.cache
def fallback_sound(path: Path | None) -> NDArray[np.int16]:
    """The announcement of a call that ends without its model; read once per process.

    A file that cannot be used is reported in the log, and the beeps take its place: the caller must hear
    something.

    Returns:
        int16 samples at 8 kHz.
    """
    if path is None:
        return fallback_tone()
    try:
        return read_wave(path)
    except BadSoundFile as bad:
        log.error("announcement_unusable", problem=str(bad))  # noqa: TRY400 - the sentence says it all
        return fallback_tone()


@functools.cache
def early_sound(path: Path | None) -> NDArray[np.int16] | None:
    """What callers hear before the answer; read once per process. None: nothing, they hear the PBX's ringing.

    A file that cannot be used is reported in the log.
    """
    try:
        return read_wave(path) if path else None
    except BadSoundFile as bad:
        log.error("early_sound_unusable", problem=str(bad))  # noqa: TRY400 - the sentence says it all
        return None


def read_wave(path: Path) -> NDArray[np.int16]:
    """Read a WAV file of 8 kHz, 16 bit, mono.

    Raises:
        BadSoundFile: the file cannot be read, has another format, or holds no sound.
    """
    try:
        with wave.open(str(path), "rb") as file:
            found = (file.getframerate(), file.getsampwidth() * 8, file.getnchannels())
            frames = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise BadSoundFile(f"{path}: cannot be read as a WAV file: {error}") from error
    if found != (SAMPLE_RATE, 16, 1):
        rate, bits, channels = found
        raise BadSoundFile(
            f"{path}: is {rate} Hz, {bits} bit, {channels} channel(s) and must be 8000 Hz, 16 bit, mono; "
            f"convert it with: sox {path} -r 8000 -b 16 -c 1 announcement.wav"
        )
    if len(frames) < 2:
        raise BadSoundFile(f"{path}: holds no sound; record the announcement again.")
    return np.frombuffer(frames, "<i2").astype(np.int16)
