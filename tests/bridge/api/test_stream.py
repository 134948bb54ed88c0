"""The stream of events over a real socket."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Self

import httpx

from talkpath.bridge.api.app import PREFIX
from talkpath.bridge.api.hub import MAX_QUEUED
from talkpath.bridge.http.app import HttpServer
from talkpath.sip import messages as m
from tests.bridge.api.daemon_double import OPERATE, READ, DaemonDouble
from tests.bridge.api.told import began, over, said, state
from tests.harness.peers import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Served:
    """The API of a double on a port of its own."""

    def __init__(self, **config: Any) -> None:
        self.daemon = DaemonDouble(**config)
        self.server = HttpServer(self.daemon.app, "127.0.0.1", 0)

    async def __aenter__(self) -> Self:
        self.address = await self.server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.daemon.control.close()
        await self.server.stop()

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=f"http://{self.address}{PREFIX}", headers={"Authorization": f"Bearer {READ}"}
        )


async def events_of(answer: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    kind = ""
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)


def test_a_listener_gets_a_snapshot_and_then_what_happens() -> None:
    async def story() -> None:
        async with Served() as served, served.client() as http:
            control = served.daemon.control
            control.message("worker-0", began("c-0"))
            async with http.stream("GET", "/events") as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                events = events_of(answer)
                kind, snapshot = await anext(events)
                assert kind == "snapshot"
                assert [call["id"] for call in snapshot["calls"]] == ["c-0"]
                assert served.daemon.told == [m.Watch(on=True)]
                for message in (began(), state("talking"), said("Hi", final=False), over()):
                    control.message("worker-0", message)
                kinds = [(await anext(events))[0] for _ in range(4)]
                assert kinds == ["call.started", "call.changed", "call.said", "call.ended"]
            await until(lambda: len(served.daemon.told) == 2)
            assert served.daemon.told[-1] == m.Watch(on=False)

    asyncio.run(story())


def test_a_worker_that_starts_again_is_told_that_somebody_watches() -> None:
    async def story() -> None:
        async with Served() as served, served.client() as http, http.stream("GET", "/events") as answer:
            events = events_of(answer)
            await anext(events)
            served.daemon.told.clear()
            served.daemon.control.message("worker-0", m.Ready())
            assert served.daemon.told == [m.Watch(on=True)]

    asyncio.run(story())


def test_a_listener_that_does_not_read_is_let_go_and_counted() -> None:
    async def story() -> None:
        async with Served() as served:
            reader, writer = await asyncio.open_connection(*served.address, limit=4096)
            writer.write(
                f"GET {PREFIX}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {READ}\r\n\r\n".encode()
            )
            await reader.readuntil(b"snapshot")
            control, metrics = served.daemon.control, served.daemon.metrics
            control.message("worker-0", began())

            def dropped() -> float | None:
                control.message("worker-0", said("word " * 700, final=True))
                return metrics.registry.get_sample_value("talkpath_api_listeners_dropped_total")

            for _ in range(20 * MAX_QUEUED):
                if dropped():
                    break
                await asyncio.sleep(0)
            assert dropped() == 1
            await until(lambda: metrics.registry.get_sample_value("talkpath_api_listeners") == 0)
            writer.transport.abort()

    asyncio.run(story())


def test_who_loses_the_token_by_a_reload_hears_nothing_more() -> None:
    async def story() -> None:
        async with Served() as served, served.client() as http:
            async with http.stream("GET", "/events") as answer:
                events = events_of(answer)
                assert (await anext(events))[0] == "snapshot"
                api = {"operate": {"alice": OPERATE}, "read": {"wall": READ[::-1]}}  # the same name
                served.daemon.config = DaemonDouble(api=api).config
                served.daemon.control.message("worker-0", began("c-0"))
                assert [event async for event in events] == []
            await until(lambda: len(served.daemon.told) == 2)
            assert served.daemon.told[-1] == m.Watch(on=False)

    asyncio.run(story())


def test_the_end_of_the_daemon_ends_the_stream_in_good_order() -> None:
    async def story() -> None:
        async with Served() as served, served.client() as http, http.stream("GET", "/events") as answer:
            events = events_of(answer)
            await anext(events)
            served.daemon.control.close()
            assert [event async for event in events] == []

    asyncio.run(story())
