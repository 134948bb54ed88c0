"""The whole daemon, with children that are doubles."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from structlog.testing import capture_logs

from talkpath.bridge.daemon import household
from talkpath.bridge.daemon.run import Daemon, run
from talkpath.bridge.daemon.supervisor import Supervisor
from talkpath.bridge.observe.shared import FOLDER as METRICS_FOLDER
from talkpath.sip import messages as m
from tests.bridge.call.world import configuration
from tests.bridge.daemon.test_children import DOUBLE
from tests.harness.peers import free_port, until

if TYPE_CHECKING:
    from talkpath.bridge.config.model import Config

ORDER = m.Originate(call="o1", uri="sip:b@test", agent="reception")


def config(**more: Any) -> Config:
    return configuration(workers={"count": 1}, **{"http": {"enabled": False}, **more})


@pytest.fixture(autouse=True)
def doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(household, "SIP_PROCESS", DOUBLE)
    monkeypatch.setattr(household, "WORKER_PROCESS", DOUBLE)
    monkeypatch.delenv(METRICS_FOLDER, raising=False)


def stopper(daemon: Daemon) -> Supervisor:
    found = daemon._supervisor
    assert found is not None
    return found


def test_health_tells_the_truth_from_start_to_stop() -> None:
    port = free_port()

    async def story() -> None:
        daemon = Daemon(config(http={"enabled": True, "listen": f"127.0.0.1:{port}"}))
        task = asyncio.create_task(daemon.run())
        await until(lambda: daemon._supervisor and stopper(daemon).ready.is_set())
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            health = (await client.get("/healthz")).json()
            assert set(health["processes"]) == {"sip", "worker-0"}
            assert health["ok"] is True
            up = {"process": "sip"}
            await until(lambda: daemon._metrics.registry.get_sample_value("talkpath_process_up", up) == 1)
            assert 'talkpath_process_up{process="sip"} 1.0' in (await client.get("/metrics")).text
        stopper(daemon).stop()
        assert await task == 0

    asyncio.run(story())


def test_an_http_port_that_is_taken_ends_it_before_anything_is_started() -> None:
    with socket.socket() as taken, capture_logs() as logs:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        assert asyncio.run(Daemon(config(http={"enabled": True, "listen": listen})).run()) == 1
    assert "daemon_failed" in [line["event"] for line in logs]


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (m.CallEnded(call="o1", by="caller", status=200, reason="BYE"), 0),
        (m.CallEnded(call="o1", by="caller", status=486, reason="Busy"), 1),
        (m.CallEnded(call="o1", by="failure", status=503, reason="no model"), 1),
    ],
)
@pytest.mark.parametrize("process", ["sip", "worker-0"])
def test_an_ordered_call_decides_the_exit_code(ended: m.CallEnded, code: int, process: str) -> None:
    async def story() -> None:
        daemon = Daemon(config(), originate=ORDER)
        task = asyncio.create_task(daemon.run())
        await until(lambda: daemon._supervisor and stopper(daemon).ready.is_set())
        daemon._event(process, m.CallEnded(call="another", by="us", status=200, reason=""))
        await asyncio.sleep(0.01)
        assert not task.done()
        daemon._event(process, ended)
        assert await asyncio.wait_for(task, 10) == code

    asyncio.run(story())


def test_an_ordered_call_that_no_worker_can_take_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Supervisor, "originate", lambda _self, _order: False)
    assert asyncio.run(asyncio.wait_for(Daemon(config(), originate=ORDER).run(), 10)) == 1


def test_a_snapshot_needs_a_supervisor() -> None:
    async def story() -> None:
        with pytest.raises(RuntimeError, match="asked before"):
            Daemon(config()).snapshot()

    asyncio.run(story())


def test_the_folder_of_the_metrics_is_there_while_it_runs_and_gone_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folders: list[Path] = []

    async def noted(_self: Daemon) -> int:
        folders.append(Path(os.environ[METRICS_FOLDER]))
        assert folders[0].is_dir()
        return 5

    monkeypatch.setattr(Daemon, "run", noted)
    monkeypatch.setattr(sys.modules[Daemon.__module__], "set_up_logs", lambda _log: None)
    assert run(config()) == 5
    assert not folders[0].exists()
    assert METRICS_FOLDER not in os.environ


def test_systemd_hears_that_it_is_ready_alive_and_stopping(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.setattr(sys.modules[Daemon.__module__], "LOOK_EVERY", 0.02)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        said: list[str] = []

        def heard(wanted: str) -> bool:
            with contextlib.suppress(BlockingIOError):
                said.append(systemd.recv(1000).decode())
            return wanted in said

        async def story() -> None:
            daemon = Daemon(config())
            task = asyncio.create_task(daemon.run())
            await until(lambda: heard("READY=1"))
            said.clear()
            await until(lambda: heard("WATCHDOG=1"))
            stopper(daemon).stop()
            await until(lambda: heard("STOPPING=1"))
            assert await task == 0

        asyncio.run(story())
    assert "READY=1" not in said
