"""Responses that go on until either side has enough: events, and the sound of a call."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from talkpath.bridge.recording.files import wave_header

from .listening import RATE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import Receive, Scope, Send

    from .hub import Listener
    from .listening import Ear
    from .service import Control

STILL_HERE: Final = b": still here\n\n"
QUIET: Final = 15.0
"""Seconds without an event until a comment keeps proxies from closing the stream."""
ENDLESS: Final = 0xFFFFFFFF
"""Length in the header of a WAV file that nobody knows the end of."""


class Stream(Response, ABC):
    """A response without a known end.

    Args:
        over: Set when it has to end at once.
        still: Tells whether the client may still have it: a reload may have taken its token away.
    """

    def __init__(self, over: asyncio.Event, still: Callable[[], bool]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._over = over
        self._still = still

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the client hangs up, there is nothing more, or it has to end."""
        del scope
        ends = [
            asyncio.create_task(self._send_all(send)),
            asyncio.create_task(_hung_up(receive)),
            asyncio.create_task(self._over.wait()),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.leave()
            for task in ends:
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        if self._over.is_set():
            with contextlib.suppress(TimeoutError):  # who does not read cannot be told that it is over
                async with asyncio.timeout(1.0):
                    await send({"type": "http.response.body", "body": b""})

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for body in self.pieces():
            if not self._still():
                break
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    @abstractmethod
    def pieces(self) -> AsyncIterator[bytes]:
        """The body."""

    @abstractmethod
    def leave(self) -> None:
        """Nobody reads any more."""


class EventStream(Stream):
    """Server-Sent Events.

    Args:
        control: Whose events.
        listener: Who listens; let go at the end, however that comes.
        first: What is told first.
        still: Tells whether the client may still have it.
    """

    media_type = "text/event-stream"

    def __init__(self, control: Control, listener: Listener, first: bytes, still: Callable[[], bool]) -> None:
        super().__init__(listener.over, still)
        self._control = control
        self._listener = listener
        self._first = first

    async def pieces(self) -> AsyncIterator[bytes]:
        """Events, and a comment now and then."""
        yield self._first
        while True:
            try:
                yield await asyncio.wait_for(self._listener.take(), QUIET)
            except TimeoutError:
                yield STILL_HERE

    def leave(self) -> None:
        """Nobody reads any more."""
        self._control.leave(self._listener)


class AudioStream(Stream):
    """The sound of a live call as WAV.

    Args:
        control: Who has the calls.
        ear: Who listens; let go at the end, however that comes.
        still: Tells whether the client may still have it.
    """

    media_type = "audio/wav"

    def __init__(self, control: Control, ear: Ear, still: Callable[[], bool]) -> None:
        super().__init__(ear.over, still)
        self._control = control
        self._ear = ear

    async def pieces(self) -> AsyncIterator[bytes]:
        """A header, and what is heard until the call is over."""
        yield wave_header(ENDLESS, RATE)
        while sound := await self._ear.take():
            yield sound

    def leave(self) -> None:
        """Nobody listens any more."""
        self._control.listening.leave(self._ear)


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
