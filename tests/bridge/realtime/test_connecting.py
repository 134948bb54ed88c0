"""Ways to a server that lead nowhere: each is told as what it is, and whether another try may help."""

from __future__ import annotations

import asyncio
import contextlib
import http
import socket
from typing import TYPE_CHECKING, Any

import pytest

from talkpath.bridge.benchmark.tls_end import make_identity
from talkpath.bridge.realtime.connect_errors import (
    ConnectError,
    ConnectRefusedError,
    ConnectTimeoutError,
    ConnectTlsError,
)
from talkpath.bridge.realtime.connection import open_connection, tls_context
from talkpath.bridge.realtime.settings import SessionSettings
from tests.bridge.realtime.servers import Client, echo, run, serving, settings

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from websockets.asyncio.server import ServerConnection


@pytest.mark.parametrize(
    ("status", "retryable", "word"),
    [
        (400, False, "URL"),
        (401, False, "key"),
        (404, False, "deployment"),
        (429, True, "quota"),
        (503, True, "later"),
    ],
)
def test_http_errors_name_the_server_and_the_next_step(status: int, retryable: bool, word: str) -> None:
    def refuse(websocket: ServerConnection, _request: Any) -> Any:
        response = websocket.respond(http.HTTPStatus(status), "no")
        response.headers["Retry-After"] = "7"
        return response

    async def story() -> None:
        async with serving(echo, process_request=refuse) as port:
            client = Client()
            with pytest.raises(ConnectRefusedError) as caught:
                await open_connection(settings(port), client.on_frame, client.on_close)
            assert caught.value.status == status
            assert caught.value.retryable is retryable
            assert caught.value.retry_after == 7.0
            assert f"127.0.0.1:{port}/v1/realtime?model=test-model" in str(caught.value)
            assert word in str(caught.value)

    run(story())


def test_a_redirect_is_not_followed_with_the_key() -> None:
    reached = asyncio.Event()

    async def thief(_websocket: ServerConnection) -> None:
        reached.set()

    async def story() -> None:
        async with serving(thief) as elsewhere:

            def redirect(websocket: ServerConnection, _request: Any) -> Any:
                response = websocket.respond(http.HTTPStatus.FOUND, "there")
                response.headers["Location"] = f"ws://127.0.0.1:{elsewhere}/"
                return response

            async with serving(echo, process_request=redirect) as port:
                client = Client()
                with pytest.raises(ConnectRefusedError, match="not followed"):
                    await open_connection(settings(port), client.on_frame, client.on_close)

    run(story())
    assert not reached.is_set()


def test_nobody_listening_is_told_as_unreachable(unused_port: int) -> None:
    async def story() -> None:
        client = Client()
        with pytest.raises(ConnectError, match="Check that it runs") as caught:
            await open_connection(settings(unused_port), client.on_frame, client.on_close)
        assert caught.value.cause == "unreachable"
        assert caught.value.retryable

    run(story())


@contextlib.asynccontextmanager
async def answering(words: bytes) -> AsyncIterator[int]:
    """A TCP server that says one thing and hangs up, or says nothing and stays."""
    writers: list[asyncio.StreamWriter] = []

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(words)
        if words:
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for writer in writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


def test_a_server_that_says_nothing_times_out() -> None:
    async def story() -> None:
        async with answering(b"") as port:
            client = Client()
            with pytest.raises(ConnectTimeoutError, match=r"within 0\.2 s"):
                await open_connection(settings(port), client.on_frame, client.on_close, open_timeout=0.2)

    run(story())


def test_something_that_is_no_websocket_is_told_as_such() -> None:
    async def story() -> None:
        async with answering(b"SSH-2.0-OpenSSH_9.9\r\n") as port:
            client = Client()
            with pytest.raises(ConnectError) as caught:
                await open_connection(settings(port), client.on_frame, client.on_close)
            assert caught.value.cause == "bad_handshake"

    run(story())


@pytest.mark.parametrize("url", ["http://127.0.0.1/x", "ws://", "ws://127.0.0.1:99999/", "nonsense"])
def test_a_url_that_cannot_be_used_is_told_as_such(url: str) -> None:
    async def story() -> None:
        client = Client()
        with pytest.raises(ConnectError, match="URL") as caught:
            await open_connection(SessionSettings(url=url), client.on_frame, client.on_close)
        assert not caught.value.retryable

    run(story())


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port where nobody listens, and nobody else can."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate that signs itself for 127.0.0.1, and the server's side of it."""
    identity = make_identity(tmp_path)
    return identity.public, identity.context()


def test_tls_accepts_the_given_authority_and_nothing_else(certificate: tuple[Path, ssl.SSLContext]) -> None:
    ca_file, server_context = certificate

    async def story() -> None:
        async with serving(echo, ssl=server_context) as port:
            client = Client()
            asked = settings(port, "wss")
            tls = tls_context(asked.url, str(ca_file))
            connection = await open_connection(asked, client.on_frame, client.on_close, tls=tls)
            connection.send_soon(b"{}")
            await client.until_frames(1)
            await connection.close()
            with pytest.raises(ConnectTlsError, match="not accepted") as caught:
                await open_connection(asked, client.on_frame, client.on_close)
            assert not caught.value.retryable

    run(story())
    assert tls_context("ws://127.0.0.1/") is None


def test_the_shown_url_has_no_password() -> None:
    asked = SessionSettings(url="wss://user:pass@host.example/v1/realtime?api-key=1", model="m 1")
    assert asked.public_url() == "wss://host.example/v1/realtime?model=m%201"
    assert asked.request_url().endswith("?api-key=1&model=m%201")
