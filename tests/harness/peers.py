"""What the harnesses of foreign SIP programs share: free ports, waiting for a condition, ending a process."""

import contextlib
import fcntl
import functools
import itertools
import os
import random
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


def free_port() -> int:
    """Return an even port of 127.0.0.1, free for UDP and TCP, outside the range of outgoing connections.

    No other test process is given the same one, and this one not soon again: it may be bound late. The 100
    ports from there on belong to no other process either.
    """
    for port in _ports():
        with (
            socket.socket(type=socket.SOCK_DGRAM) as udp,
            socket.socket() as tcp,
            contextlib.suppress(OSError),
        ):
            udp.bind(("127.0.0.1", port))
            tcp.bind(("127.0.0.1", port))
            break
    return port


def rtp_range() -> tuple[int, int]:
    """Return the first and the last of the RTP ports of this process's daemons."""
    first = 30_000 + _share()[0] * RTP_PORTS
    return first, first + RTP_PORTS - 1


@functools.cache
def _ports() -> Iterator[int]:
    first = 10_000 + _share()[0] * _PORTS
    ports = list(range(first, first + _PORTS - 100, 2))
    random.shuffle(ports)
    return itertools.cycle(ports)


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
    timeout_s: float = 10.0,
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
