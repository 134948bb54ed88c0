"""One connection: moves frames between a WebSocket and a session, and runs the persona's work."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import struct
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed

from talkpath.bridge.simulator.reply import Failure, Reply
from talkpath.bridge.simulator.timeline import Close, Listen, Output, Reset, Send, StopReading, Think

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

    from talkpath.bridge.simulator.reply import Persona
    from talkpath.bridge.simulator.session import RealtimeSession

logger = logging.getLogger(__name__)


class Edge:
    """Serves one session on one WebSocket."""

    def __init__(self, socket: ServerConnection, session: RealtimeSession, persona: Persona) -> None:
        self._socket, self._session, self._persona = socket, session, persona
        self._clock = asyncio.get_running_loop().time
        self._wake = asyncio.Event()
        self._read_after = 0.0
        self._work: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until the connection ends."""
        self._session.start(self._clock())
        reader = asyncio.create_task(self._read())
        try:
            await self._write(reader)
        except ConnectionClosed:
            pass
        finally:
            self._session.end()
            for task in (reader, *self._work):
                task.cancel()
            await asyncio.gather(reader, *self._work, return_exceptions=True)

    async def _read(self) -> None:
        """Take frames of the client, unless a fault leaves the socket unread."""
        while True:
            pause = self._read_after - self._clock()
            if pause > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._socket.wait_closed(), pause)
            message = await self._socket.recv()
            self._session.receive(message, self._clock())
            self._wake.set()

    async def _write(self, reader: asyncio.Task[None]) -> None:
        """Do what is due, then wait for the next due time or for input."""
        while not reader.done():
            self._wake.clear()
            for output in self._session.poll(self._clock()):
                if await self._perform(output):
                    return
            due = self._session.next_due()
            await self._rest(reader, None if due is None else due - self._clock())

    async def _rest(self, reader: asyncio.Task[None], seconds: float | None) -> None:
        """Wait until something is due, input came, or the reader ended."""
        if seconds is not None and seconds <= 0:
            return
        waker = asyncio.create_task(self._wake.wait())
        await asyncio.wait((waker, reader), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        waker.cancel()

    async def _perform(self, output: Output) -> bool:
        """Do one thing; return True when it ended the connection."""
        match output:
            case Send(frame):
                await self._socket.send(json.dumps(frame, separators=(",", ":"), ensure_ascii=False))
            case StopReading(seconds):
                self._read_after = self._clock() + seconds
            case Close(code, reason):
                await self._socket.close(code, reason)
                return True
            case Reset():
                _reset(self._socket)
                return True
            case Listen() | Think():
                await self._start(output)
        return False

    async def _start(self, work: Listen | Think) -> None:
        """Do the persona's work: at once when it is quick, in a thread when it blocks."""
        if not self._persona.blocking:
            self._finish(work, self._consult(work))
            return
        task = asyncio.create_task(self._in_thread(work))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _in_thread(self, work: Listen | Think) -> None:
        """Let the persona work in a thread."""
        self._finish(work, await asyncio.to_thread(self._consult, work))
        self._wake.set()

    def _consult(self, work: Listen | Think) -> Any:
        """Ask the persona. A persona that breaks is a failed response, not a lost connection."""
        try:
            if isinstance(work, Listen):
                return self._persona.transcribe(work.heard)
            return self._persona.reply(work.turn)
        except Exception:  # the root of foreign work: logged, and told to the client
            logger.exception("persona %s broke", self._persona.name)
            return "" if isinstance(work, Listen) else Reply((Failure(),))

    def _finish(self, work: Listen | Think, result: Any) -> None:
        """Hand the persona's answer to the session."""
        if isinstance(work, Listen):
            self._session.transcribed(work.heard, result, self._clock())
        else:
            self._session.thought(work.turn, result, self._clock())


def _reset(connection: ServerConnection) -> None:
    """Drop the TCP connection with RST."""
    raw: socket.socket = connection.transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.transport.abort()
