from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.server import serve

from talkpath.bridge.config.endpoint import endpoint
from talkpath.bridge.config.model import Config
from talkpath.bridge.doctor.model import Unreachable, examine_models, judge_first_event, judge_transport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from websockets.asyncio.server import ServerConnection

    from talkpath.bridge.doctor.findings import Finding

    Handler = Callable[[ServerConnection], Awaitable[None]]


def config(url: str, **realtime: object) -> Config:
    return Config.model_validate(
        {
            "realtime": {"url": url, "api_key": "sk-secret", "connect_timeout": "2s", **realtime},
            "agents": {"a": {}, "b": {}},
        }
    )


def examine(handler: Handler, scheme: str = "ws") -> list[Finding]:
    async def story() -> list[Finding]:
        async with serve(handler, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            return await examine_models(config(f"{scheme}://127.0.0.1:{port}/v1/realtime"))

    return asyncio.run(story())


def says(frame: str) -> Handler:
    async def handler(connection: ServerConnection) -> None:
        await connection.send(frame)
        await connection.wait_closed()

    return handler


def test_a_session_is_opened_once_for_agents_that_share_a_model_and_closed_again() -> None:
    seen: list[tuple[str, str | None]] = []

    async def handler(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append((connection.request.path, connection.request.headers.get("Authorization")))
        await connection.send('{"type": "session.created"}')
        seen.extend([(str(message), "sent by the doctor") async for message in connection])

    found = examine(handler)
    assert [finding.level for finding in found] == ["ok", "ok"]
    assert seen == [("/v1/realtime?model=gpt-realtime-2", "Bearer sk-secret")]


def test_a_wrong_key_is_found_after_the_handshake() -> None:
    error = {"type": "invalid_request_error", "code": "invalid_api_key", "message": "Incorrect key."}
    found = examine(says(json.dumps({"type": "error", "error": error})))
    assert found[-1].level == "fail"
    assert "invalid_api_key: Incorrect key." in found[-1].message
    assert "Correct the key" in found[-1].fix


def test_a_server_that_is_silent_is_not_waited_for_forever() -> None:
    async def silent(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async def story() -> list[Finding]:
        async with serve(silent, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            return await examine_models(config(f"ws://127.0.0.1:{port}", connect_timeout="200ms"))

    assert "No session within 0.2 s" in asyncio.run(story())[-1].message


def test_a_port_where_nobody_listens_is_told() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        found = asyncio.run(examine_models(config(f"ws://127.0.0.1:{port}/v1/realtime")))
    assert found[-1].message == f"127.0.0.1 port {port} cannot be connected: ECONNREFUSED."


def test_an_ordinary_web_server_is_told() -> None:
    async def story() -> list[Finding]:
        async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await examine_models(config(f"ws://127.0.0.1:{port}/"))

    found = asyncio.run(story())[-1]
    assert "HTTP 404 instead of a WebSocket" in found.message
    assert "Correct url" in found.fix


@pytest.mark.parametrize("frame", ["", "[]", "{}", b"\xff", '{"type": "hello"}'])
def test_a_server_that_does_not_speak_realtime_is_told(frame: str | bytes) -> None:
    with pytest.raises(Unreachable, match="does not speak Realtime"):
        judge_first_event(frame, has_key=True)


def test_a_refusal_for_want_of_a_key_says_so() -> None:
    with pytest.raises(Unreachable) as refused:
        judge_first_event('{"type": "error", "error": null}', has_key=False)
    assert "Set api_key" in refused.value.finding.fix


def test_a_key_in_the_clear_is_a_warning_unless_it_stays_on_this_machine() -> None:
    assert [one.level for one in judge_transport(endpoint(config("ws://model.example/"), "a"))] == ["warn"]
    assert judge_transport(endpoint(config("wss://model.example/"), "a")) == []
    assert judge_transport(endpoint(config("ws://127.0.0.1/"), "a")) == []
