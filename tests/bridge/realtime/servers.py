"""Servers of a test for connections to them, and who uses such a connection."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import uvloop
from websockets.asyncio.server import ServerConnection, serve

from talkpath.bridge.realtime.connection import RealtimeConnection, open_connection
from talkpath.bridge.realtime.settings import SessionSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine


class Client:
    """Remembers what the two callbacks got."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.closed: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        self.arrived = asyncio.Event()

    def on_frame(self, frame: bytes) -> None:
        self.frames.append(frame)
        self.arrived.set()

    def on_close(self, code: int, reason: str) -> None:
        self.closed.set_result((code, reason))

    async def until_frames(self, count: int) -> None:
        while len(self.frames) < count:
            self.arrived.clear()
            await self.arrived.wait()


def settings(port: int, scheme: str = "ws", **fields: Any) -> SessionSettings:
    return SessionSettings(url=f"{scheme}://127.0.0.1:{port}/v1/realtime", model="test-model", **fields)


@contextlib.asynccontextmanager
async def serving(handler: Any, **options: Any) -> AsyncIterator[int]:
    async with serve(handler, "127.0.0.1", 0, close_timeout=0.5, **options) as server:
        yield server.sockets[0].getsockname()[1]


@contextlib.asynccontextmanager
async def connected(handler: Any, **options: Any) -> AsyncIterator[tuple[RealtimeConnection, Client]]:
    async with serving(handler, **options) as port:
        client = Client()
        connection = await open_connection(settings(port), client.on_frame, client.on_close)
        try:
            yield connection, client
        finally:
            await connection.close()


def run(story: Coroutine[Any, Any, None], *, loop: str = "asyncio") -> None:
    if loop == "uvloop":
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(asyncio.wait_for(story, 10))
    else:
        asyncio.run(asyncio.wait_for(story, 10))


async def echo(websocket: ServerConnection) -> None:
    async for message in websocket:
        assert isinstance(message, str), "only text frames may be sent"
        await websocket.send(message)
