"""The socket: real frames on loopback, hostile servers, and the words about what went wrong."""

from __future__ import annotations

import asyncio
import contextlib
import http
import logging
import socket
from typing import TYPE_CHECKING, Any

import pytest
import uvloop
from websockets.asyncio.server import ServerConnection, serve

from talkpath.bridge.benchmark.tls_end import make_identity
from talkpath.bridge.realtime import connection as edge
from talkpath.bridge.realtime.connect_errors import (
    ConnectError,
    ConnectRefusedError,
    ConnectTimeoutError,
    ConnectTlsError,
)
from talkpath.bridge.realtime.connection import RealtimeConnection, open_connection, tls_context
from talkpath.bridge.realtime.settings import SessionSettings
from talkpath.bridge.realtime.wire import append_event
from talkpath.sip.messages import Secret

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Coroutine, Iterator
    from pathlib import Path


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


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_frames_arrive_in_the_order_in_which_they_were_sent(loop: str) -> None:
    async def story() -> None:
        async with connected(echo) as (connection, client):
            sent = [b'{"n":%d}' % number for number in range(500)]
            for number, frame in enumerate(sent):
                send = connection.send_soon if number % 2 else connection.send_audio_soon
                assert send(frame)
            await client.until_frames(500)
            assert client.frames == sent
            assert connection.open

    run(story(), loop=loop)


def test_the_handshake_carries_key_model_and_no_compression() -> None:
    seen: dict[str, str] = {}

    async def look(websocket: ServerConnection) -> None:
        assert websocket.request is not None
        seen.update(websocket.request.headers.raw_items())
        seen["path"] = websocket.request.path

    async def story() -> None:
        async with serving(look) as port:
            client = Client()
            keyed = settings(port, api_key=Secret("sk-1"), extra_headers=(("X-Tenant", Secret("t1")),))
            connection = await open_connection(keyed, client.on_frame, client.on_close)
            await client.closed
            await connection.close()
            azure = settings(port, api_key=Secret("sk-2"), auth="azure")
            client = Client()
            await (await open_connection(azure, client.on_frame, client.on_close)).close()

    run(story())
    assert seen["Authorization"] == "Bearer sk-1"
    assert seen["api-key"] == "sk-2"
    assert seen["X-Tenant"] == "t1"
    assert seen["path"] == "/v1/realtime?model=test-model"
    assert "Sec-WebSocket-Extensions" not in seen
    assert "OpenAI-Beta" not in seen


def test_the_key_is_not_logged_even_when_everything_is(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def story() -> None:
        async with serving(echo) as port:
            client = Client()
            keyed = settings(port, api_key=Secret("sk-verysecret"))
            await (await open_connection(keyed, client.on_frame, client.on_close)).close()
            assert "sk-verysecret" not in repr(keyed)

    run(story())
    client_lines = [r.getMessage() for r in caplog.records if not r.name.startswith("websockets.server")]
    assert not any("sk-verysecret" in line for line in client_lines)


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4000])
def test_a_close_of_the_server_is_told_with_its_code_also_the_polite_ones(code: int) -> None:
    async def leave(websocket: ServerConnection) -> None:
        await websocket.close(code, "because")

    async def story() -> None:
        async with connected(leave) as (connection, client):
            assert await client.closed == (code, "because")
            assert not connection.open
            assert not connection.send_soon(b"{}")
            assert not connection.send_audio_soon(b"{}")
            assert connection.counts == {"control_lost": 1, "audio_dropped": 1}

    run(story())


def test_a_connection_that_is_cut_is_told_as_1006() -> None:
    async def cut(websocket: ServerConnection) -> None:
        websocket.transport.abort()

    async def story() -> None:
        async with connected(cut) as (_, client):
            assert (await client.closed)[0] == 1006

    run(story())


def test_our_own_close_is_told_too() -> None:
    async def story() -> None:
        async with connected(echo) as (connection, client):
            await connection.close()
            assert (await client.closed)[0] == 1000
            assert connection.backlog == 0

    run(story())


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_server_that_does_not_read_loses_audio_but_no_control_and_then_the_connection(loop: str) -> None:
    async def deaf(websocket: ServerConnection) -> None:
        websocket.transport.pause_reading()
        await websocket.wait_closed()

    async def story() -> None:
        async with connected(deaf, ping_interval=None) as (connection, client):
            audio = append_event(bytes(48_000))
            written = 0
            while connection.send_audio_soon(audio):
                written += 1
                await asyncio.sleep(0)
                assert written < 10_000
            assert connection.backlog < edge.AUDIO_BACKLOG + len(audio) + 14
            assert connection.send_soon(b'{"type":"response.cancel"}')
            before = connection.backlog
            assert not connection.send_audio_soon(audio)
            assert connection.backlog == before
            assert connection.counts["audio_dropped"] == 2
            while connection.send_soon(bytes(256 * 1024)):
                assert connection.backlog < edge.CONTROL_BACKLOG + 512 * 1024
            assert await client.closed == (1006, "The server stopped reading.")

    run(story(), loop=loop)


def test_a_callback_that_fails_does_not_end_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with serving(echo) as port:
            client = Client()

            def fail_once(frame: bytes) -> None:
                if frame == b"1":
                    raise ValueError("cannot")
                client.on_frame(frame)

            connection = await open_connection(settings(port), fail_once, client.on_close)
            connection.send_soon(b"1")
            connection.send_soon(b"2")
            await client.until_frames(1)
            assert client.frames == [b"2"]
            assert connection.counts["callback_failed"] == 1
            await connection.close()

    run(story())
    assert "could not be handled" in caplog.text


def test_a_frame_above_the_limit_closes_the_connection_with_1009(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "MAX_FRAME", 1000)

    async def flood(websocket: ServerConnection) -> None:
        with contextlib.suppress(Exception):
            await websocket.send("x" * 2000)
            await websocket.wait_closed()

    async def story() -> None:
        async with connected(flood) as (_, client):
            assert (await client.closed)[0] == 1009
            assert client.frames == []

    run(story())


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
