"""Reading the configuration again, with children that are doubles."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from talkpath.bridge.config.load import load
from talkpath.bridge.daemon import household
from talkpath.bridge.daemon.reload import WAITING
from talkpath.bridge.daemon.run import Daemon
from talkpath.bridge.observe.shared import FOLDER as METRICS_FOLDER
from tests.bridge.daemon.test_children import DOUBLE
from tests.harness.peers import until

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

FILE = """
[http]
enabled = false
[records]
url = "off"
[workers]
count = {workers}
[realtime]
url = "ws://127.0.0.1:9/v1/realtime"
[agents.reception]
greeting = "{greeting}"
"""


@pytest.fixture(autouse=True)
def doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(household, "SIP_PROCESS", DOUBLE)
    monkeypatch.setattr(household, "WORKER_PROCESS", DOUBLE)
    monkeypatch.delenv(METRICS_FOLDER, raising=False)


class Running:
    """A daemon and its file."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.path = folder / "talkpath.toml"
        self.write(more=more)
        self.daemon = Daemon(load(self.path).config, path=self.path)

    def write(self, greeting: str = "Hello.", workers: int = 1, more: str = "") -> None:
        self.path.write_text(FILE.format(greeting=greeting, workers=workers) + more)

    @property
    def greeting(self) -> str | None:
        found = self.daemon._supervisor
        assert found is not None
        return found.config.agents["reception"].greeting

    def metric(self, name: str) -> float:
        value = self.daemon._metrics.registry.get_sample_value(f"talkpath_config_last_reload_{name}")
        assert value is not None
        return value


def live(folder: Path, story: Callable[[Running], Coroutine[Any, Any, None]], more: str = "") -> list[Any]:
    """Run a story with a daemon that is ready; returns what was logged."""

    async def whole() -> None:
        running = Running(folder, more)
        task = asyncio.create_task(running.daemon.run())
        found = running.daemon
        await until(lambda: found._supervisor and found._supervisor.ready.is_set())
        await story(running)
        assert found._supervisor is not None
        found._supervisor.stop()
        assert await asyncio.wait_for(task, 20) == 0

    with capture_logs() as logs:
        asyncio.run(whole())
    return list(logs)


def test_sighup_takes_over_what_the_file_says_now(tmp_path: Path) -> None:
    async def story(running: Running) -> None:
        assert running.metric("successful") == 1
        before = running.metric("success_timestamp_seconds")
        running.write(greeting="Good evening.")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: running.greeting == "Good evening.")
        await until(lambda: running.metric("success_timestamp_seconds") > before)

    logs = live(tmp_path, story)
    assert {"event": "reloaded", "changed": ["agents.reception.greeting"], "log_level": "info"} in logs


def test_a_bad_file_is_refused_with_file_key_and_hint_and_the_old_one_stays(tmp_path: Path) -> None:
    async def story(running: Running) -> None:
        running.write(greeting="Good evening.", more='\nvoise = "alloy"\n')
        outcome = await running.daemon.reload()
        assert "talkpath.toml:13: agents.reception.voise: unknown key" in outcome.problems[0]
        assert 'Did you mean "voice"?' in outcome.problems[0]
        assert running.greeting == "Hello."
        assert running.metric("successful") == 0
        running.write(greeting="Good evening.")
        assert (await running.daemon.reload()).problems == ()
        assert running.metric("successful") == 1

    refused = [line for line in live(tmp_path, story) if line["event"] == "reload_refused"]
    assert [line["log_level"] for line in refused] == ["error"]
    assert "voise" in refused[0]["problem"]


def test_what_waits_for_a_restart_is_named_and_the_rest_is_taken(tmp_path: Path) -> None:
    async def story(running: Running) -> None:
        running.write(greeting="Good evening.", workers=4)
        outcome = await running.daemon.reload()
        assert outcome.waiting == ("workers.count",)
        assert outcome.changed == ("agents.reception.greeting",)
        assert running.greeting == "Good evening."

    warned = [line for line in live(tmp_path, story) if line["event"] == "reload_needs_restart"]
    assert [line["keys"] for line in warned] == [["workers.count"]]
    assert warned[0]["problem"] == WAITING


def test_certificates_that_cannot_be_used_are_refused_before_anything_changes(tmp_path: Path) -> None:
    tls = f"""
[sip]
listen = ["tls:127.0.0.1:5061"]
[sip.tls]
certificate = "{tmp_path}/NAME.pem"
private_key = "{tmp_path}/NAME.pem"
"""
    for name in ("old", "new"):
        (tmp_path / f"{name}.pem").write_text("no certificate")

    async def story(running: Running) -> None:
        running.write(greeting="Good evening.", more=tls.replace("NAME", "new"))
        (problem,) = (await running.daemon.reload()).problems
        assert problem.startswith(f"sip.tls: the certificate {tmp_path}/new.pem cannot be used with its key")
        assert "name others, and reload" in problem
        assert running.greeting == "Hello."

    live(tmp_path, story, tls.replace("NAME", "old"))


def test_two_reloads_at_once_come_one_after_the_other(tmp_path: Path) -> None:
    async def story(running: Running) -> None:
        running.write(greeting="Good evening.")
        outcomes = await asyncio.gather(running.daemon.reload(), running.daemon.reload())
        assert sorted(outcome.changed for outcome in outcomes) == [(), ("agents.reception.greeting",)]

    live(tmp_path, story)


def test_a_file_that_is_gone_changes_nothing(tmp_path: Path) -> None:
    async def story(running: Running) -> None:
        running.path.unlink()
        assert "cannot be read" in (await running.daemon.reload()).problems[0]
        assert running.greeting == "Hello."

    live(tmp_path, story)


def test_a_daemon_without_a_file_says_so(tmp_path: Path) -> None:
    async def story(running: Running) -> None:
        assert running.daemon._reloader is not None
        running.daemon._reloader._path = None
        assert "without a file" in (await running.daemon.reload()).problems[0]

    live(tmp_path, story)


def test_a_daemon_that_ends_takes_nothing_over(tmp_path: Path) -> None:
    async def story(running: Running) -> None:
        running.write(greeting="Good evening.")
        assert running.daemon._supervisor is not None
        running.daemon._supervisor.stop()
        await until(lambda: running.daemon._supervisor and running.daemon._supervisor.draining)
        assert "starting or ending" in (await running.daemon.reload()).problems[0]

    live(tmp_path, story)
