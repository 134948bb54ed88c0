"""The audio of the benchmark's model, in base64: marks that were appended, sounds that are answered."""

from __future__ import annotations

from binascii import b2a_base64
from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.benchmark import marks
from talkpath.codecs.g711 import linear_to_ulaw, ulaw_to_linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAMES_PER_DELTA: Final = 5
FRAME_BYTES: Final = {"pcmu": 160, "pcm": 960}
_LOUD: Final = 0x90


class AppendReader:
    """Finds marks in the base64 of appended frames, for rows of one length.

    Args:
        mode: The audio format.
    """

    def __init__(self, mode: marks.AudioMode) -> None:
        sextet = np.zeros(256, np.uint16)
        sextet[
            np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8)
        ] = np.arange(64)
        self._sextet = sextet
        self._wide = mode == "pcm"
        first = 6 * marks.places(1) if self._wide else marks.places(0)
        group = first // 3 * 4
        self._within = first % 3
        self.places = (group[:, None] + np.arange(4)).reshape(-1)

    def read(self, text: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Marked calls and frames (k,) of the characters at `places`, uint8 (k, 16)."""
        six = self._sextet[text].reshape(len(text), -1, 4)
        octets = np.stack(
            (
                (six[:, :, 0] << 2) | (six[:, :, 1] >> 4),
                ((six[:, :, 1] & 15) << 4) | (six[:, :, 2] >> 2),
                ((six[:, :, 2] & 3) << 6) | six[:, :, 3],
            ),
            axis=2,
        )
        if self._wide:  # a place is a whole group: the sample's two octets are its first
            samples = (octets[:, :, 0] | (octets[:, :, 1] << 8)).astype(np.uint16).view(np.int16)
            return marks.read(linear_to_ulaw(samples))
        codes = np.take_along_axis(
            octets, np.broadcast_to(self._within[None, :, None], (*six.shape[:2], 1)), 2
        )
        return marks.read(codes[:, :, 0].astype(np.uint8))


def loud_delta(mode: marks.AudioMode) -> bytes:
    """100 ms of a steady loud level, in base64."""
    codes = np.full(marks.FRAME_SAMPLES * FRAMES_PER_DELTA, _LOUD, np.uint8)
    return b2a_base64(_widened(codes, mode), newline=False)


def silent_frame(mode: marks.AudioMode) -> bytes:
    """20 ms of silence, in base64."""
    return b2a_base64(_widened(np.full(marks.FRAME_SAMPLES, marks.SILENCE, np.uint8), mode), newline=False)


def _widened(codes: NDArray[np.uint8], mode: marks.AudioMode) -> bytes:
    return np.repeat(ulaw_to_linear(codes), 3).tobytes() if mode == "pcm" else codes.tobytes()
