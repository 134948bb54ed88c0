"""A worker as a process: with a supervisor that is the test."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from talkpath.bridge.channel import channel_pair
from talkpath.bridge.config.process_settings import to_json
from talkpath.sip import messages as m
from tests.bridge.call.world import configuration
from tests.harness.incoming import incoming
from tests.harness.peers import free_port

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

MODULE = "talkpath.bridge.worker.process"


class Process:
    """The child and our end of its channel."""

    def __init__(self, child: subprocess.Popen[str], channel: socket.socket) -> None:
        self.child, self.channel = child, channel

    def send(self, message: m.Message) -> None:
        self.channel.send(m.encode(message))

    def settings(self, **agent: Any) -> None:
        port = free_port(room=10)
        config = configuration(agent, log={"level": "info"})
        self.send(
            m.WorkerSettings(
                index=0,
                config_json=m.Secret(to_json(config)),
                first_rtp_port=port,
                last_rtp_port=port + 9,
                lanes=2,
            )
        )

    def receive(self, kind: type[Any], seconds: float = 20.0) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            ready, _, _ = select.select([self.channel], [], [], max(deadline - time.monotonic(), 0))
            assert ready, f"no {kind.__name__} came"
            datagram = self.channel.recv(m.MAX_MESSAGE)
            assert datagram, "the worker closed its channel"
            message = m.decode(datagram)
            if isinstance(message, kind):
                return message


@pytest.fixture
def process() -> Iterator[Process]:
    ours, theirs = channel_pair()
    theirs.setblocking(True)
    child = subprocess.Popen(
        [sys.executable, "-m", MODULE, "--fd", str(theirs.fileno())],
        pass_fds=(theirs.fileno(),),
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    theirs.close()
    try:
        yield Process(child, ours)
    finally:
        child.kill()
        child.communicate()
        ours.close()


def test_it_reports_ready_takes_calls_ignores_signals_and_stops_when_told(process: Process) -> None:
    process.settings()
    assert process.receive(m.Ready).detail == "2 lanes"
    for number in (signal.SIGTERM, signal.SIGINT):
        process.child.send_signal(number)
    process.send(incoming())
    assert process.receive(m.Ring).rtp_port > 0
    process.send(m.Stop())
    assert process.receive(m.Reject).status == 503
    process.send(m.CallEnded(call="c1", by="us", status=503, reason=""))
    assert process.child.wait(10) == 0


def test_a_worker_whose_supervisor_is_gone_ends_by_itself(process: Process) -> None:
    process.settings()
    process.receive(m.Ready)
    process.send(incoming())
    process.receive(m.Ring)
    process.channel.close()
    assert process.child.wait(10) == 0


def test_a_tool_that_is_missing_is_told_and_ends_the_worker(process: Process) -> None:
    process.settings(tools=["no_such_module:tool"])
    assert "no_such_module" in process.receive(m.SetUpFailed).problem
    assert process.child.wait(10) == 1


def test_messages_before_the_settings_do_no_harm(process: Process) -> None:
    process.send(incoming())
    process.channel.send(b"\xff\xff")
    process.settings()
    process.receive(m.Ready)
    process.send(m.Stop())
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.child.wait(10)
    assert process.child.returncode == 0
