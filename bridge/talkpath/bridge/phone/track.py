"""The lane as a track that a peer connection plays."""

from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING, Final

from aiortc import MediaStreamTrack

if TYPE_CHECKING:
    from av import AudioFrame

MAX_FRAMES: Final = 50
"""1 s. The lane paces, and the track only hands on: several frames wait when this process was late, and then
all of them go at once."""


class LaneTrack(MediaStreamTrack):
    """Frames of a lane, in the pace in which the lane sends them.

    Attributes:
        dropped: Frames that were too many, because nobody took the ones before for a second.
    """

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.dropped = 0
        self._read = False
        self._frames: collections.deque[AudioFrame] = collections.deque(maxlen=MAX_FRAMES)
        self._filled = asyncio.Event()

    def put(self, frame: AudioFrame) -> None:
        """Queue a frame; the oldest gives way."""
        self.dropped += self._read and len(self._frames) == MAX_FRAMES
        self._frames.append(frame)
        self._filled.set()

    async def recv(self) -> AudioFrame:
        """Wait for the next frame."""
        if not self._read:  # what came before the browser was connected is old
            self._read = True
            self._frames.clear()
        while not self._frames:
            self._filled.clear()
            await self._filled.wait()
        return self._frames.popleft()
