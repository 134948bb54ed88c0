from __future__ import annotations

import asyncio
import signal
import socket
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from talkpath.bridge.http.app import HttpServer, HttpServerError, create_app
from talkpath.bridge.http.health import DaemonSnapshot, ProcessHealth
from talkpath.bridge.observe.metrics import Metrics

UP = (ProcessHealth("sip", ready=True, pid=11), ProcessHealth("worker-0", ready=True, pid=12, restarts=3))


class Daemon:
    def __init__(self, **facts: Any) -> None:
        self.facts = {"version": "1.2", "uptime": 3.0, "processes": UP, **facts}

    def snapshot(self) -> DaemonSnapshot:
        return DaemonSnapshot(**self.facts)


def client(**facts: Any) -> TestClient:
    return TestClient(create_app(Daemon(**facts), Metrics()))


def test_a_running_daemon_is_healthy_and_tells_of_its_processes() -> None:
    answer = client(calls=4, free_lanes=96).get("/healthz")
    assert answer.status_code == 200
    body = answer.json()
    assert body["ok"] is True
    assert body["calls"] == 4
    assert body["processes"]["worker-0"] == {"ready": True, "pid": 12, "restarts": 3}


def test_a_dead_worker_makes_the_daemon_unhealthy_but_not_unready() -> None:
    processes = (*UP, ProcessHealth("worker-1", ready=False))
    assert client(processes=processes).get("/healthz").status_code == 503
    assert client(processes=processes).get("/readyz").status_code == 200


def test_a_draining_daemon_is_healthy_and_not_ready() -> None:
    assert client(draining=True).get("/healthz").status_code == 200
    answer = client(draining=True).get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["problems"] == ["Draining: no new calls."]


def test_metrics_are_served_as_prometheus_text() -> None:
    metrics = Metrics()
    metrics.build_info.labels("1.2", "3").set(1)
    answer = TestClient(create_app(Daemon(), metrics)).get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert 'talkpath_build_info{python="3",version="1.2"} 1.0' in answer.text


def test_nothing_else_is_served() -> None:
    assert client().get("/docs").status_code == 404
    assert client().get("/openapi.json").status_code == 404


def test_the_server_runs_in_the_loop_on_any_free_port_and_can_be_stopped() -> None:
    async def story() -> None:
        server = HttpServer(create_app(Daemon(), Metrics()), "127.0.0.1", 0)
        address = await server.start()
        assert address.port > 0
        async with httpx.AsyncClient() as http:
            answer = await http.get(f"http://{address}/healthz")
        assert answer.status_code == 200
        await server.stop()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(address.host, address.port)

    asyncio.run(story())


def test_the_server_leaves_signals_to_the_daemon() -> None:
    async def story() -> None:
        before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
        server = HttpServer(create_app(Daemon(), Metrics()), "127.0.0.1", 0)
        await server.start()
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
        await server.stop()

    asyncio.run(story())


def test_a_port_in_use_is_refused_in_a_sentence() -> None:
    async def story() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with pytest.raises(HttpServerError, match=rf"127\.0\.0\.1:{port}: another program has it"):
                await HttpServer(create_app(Daemon(), Metrics()), "127.0.0.1", port).start()

    asyncio.run(story())


def test_an_address_of_another_machine_is_refused_in_a_sentence() -> None:
    with pytest.raises(HttpServerError, match="does not have that address"):
        asyncio.run(HttpServer(create_app(Daemon(), Metrics()), "192.0.2.1", 9).start())
