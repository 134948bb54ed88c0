"""The supervisor and a worker, played by the test, around one real SIP process."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self, TypeVar

from talkpath.sip import messages as m
from tests.harness.peers import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

M = TypeVar("M", bound=m.Message)

PATIENCE = 30.0
LANES = 100_000


@dataclass
class SipProcessDouble:
    """What a test holds of a running SIP process."""

    process: subprocess.Popen[bytes]
    channel: socket.socket
    port: int
    inbox: list[m.AnyMessage] = field(default_factory=list)
    history: list[m.AnyMessage] = field(default_factory=list)
    on_message: Callable[[m.AnyMessage], None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def send(self, message: m.Message) -> None:
        self.channel.send(m.encode(message))

    def pump(self, seconds: float) -> bool:
        """Take one message if one comes in time; returns whether one came."""
        readable, _, _ = select.select([self.channel], [], [], max(0.0, seconds))
        if not readable:
            return False
        datagram = self.channel.recv(m.MAX_MESSAGE)
        if not datagram:
            raise EOFError("the SIP process closed its channel")
        message = m.decode(datagram)
        self.history.append(message)
        self.inbox.append(message)
        if self.on_message:
            self.on_message(message)
        return True

    def expect(self, kind: type[M], when: Callable[[M], bool] = lambda _: True) -> M:
        """Wait for a message of this kind; earlier ones of other kinds stay in the inbox."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for message in self.inbox:
                if isinstance(message, kind) and when(message):
                    self.inbox.remove(message)
                    return message
            if not self.pump(deadline - time.monotonic()):
                names = [type(message).__name__ for message in self.history]
                raise AssertionError(f"no {kind.__name__} came; got {names}")

    def seen(self, kind: type[M]) -> list[M]:
        return [message for message in self.history if isinstance(message, kind)]

    def run_until(self, done: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Take messages until the condition holds."""
        deadline = time.monotonic() + patience
        while not done():
            left = deadline - time.monotonic()
            assert left > 0, f"it did not happen within {patience} s"
            self.pump(min(left, 0.05))

    def counters(self) -> dict[str, int]:
        """Counters of the next or last statistics."""
        seen = self.seen(m.SipStatistics)
        return seen[-1].counters if seen else {}

    def expect_counter(self, name: str, value: int = 1) -> None:
        self.run_until(lambda: self.counters().get(name, 0) >= value)

    def expect_gauge(self, name: str, value: int) -> None:
        def reached() -> bool:
            seen = self.seen(m.SipStatistics)
            return bool(seen) and seen[-1].gauges.get(name) == value

        self.run_until(reached)

    def end(self) -> int:
        """Tell it to stop and wait for its exit status."""
        with contextlib.suppress(OSError):
            self.send(m.Stop(reason="the test is over"))
        with contextlib.suppress(EOFError, OSError, AssertionError):
            self.run_until(lambda: self.process.poll() is not None)
        return self.process.wait(PATIENCE)


def start(settings: m.SipSettings, port: int) -> SipProcessDouble:
    """Start a SIP process and send its settings; does not wait for `Ready`."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "talkpath.sip.process", "--fd", str(theirs.fileno())]
    with theirs:
        process = subprocess.Popen(
            command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, env={**os.environ}
        )
    double = SipProcessDouble(process, ours, port)
    double.send(settings)
    return double


@contextlib.contextmanager
def running(settings: m.SipSettings, *, lanes: int = LANES) -> Iterator[SipProcessDouble]:
    """A SIP process that is ready and admits calls; stopped at the end, which must be orderly."""
    with start(settings, settings.listeners[0].port) as double:
        # Before `Ready`, so that it is known before the first request is looked at.
        double.send(m.Admission(draining=False, free_lanes=lanes))
        double.expect(m.Ready)
        yield double
        status = double.end()
        assert status == 0, f"the SIP process ended with status {status}"


def settings(**changes: object) -> m.SipSettings:
    """Settings with one UDP listener on a free loopback port."""
    values: dict[str, object] = {
        "listeners": (m.Listener(transport="udp", host="127.0.0.1", port=free_port()),),
        **changes,
    }
    return m.SipSettings(**values)  # type: ignore[arg-type]  # a test names its fields itself
