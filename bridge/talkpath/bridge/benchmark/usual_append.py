"""The appends of one client, which are all alike but for their mask and their audio.

So many of them are read as the rows of one array. What is usual is learned from an append that was read the
slow way: where its audio begins, what stands before it, and how long its frame (RFC 6455, section 5.2) is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FRAME_HEAD: Final = 4  # opcode and length
_TEXT_FROM: Final = 8  # behind the mask
_LAST: Final = 2  # '"}' behind the audio


class UsualAppend:
    """What a usual append looks like; before it is learned, nothing looks like one."""

    def __init__(self) -> None:
        self._length = 0  # with its frame
        self._frame_head = b"\0"
        self._prefix = np.zeros(0, np.uint8)  # what its text begins with

    def learn(self, text: bytes, head: int) -> None:
        """Take an append as the usual one; its audio begins at ``head`` and ends with the text."""
        self._length = len(text) + _TEXT_FROM
        self._prefix = np.frombuffer(text[:head], np.uint8)
        self._frame_head = bytes((0x81, 0x80 | 126)) + len(text).to_bytes(2, "big")

    def is_one(self, data: bytes | memoryview) -> bool:
        """Whether this is one whole usual append."""
        return len(data) == self._length and data[:_FRAME_HEAD] == self._frame_head

    def cut(self, rest: bytearray) -> list[bytes | memoryview]:
        """Take the usual appends from the front of what was read."""
        appends: list[bytes | memoryview] = []
        while len(rest) >= self._length and rest.startswith(self._frame_head):
            appends.append(bytes(rest[: self._length]))
            del rest[: self._length]
        return appends

    def texts(self, frames: bytes) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Unmask joined frames.

        Returns:
            The texts (k, length), and which of them are something else, of the same length by chance (k,).
        """
        rows = np.frombuffer(frames, np.uint8).reshape(-1, self._length)
        masked, mask = rows[:, _TEXT_FROM:], rows[:, _FRAME_HEAD:_TEXT_FROM]
        text = np.bitwise_xor(masked, np.tile(mask, masked.shape[1] // 4 + 1)[:, : masked.shape[1]])
        return text, (text[:, : len(self._prefix)] != self._prefix).any(axis=1)

    def audio(self, texts: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The base64 in texts (k, length)."""
        return texts[:, len(self._prefix) : -_LAST]
