"""The benchmark's own edge: frames in any pieces, control frames, refusals, and what it does not take."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from typing import Any, cast

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from talkpath.bridge.simulator.bench_server import BenchConnection, frame_bounds, text_frame
from talkpath.bridge.simulator.handshake import Access
from talkpath.bridge.simulator.server import Simulator

HANDSHAKE = (
    b"GET /v1/realtime?model=m HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Authorization: Bearer x\r\n\r\n"
)
KEY = {"Authorization": "Bearer sk-anything"}


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True


def opened() -> tuple[BenchConnection, Wire]:
    """A connection behind its handshake."""
    connection, wire = BenchConnection(Access(), lambda _: None, lambda _: None), Wire()
    connection.connection_made(cast("asyncio.BaseTransport", wire))
    connection.data_received(HANDSHAKE)
    assert wire.written.startswith(b"HTTP/1.1 101")
    wire.written = b""
    return connection, wire


def masked(text: bytes, first: int = 0x81) -> bytes:
    """A client's frame with its mask."""
    mask = os.urandom(4)
    size = (
        bytes((0x80 | len(text),)) if len(text) < 126 else bytes((0x80 | 126,)) + len(text).to_bytes(2, "big")
    )
    return bytes((first,)) + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(text))


def append(size: int = 2400) -> bytes:
    audio = base64.b64encode(bytes(size)).decode()
    return json.dumps({"type": "input_audio_buffer.append", "audio": audio}).encode()


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_frames_of_every_length_have_their_bounds(size: int) -> None:
    frame = text_frame("x" * size)
    bounds = frame_bounds(frame, 0)
    assert bounds is not None
    assert frame[bounds[0] : bounds[1]] == b"x" * size
    assert frame_bounds(frame[:1], 0) is None


@pytest.mark.parametrize("cut", [1, 3, 100, 4096])
def test_the_cut_of_the_stream_does_not_matter(cut: int) -> None:
    whole, wire = opened()
    stream = masked(append()) * 5
    whole.data_received(stream)
    pieces, other = opened()
    for start in range(0, len(stream), cut):
        pieces.data_received(stream[start : start + cut])
    assert other.written == wire.written
    assert wire.written.count(b"response.output_audio.delta") == 2


def test_a_ping_is_answered_between_the_frames() -> None:
    connection, wire = opened()
    connection.data_received(masked(b"tick", 0x89) + masked(b"{"))
    assert wire.written.startswith(b"\x8a\x04tick")
    assert b"invalid_json" in wire.written


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (masked(b"abc", 0x01), 1003),
        (masked(b"abc", 0x82), 1003),
        (text_frame("unmasked"), 1002),
        (b"\x81\xff" + (1 << 40).to_bytes(8, "big") + bytes(2_000_000), 1009),
    ],
    ids=["part of a message", "binary", "without a mask", "too long"],
)
def test_what_it_does_not_take_closes_the_connection(data: bytes, code: int) -> None:
    connection, wire = opened()
    connection.data_received(data)
    assert code.to_bytes(2, "big") in wire.written


def test_it_admits_and_refuses_like_the_other_server() -> None:
    async def run() -> None:
        async with Simulator(persona="bench") as sim:
            async with connect(f"{sim.url}?model=m", additional_headers=KEY) as socket:
                assert json.loads(await socket.recv())["session"]["model"] == "m"
                assert len(sim.lanes) == 1
            refused: Any = connect(f"{sim.url}?model=m", additional_headers={"Authorization": "Bearer bad"})
            async with refused as socket:
                assert json.loads(await socket.recv())["error"]["code"] == "invalid_api_key"
                with pytest.raises(ConnectionClosed) as closed:
                    await socket.recv()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 3000

    asyncio.run(run())
