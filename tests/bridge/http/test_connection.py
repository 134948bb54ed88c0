from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.http import connection
from talkpath.bridge.http.app import HttpServer
from tests.bridge.api.daemon_double import OPERATE, DaemonDouble

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from talkpath.bridge.config.values import HostPort

HEAD = f"POST /api/v1/calls HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {OPERATE}\r\n"
"""As long as this, the daemon waits for the rest."""


@contextlib.asynccontextmanager
async def served(refused: list[str], patience: float = 30.0) -> AsyncIterator[HostPort]:
    server = HttpServer(DaemonDouble().app, "127.0.0.1", 0, refused.append, patience)
    yield await server.start()
    await server.stop()


async def answer_to(address: HostPort, *pieces: str) -> bytes:
    """All that comes back until the daemon closes the connection."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    for piece in pieces:
        writer.write(piece.encode("latin-1"))
    try:
        async with asyncio.timeout(30.0):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "part",
    [
        "",
        "GET /heal",
        HEAD,
        f"{HEAD}Content-Length: 100\r\n\r\n{{",
        f"{HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n{{",
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /he",
    ],
    ids=["nothing", "half a line", "half a head", "half a body", "half a chunk", "half a second request"],
)
def test_a_request_that_does_not_come_is_not_waited_for(part: str) -> None:
    async def story() -> None:
        refused: list[str] = []
        async with served(refused, patience=0.05) as address:
            answer = await answer_to(address, part)
        assert answer.startswith(b"HTTP/1.1 200") if "healthz" in part else not answer
        assert refused == ["slow"]

    asyncio.run(story())


def test_a_stream_is_not_a_request_that_does_not_come() -> None:
    async def story() -> None:
        refused: list[str] = []
        async with served(refused, patience=0.05) as address:
            reader, writer = await asyncio.open_connection(address.host, address.port)
            head = f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {OPERATE}\r\n\r\n"
            writer.write(head.encode())
            await reader.readuntil(b"event: snapshot")
            async with served(refused, patience=0.05) as other:
                await answer_to(other, "")  # twice the patience of the stream has passed
                await answer_to(other, "")
            assert not reader.at_eof()
            writer.close()
        assert refused == ["slow", "slow"]

    asyncio.run(story())


def test_there_are_only_so_many_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_CONNECTIONS", 2)

    async def story() -> None:
        refused: list[str] = []
        async with served(refused) as address:
            held = [await asyncio.open_connection(address.host, address.port) for _ in range(2)]
            assert await answer_to(address, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") == b""
            assert refused == ["too_many"]
            for _, writer in held:
                writer.close()
                await writer.wait_closed()

    asyncio.run(story())


def test_this_machine_gets_an_answer_when_others_have_taken_all_they_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "MAX_REMOTE", 0)

    async def story() -> None:
        refused: list[str] = []
        request = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        async with served(refused) as address:
            assert (await answer_to(address, request)).startswith(b"HTTP/1.1 200")
            monkeypatch.setattr(connection, "is_loopback", lambda _host: False)
            assert await answer_to(address, request) == b""
        assert refused == ["too_many"]

    asyncio.run(story())


@pytest.mark.parametrize("part", ["\x16\x03\x01\x02\r\n\r\n", f"{HEAD}Content-Length: {'9' * 5000}\r\n\r\n"])
def test_what_is_no_request_is_refused_and_counted(part: str) -> None:
    async def story() -> None:
        refused: list[str] = []
        async with served(refused) as address:
            assert (await answer_to(address, part)).startswith(b"HTTP/1.1 400")
        assert refused == ["malformed"]

    asyncio.run(story())


@pytest.mark.parametrize("path", ["/api/v1/events", "/console/", "/metrics", "/nothing"])
def test_there_are_no_websockets(path: str, caplog: pytest.LogCaptureFixture) -> None:
    request = (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )

    async def story() -> None:
        async with served([]) as address:
            status = (await answer_to(address, request)).split()[1]
        assert status in {b"401", b"404", b"200"}

    asyncio.run(story())
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_proxy_of_this_machine_may_ask_for_others() -> None:
    request = (
        "GET /api/v1/calls HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\n"
        f"Connection: close\r\nAuthorization: Bearer {OPERATE}\r\n\r\n"
    )

    async def story() -> None:
        async with served([]) as address:
            assert (await answer_to(address, request)).startswith(b"HTTP/1.1 200")

    asyncio.run(story())
