"""The sound of an agent at work: what the caller hears while a tool takes its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.bridge.call.sounds import tool_sound

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from talkpath.bridge.config.sound import SoundConfig
    from talkpath.bridge.media.plane import MediaPlane


class ToolSound:
    """Keeps the line of one call alive while its tools run.

    The media plane knows when the line is dead, and when the agent speaks again; this only tells it between
    which moments that matters.

    Args:
        plane: The media plane.
        own: What the agent's configuration says.
    """

    def __init__(self, plane: MediaPlane, own: SoundConfig) -> None:
        self._plane = plane
        self._samples = tool_sound(own.tool_sound)
        self._after = own.tool_sound_after
        self._lane = -1
        self._running: set[object] = set()

    async def during(self, lane: int, work: Awaitable[str]) -> str:
        """Wait for a tool, with a sound on the lane if it takes long; returns what it returned."""
        if self._samples is None:
            return await work
        tool = object()
        self._lane = lane
        self._running.add(tool)
        self._plane.wait_with(lane, self._samples, self._after)
        try:
            return await work
        finally:
            self._running.discard(tool)
            self._end()

    def stop(self) -> None:
        """The session is over, and its tools with it; to be called before the lane is another call's."""
        self._running.clear()
        self._end()

    def _end(self) -> None:
        if not self._running and self._lane >= 0:
            self._plane.wait_over(self._lane)
            self._lane = -1
