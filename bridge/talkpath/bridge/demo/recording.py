"""Both directions of the call on one clock, as a stereo WAV file: the caller left, the agent right."""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from talkpath.codecs.types import Samples


def write_stereo(path: Path, caller: Samples, agent: Samples, rate: int) -> None:
    """Write two int16 streams; the shorter one is filled up with silence."""
    write_channels(path, (caller, agent), rate)


def write_channels(path: Path, channels: Sequence[Samples], rate: int) -> None:
    """Write int16 streams, one channel each; shorter ones are filled up with silence."""
    together = np.zeros((max(map(len, channels)), len(channels)), dtype="<i2")
    for number, samples in enumerate(channels):
        together[: len(samples), number] = samples
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(together.tobytes())


def read_stereo(path: Path) -> tuple[NDArray[np.int16], int]:
    """Return the two channels, int16 (2, n), and the sample rate.

    Raises:
        ValueError: it is not 16-bit stereo.
        wave.Error: it is not a WAV file.
        OSError: it cannot be read.
    """
    with wave.open(str(path), "rb") as file:
        if file.getnchannels() != 2 or file.getsampwidth() != 2:
            raise ValueError(f"{path} is not a 16-bit stereo recording.")
        data = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.int16)
        return np.ascontiguousarray(data.reshape(-1, 2).T), file.getframerate()
