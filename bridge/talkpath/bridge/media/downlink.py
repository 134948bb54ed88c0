"""From the model's audio to the codes that go to the caller, once per delta.

Pass through where the laws agree, one table look-up where they differ, and PCM16 at 24 kHz through
the lane's streaming resampler. A delta may be cut anywhere, even inside a sample.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.g711_law import LAWS
from talkpath.codecs.resample import ResamplerBank

if TYPE_CHECKING:
    from talkpath.bridge.media.lane import ModelFormat, PhoneCodec

__all__ = ["BYTES_PER_MS", "DownlinkDecoder"]

BYTES_PER_MS: Final[dict[ModelFormat, int]] = {"pcmu": 8, "pcma": 8, "pcm": 48}
"""Bytes of model audio per millisecond."""

_STEP = 3  # 24 to 8 kHz
_BYTES_PER_STEP = 2 * _STEP


class DownlinkDecoder:
    """Turns deltas of every lane into G.711 codes of the lane's law.

    Args:
        lanes: Number of lanes.
    """

    def __init__(self, lanes: int) -> None:
        self._resampler = ResamplerBank(lanes, 1, _STEP)
        self._format: list[ModelFormat] = ["pcmu"] * lanes
        self._codec: list[PhoneCodec] = ["PCMU"] * lanes
        self._rest = [b""] * lanes
        self._rows = [np.array([lane], np.intp) for lane in range(lanes)]

    def configure(self, lane: int, model_format: ModelFormat, codec: PhoneCodec) -> None:
        """Set the lane's format and law."""
        self._format[lane] = model_format
        self._codec[lane] = codec

    def reset(self, lane: int) -> None:
        """Forget the stream: after a flush, or for another call."""
        self._rest[lane] = b""
        self._resampler.reset(self._rows[lane])

    def decode(self, lane: int, audio: bytes) -> bytes:
        """Convert the next piece of the lane's stream.

        Args:
            lane: The lane.
            audio: Model audio in the lane's format; any length.

        Returns:
            G.711 codes, 8 per millisecond. What does not fill a sample at 8 kHz waits for the next piece.
        """
        model_format, codec = self._format[lane], self._codec[lane]
        if model_format != "pcm":
            same = (model_format == "pcmu") == (codec == "PCMU")
            return audio if same else audio.translate(_TRANSLATIONS[model_format])
        if self._rest[lane]:
            audio = self._rest[lane] + audio
        whole = len(audio) - len(audio) % _BYTES_PER_STEP
        self._rest[lane] = audio[whole:]
        if not whole:
            return b""
        samples = np.frombuffer(audio, np.int16, whole // 2)[None]
        narrow = self._resampler.process(self._rows[lane], samples)
        return LAWS[codec].encode(narrow).tobytes()


_TRANSLATIONS: Final = {
    "pcmu": LAWS["PCMU"].to_other.tobytes(),
    "pcma": LAWS["PCMA"].to_other.tobytes(),
}
