"""What the harnesses of foreign SIP programs share: free ports, waiting for a condition, ending a process."""

import asyncio
import contextlib
import fcntl
import functools
import itertools
import os
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil

RTP_PORTS = 2_000
"""Room for 50 calls a second, whose ports rest for seconds."""
_PORTS = 1_400
_SHARES = 14
_POLL_S = 0.02
PATIENCE_S = 30.0
"""How long anything may take that is waited for: only a failure takes as long."""


class PeerError(AssertionError):
    """A peer did not do what the test needs of it; the text holds what it said last."""


class Running(ABC):
    """A program that a `with` block starts and stops."""

    @abstractmethod
    def start(self) -> None:
        """Start it; it does its work when this returns."""

    @abstractmethod
    def stop(self) -> object:
        """End it; nothing happens when it does not run."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def free_port(room: int = 2) -> int:
    """Return an even port of 127.0.0.1, free for UDP and TCP, outside the range of outgoing connections.

    It and the `room - 1` ports after it are given to nobody else, and not soon again: they may be bound late.
    """
    return next(first for first in _runs(room) if all(map(_is_free, range(first, first + room))))


def rtp_range() -> tuple[int, int]:
    """Return the first and the last of the RTP ports of this process's daemons."""
    first = 30_000 + _share()[0] * RTP_PORTS
    return first, first + RTP_PORTS - 1


def _runs(room: int) -> Iterator[int]:
    """The first ports of runs that follow each other."""
    while True:
        run = list(itertools.islice(_pairs(), (room + 1) // 2))
        if run == sorted(run):  # not around the end
            yield run[0]


@functools.cache
def _pairs() -> Iterator[int]:
    """The even ports of this process, around and around, other processes from another one."""
    first = 10_000 + _share()[0] * _PORTS
    begin = os.getpid() * 2
    return (first + (begin + step) % _PORTS for step in itertools.count(0, 2))


def _is_free(port: int) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        try:
            udp.bind(("127.0.0.1", port))
            tcp.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@functools.cache
def _share() -> tuple[int, IO[bytes] | None]:
    """Which share of the ports is this process's for its life; the file stays locked as long."""
    wished = os.getpid() % _SHARES
    for number in (*range(wished, _SHARES), *range(wished)):
        with contextlib.suppress(OSError):
            return number, _locked(Path(tempfile.gettempdir(), f"talkpath-tests-ports-{number}"))
    return wished, None  # more processes than shares: some have the same


def _locked(path: Path) -> IO[bytes]:
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(path.open("ab"))
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        stack.pop_all()
    return file


def wait_until(
    condition: Callable[[], bool],
    what: str,
    *,
    timeout_s: float = PATIENCE_S,
    process: subprocess.Popen[bytes] | None = None,
    log: Callable[[], str] = str,
) -> None:
    """Return as soon as the condition holds.

    Args:
        condition: Asked again and again.
        what: What is waited for, for the error's text.
        timeout_s: Seconds after which it is an error.
        process: When it ends first, that is an error too.
        log: Gives what the peer said; its last lines go into the error.

    Raises:
        PeerError: The time is over, or the process ended.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        ended = process is not None and process.poll() is not None
        if ended or time.monotonic() > deadline:
            reason = f"ended with {process.returncode}" if ended and process else f"{timeout_s} s went by"
            tail = "\n".join(log().splitlines()[-40:])
            raise PeerError(f"waiting for {what}: {reason}\n{tail}")
        time.sleep(_POLL_S)


async def until(condition: Callable[[], object]) -> None:
    """Return as soon as the condition holds, while the loop goes on; for what sets no event of the loop.

    Raises:
        TimeoutError: It does not within `PATIENCE_S`.
    """
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - other processes set no event
            await asyncio.sleep(0.005)


def has_bound(process: subprocess.Popen[bytes], port: int) -> bool:
    """Tell whether the process owns a socket on the local port."""
    try:
        sockets = psutil.Process(process.pid).net_connections("inet")
    except psutil.NoSuchProcess:
        return False
    return any(each.laddr and each.laddr.port == port for each in sockets)


def end(process: subprocess.Popen[bytes], *, timeout_s: float = 5.0) -> int:
    """Ask the process to end, kill it when it does not, and return its status (a negative signal number)."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


def read_text(path: Path) -> str:
    """Return the text of a log that may not exist yet."""
    return path.read_text(errors="replace") if path.exists() else ""
