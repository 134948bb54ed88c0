"""The short way of text messages: whatever the pieces, nothing is lost, doubled or out of order."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Frame, Opcode
from websockets.utils import accept_key

from talkpath.bridge.realtime.connection import open_connection
from talkpath.bridge.realtime.server_frames import ServerFrames
from talkpath.bridge.realtime.settings import SessionSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from typing import Any

LONGEST = 100_000


def server_frame(opcode: Opcode, payload: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=False)


def text(payload: bytes) -> bytes:
    return server_frame(Opcode.TEXT, payload)


def cut(frames: ServerFrames, pieces: list[bytes]) -> tuple[list[bytes], bytes]:
    messages: list[bytes] = []
    others = b""
    for piece in pieces:
        more, rest = frames.cut(piece)
        messages += more
        others += rest
    return messages, others


sizes = st.sampled_from([0, 1, 125, 126, 127, 4_000, 65_535, 65_536, 70_000])


@given(
    st.lists(st.tuples(st.sampled_from([Opcode.TEXT, Opcode.PING, Opcode.PONG]), sizes), max_size=6),
    st.lists(st.integers(1, 30_000), max_size=8),
)
def test_messages_come_out_whole_and_in_order_however_the_stream_was_cut(
    kinds: list[tuple[Opcode, int]], cuts: list[int]
) -> None:
    sent = [
        (kind, bytes([number]) * (size if kind is Opcode.TEXT else min(size, 125)))
        for number, (kind, size) in enumerate(kinds)
    ]
    stream = b"".join(server_frame(kind, payload) for kind, payload in sent)
    pieces = []
    for size in cuts:
        pieces.append(stream[:size])
        stream = stream[size:]
    frames = ServerFrames(LONGEST)
    messages, others = cut(frames, [piece for piece in [*pieces, stream] if piece])
    assert messages == [payload for kind, payload in sent if kind is Opcode.TEXT]
    assert others == b"".join(server_frame(*frame) for frame in sent if frame[0] is not Opcode.TEXT)
    assert not frames.handed_over


@pytest.mark.parametrize(
    "strange",
    [
        server_frame(Opcode.CLOSE, b"\x03\xe8"),
        server_frame(Opcode.BINARY, b"x"),
        server_frame(Opcode.TEXT, b"first", fin=False),
        server_frame(Opcode.CONT, b"last"),
        text(b"x" * (LONGEST + 1)),
        bytes((0xC1, 1)) + b"x",  # a reserved bit
        bytes((0x81, 0x81)) + b"mask" + b"x",  # masked, which a server must not
        bytes((0x89, 126, 0, 126)) + bytes(126),  # too long for a ping
        bytes((0x83, 0)),  # a kind that does not exist
        bytes((0x81, 127)) + b"\xff" * 8,
    ],
)
@pytest.mark.parametrize("pieces", [1, 2, 1000])
def test_from_anything_strange_on_the_library_gets_the_whole_stream(strange: bytes, pieces: int) -> None:
    stream = text(b"before") + server_frame(Opcode.PING, b"p") + strange + text(b"after")
    size = -(-len(stream) // pieces)
    frames = ServerFrames(LONGEST)
    messages, others = cut(frames, [stream[at : at + size] for at in range(0, len(stream), size)])
    assert messages == [b"before"]
    assert others == server_frame(Opcode.PING, b"p") + strange + text(b"after")
    assert frames.handed_over


def test_a_message_in_many_pieces_is_not_copied_with_each() -> None:
    frames = ServerFrames(8_000_000)
    stream = text(bytes(8_000_000))
    frames.cut(stream[:1_000])
    held = frames._rest
    for at in range(1_000, 7_999_000, 1_000):
        assert frames.cut(stream[at : at + 1_000]) == ([], b"")
    assert frames._rest is held
    assert frames.cut(stream[7_999_000:]) == ([bytes(8_000_000)], b"")


# --- on a socket ---------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def heard_from(handler: Callable[[ServerConnection], Coroutine[Any, Any, None]]) -> AsyncIterator[Any]:
    frames: list[bytes] = []
    over: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
    async with serve(handler, "127.0.0.1", 0, close_timeout=0.5) as server:
        port = server.sockets[0].getsockname()[1]
        connection = await open_connection(
            SessionSettings(url=f"ws://127.0.0.1:{port}/"),
            frames.append,
            lambda code, reason: over.set_result((code, reason)),
        )
        yield frames, await asyncio.wait_for(over, 10)
        await connection.close()


def test_what_comes_with_the_handshake_and_before_anybody_listens_is_heard() -> None:
    async def eager(websocket: ServerConnection) -> None:
        for number in range(100):
            await websocket.send(str(number))

    async def story() -> None:
        async with heard_from(eager) as (frames, (code, _)):
            assert frames == [str(number).encode() for number in range(100)]
            assert code == 1000

    asyncio.run(story())


def test_fragmented_messages_and_those_after_them_keep_their_order() -> None:
    async def fragments(websocket: ServerConnection) -> None:
        await websocket.send("1")
        await websocket.send(["2", "+", "3"])
        await websocket.send("4")
        assert await (await websocket.ping()) >= 0
        await websocket.send("5")

    async def story() -> None:
        async with heard_from(fragments) as (frames, (code, _)):
            assert frames == [b"1", b"2+3", b"4", b"5"]
            assert code == 1000

    asyncio.run(story())


def test_pings_are_answered_while_messages_go_the_short_way() -> None:
    answered: list[float] = []

    async def pings(websocket: ServerConnection) -> None:
        for number in range(3):
            await websocket.send(str(number))
            answered.append(await (await websocket.ping()))

    async def story() -> None:
        async with heard_from(pings) as (frames, _):
            assert frames == [b"0", b"1", b"2"]

    asyncio.run(story())
    assert len(answered) == 3


def test_a_handshake_that_comes_in_single_bytes_is_understood() -> None:
    async def story() -> None:
        frames: list[bytes] = []
        got = asyncio.Event()

        async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            request = await reader.readuntil(b"\r\n\r\n")
            for byte in _accept(request) + text(b"hello"):
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0)
            await reader.read()
            writer.close()

        def on_frame(frame: bytes) -> None:
            frames.append(frame)
            got.set()

        async with await asyncio.start_server(dribble, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            connection = await open_connection(
                SessionSettings(url=f"ws://127.0.0.1:{port}/"), on_frame, lambda _code, _reason: None
            )
            await asyncio.wait_for(got.wait(), 10)
            assert frames == [b"hello"]
            connection._transport.abort()
            await connection.close()

    asyncio.run(story())


def _accept(request: bytes) -> bytes:
    key = next(line for line in request.decode().splitlines() if line.lower().startswith("sec-websocket-key"))
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept_key(key.split(': ')[1])}\r\n\r\n"
    ).encode()
