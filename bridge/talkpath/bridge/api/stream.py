"""The response that streams events to one listener, until either side has enough."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from .hub import Listener
    from .service import Control

STILL_HERE: Final = b": still here\n\n"
QUIET: Final = 15.0
"""Seconds without an event until a comment keeps proxies from closing the stream."""


class EventStream(Response):
    """Server-Sent Events.

    Args:
        control: Whose events.
        listener: Who listens; let go at the end, however that comes.
        first: What is told first.
    """

    media_type = "text/event-stream"

    def __init__(self, control: Control, listener: Listener, first: bytes) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._control = control
        self._listener = listener
        self._first = first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the client hangs up, does not keep up, or the daemon ends."""
        del scope
        ends = [
            asyncio.create_task(self._tell(send)),
            asyncio.create_task(_hung_up(receive)),
            asyncio.create_task(self._listener.over.wait()),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._control.leave(self._listener)
            for task in ends:
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        if self._listener.over.is_set():
            with contextlib.suppress(TimeoutError):  # who does not read cannot be told that it is over
                async with asyncio.timeout(1.0):
                    await send({"type": "http.response.body", "body": b""})

    async def _tell(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        body = self._first
        while True:
            await send({"type": "http.response.body", "body": body, "more_body": True})
            try:
                body = await asyncio.wait_for(self._listener.take(), QUIET)
            except TimeoutError:
                body = STILL_HERE


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
