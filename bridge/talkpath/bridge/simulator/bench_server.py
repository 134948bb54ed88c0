"""The benchmark's edge: WebSocket frames straight from the socket, without tasks, queues or futures.

A general server spends several times more on each small frame than the lane itself. Here the handshake, the
control frames and the close are left to the sans-I/O protocol of ``websockets``; whole text frames, which is
nearly everything, are read and written in place.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, cast

from websockets.frames import (  # type: ignore[attr-defined]  # apply_mask: the C version if there is one
    Frame,
    Opcode,
    apply_mask,
)
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from talkpath.bridge.simulator.bench import BenchLane
from talkpath.bridge.simulator.handshake import Access, Refused, admit
from talkpath.bridge.simulator.ids import Ids

if TYPE_CHECKING:
    from collections.abc import Callable

_WHOLE_TEXT = 0x80 | Opcode.TEXT
_MASKED = 0x80
MOST_FRAME_BYTES = 1 << 20
"""A benchmark appends small pieces; a longer frame is a mistake and closes the connection."""


def text_frame(text: str) -> bytes:
    """Return an unmasked, whole text frame (RFC 6455, section 5.2)."""
    data = text.encode()
    size = len(data)
    if size < 126:
        return bytes((_WHOLE_TEXT, size)) + data
    if size < 65536:
        return bytes((_WHOLE_TEXT, 126)) + size.to_bytes(2, "big") + data
    return bytes((_WHOLE_TEXT, 127)) + size.to_bytes(8, "big") + data


def frame_bounds(buffer: bytes | bytearray, start: int) -> tuple[int, int] | None:
    """Return where the mask of the frame at ``start`` begins and where the frame ends; None if cut off."""
    if len(buffer) < start + 2:
        return None
    size, mask = buffer[start + 1] & 0x7F, start + 2
    width = {126: 2, 127: 8}.get(size, 0)
    if width:
        if len(buffer) < mask + width:
            return None
        size = int.from_bytes(buffer[mask : mask + width], "big")
        mask += width
    end = mask + 4 + size
    return (mask, end) if buffer[start + 1] & _MASKED else (mask, end - 4)


class BenchConnection(asyncio.Protocol):
    """One client of the benchmark.

    Args:
        access: who may come in.
        opened: told about each lane that opens.
        closed: told about each connection that ends.
    """

    def __init__(
        self,
        access: Access,
        opened: Callable[[BenchLane], None],
        closed: Callable[[BenchConnection], None],
    ) -> None:
        self.lane: BenchLane | None = None
        self._access, self._opened, self._closed = access, opened, closed
        self._protocol = ServerProtocol(max_size=MOST_FRAME_BYTES)
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()

    # ---- asyncio.Protocol --------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without saying so

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the end."""
        del exc
        self._closed(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes of any number."""
        if self.lane is None or self._protocol.state is not State.OPEN:
            self._slowly(data)
            return
        buffer = self._buffer + data if self._buffer else data
        start, answers = 0, bytearray()
        while (bounds := frame_bounds(buffer, start)) is not None and bounds[1] <= len(buffer):
            mask, end = bounds
            if (
                buffer[start] == _WHOLE_TEXT
                and buffer[start + 1] & _MASKED
                and end - start < MOST_FRAME_BYTES
            ):
                text = apply_mask(buffer[mask + 4 : end], buffer[mask : mask + 4])
                for frame in self.lane.feed(text.decode("utf-8", "replace")):
                    answers += text_frame(frame)
            else:
                self._slowly(bytes(buffer[start:end]))
            start = end
        self._buffer = bytearray(buffer[start:])
        if answers and self._transport is not None:
            self._transport.write(answers)
        if len(self._buffer) > MOST_FRAME_BYTES:
            self._protocol.fail(1009, "frame too long for the benchmark")
            self._flush()

    # ---- the rare part -----------------------------------------------------------------------------

    def _slowly(self, data: bytes) -> None:
        """Let the library read: handshake, control frames, mistakes."""
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._open(event)
            elif isinstance(event, Frame) and event.opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
                self._protocol.fail(1003, "the benchmark takes whole text frames only")
        self._flush()

    def _open(self, request: Request) -> None:
        """Answer the handshake and open a lane, or say why not."""
        response = self._protocol.accept(request)
        self._protocol.send_response(response)
        if self._protocol.state is not State.OPEN:
            return
        try:
            model = admit(request.path, request.headers, (), self._access)
        except Refused as refused:
            frame = {"type": "error", "event_id": "event_bench", "error": refused.error.as_error()}
            self._protocol.send_text(json.dumps(frame).encode())
            self._protocol.send_close(refused.close_code, refused.close_reason)
            return
        self.lane = BenchLane(model, Ids().new("sess"))
        self._opened(self.lane)
        for text in self.lane.opening():
            self._protocol.send_text(text.encode())

    def _flush(self) -> None:
        """Write what the library wants to send; an empty piece is the end of the stream."""
        if self._transport is None:
            return
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()

    def abort(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()


class BenchServer:
    """Listens for clients of the benchmark. Same verbs as a server of ``websockets``."""

    def __init__(self, access: Access, lanes: list[BenchLane]) -> None:
        self._access, self._lanes = access, lanes
        self._connections: set[BenchConnection] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port that was opened."""
        if self._server is None:
            raise RuntimeError("The benchmark server has no port before it is started; await start() first.")
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self, host: str, port: int) -> None:
        """Open the port."""
        self._server = await asyncio.get_running_loop().create_server(self._connect, host, port, backlog=1024)

    def close(self) -> None:
        """Close the port and drop all connections."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.abort()

    async def wait_closed(self) -> None:
        """Wait until the port is closed."""
        if self._server is not None:
            await self._server.wait_closed()

    def _connect(self) -> BenchConnection:
        """Make the protocol of a new connection."""
        connection = BenchConnection(self._access, self._lanes.append, self._leave)
        self._connections.add(connection)
        return connection

    def _leave(self, connection: BenchConnection) -> None:
        """Forget a connection and its lane."""
        self._connections.discard(connection)
        if connection.lane in self._lanes:
            self._lanes.remove(connection.lane)
