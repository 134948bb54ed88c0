from __future__ import annotations

import wave
from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkpath.bridge.demo.recording import read_stereo, write_stereo

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_written_is_read_again_and_the_shorter_side_is_silent_at_its_end(tmp_path: Path) -> None:
    caller = np.array([1, -2, 32767], np.int16)
    agent = np.array([-32768], np.int16)
    write_stereo(tmp_path / "call.wav", caller, agent, 8000)
    channels, rate = read_stereo(tmp_path / "call.wav")
    assert rate == 8000
    assert channels.tolist() == [[1, -2, 32767], [-32768, 0, 0]]


def test_a_mono_file_is_refused(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "mono.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
    with pytest.raises(ValueError, match="not a 16-bit stereo"):
        read_stereo(tmp_path / "mono.wav")
