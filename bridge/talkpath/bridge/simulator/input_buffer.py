"""The audio a client appends: its position in milliseconds, the turns in it, and what may be forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from talkpath.bridge.simulator.vad import EnergyVad

if TYPE_CHECKING:
    from talkpath.bridge.simulator.audio import AudioFormat
    from talkpath.bridge.simulator.reply import Samples
    from talkpath.bridge.simulator.vad import SpeechStarted, SpeechStopped, VadSettings

MOST_BUFFERED_MS = 600_000
"""Oldest audio is dropped beyond ten minutes without a commit, so that memory stays bounded."""


class InputBuffer:
    """Audio since the last commit or clear. Positions count every millisecond ever appended.

    Args:
        audio_format: what the client sends.
        vad: turn detection, or None for push-to-talk.
    """

    def __init__(self, audio_format: AudioFormat, vad: VadSettings | None) -> None:
        self.position_ms = 0.0
        self._pieces: list[Samples] = []
        self._start_ms = 0.0
        self._odd = b""
        self._format = audio_format
        self._settings = vad
        self._vad = self._make_vad()

    @property
    def rate(self) -> int:
        """Sample rate in hertz."""
        return self._format.rate

    @property
    def speaking(self) -> bool:
        """Whether the detector is inside speech."""
        return self._vad is not None and self._vad.speaking

    @property
    def buffered_ms(self) -> float:
        """Milliseconds in the buffer."""
        return self.position_ms - self._start_ms

    def configure(self, audio_format: AudioFormat, vad: VadSettings | None) -> None:
        """Change format or detection. A change resets the detector; a new format empties the buffer."""
        if audio_format is not self._format:
            self._format = audio_format
            self.clear()
        if vad != self._settings:
            self._settings = vad
            self._vad = self._make_vad()

    def append(self, data: bytes) -> list[SpeechStarted | SpeechStopped]:
        """Take octets of any number; return what turn detection found in them."""
        data = self._odd + data
        whole = len(data) - len(data) % (self._format.bytes_per_ms * 1000 // self._format.rate)
        self._odd = data[whole:]
        samples = self._format.decode(data[:whole])
        self._pieces.append(samples)
        self.position_ms += len(samples) * 1000 / self.rate
        found = self._vad.feed(samples) if self._vad is not None else []
        if not found and not self.speaking and self._settings is not None:
            self._forget(self._settings.prefix_padding_ms + 1000)
        self._forget(MOST_BUFFERED_MS)
        return found

    def take(self, start_ms: float | None = None, end_ms: float | None = None) -> tuple[Samples, float]:
        """Return the samples between two positions (default: all) and forget everything before the end.

        Returns:
            int16 samples at ``rate`` and the position of the first of them in milliseconds.
        """
        joined = np.concatenate(self._pieces) if self._pieces else np.zeros(0, dtype=np.int16)
        start = max(self._start_ms, self._start_ms if start_ms is None else start_ms)
        end = self.position_ms if end_ms is None else min(end_ms, self.position_ms)
        first, last = self._index(start), self._index(end)
        self._pieces = [joined[last:]] if last < len(joined) else []
        self._start_ms = end
        return joined[first:last], start

    def clear(self) -> None:
        """Forget the audio; positions go on."""
        self._pieces, self._odd = [], b""
        self._start_ms = self.position_ms
        self._vad = self._make_vad()

    def _index(self, position_ms: float) -> int:
        """Return the sample of the buffer at a position."""
        return max(0, round((position_ms - self._start_ms) * self.rate / 1000))

    def _forget(self, keep_ms: float) -> None:
        """Drop whole pieces older than ``keep_ms``."""
        while self._pieces and self.buffered_ms - len(self._pieces[0]) * 1000 / self.rate > keep_ms:
            self._start_ms += len(self._pieces.pop(0)) * 1000 / self.rate

    def _make_vad(self) -> EnergyVad | None:
        """Return a fresh detector that counts from here."""
        return None if self._settings is None else EnergyVad(self._settings, self.rate, self.position_ms)
