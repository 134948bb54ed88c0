"""The socket: real frames on loopback, hostile servers, and the words about what went wrong."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.realtime import connection as edge
from talkpath.bridge.realtime.connection import open_connection
from talkpath.bridge.realtime.wire import append_event
from talkpath.sip.messages import Secret
from tests.bridge.realtime.servers import Client, connected, echo, run, serving, settings

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection


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
