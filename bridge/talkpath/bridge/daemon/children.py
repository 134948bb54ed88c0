"""Child processes: start them with a channel, notice their end, start them again with back-off."""

from __future__ import annotations

import asyncio
import collections
import errno
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog

from talkpath.bridge.channel import Channel, channel_pair
from talkpath.sip import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = structlog.get_logger(__name__)

FIRST_BACKOFF: Final = 0.1
LONGEST_BACKOFF: Final = 10.0
HEALTHY_AFTER: Final = 30.0
"""Seconds of life after which a child's earlier deaths are forgiven."""

PATIENCE_WITHOUT_CHANNEL: Final = 3.0
"""Seconds that a child has to exit by itself once its channel is gone."""

SINGLE_THREADED_BLAS: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""A worker's matrices are small: BLAS threads would only spin on the cores of the other workers."""

PLAIN_VARIABLES: Final = frozenset(
    {"HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ", "VIRTUAL_ENV"}
)
PLAIN_PREFIXES: Final = ("LC_", "PROMETHEUS_", "PYTHON")
"""Names of variables that hold no secrets."""


def restart_delay(failures: int) -> float:
    """Seconds to wait before a start, after ``failures`` deaths in a row."""
    if failures == 0:
        return 0.0
    # The exponent is bounded, too: after a night of failures the power would no longer fit a float.
    return float(min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** min(failures - 1, 16)))


@dataclass(slots=True)
class ChildSpec:
    """What to run and whom to tell.

    Attributes:
        name: For logs and metrics: ``sip``, ``worker-0``.
        module: Python module that is run with ``--fd N``.
        on_started: Called with the child each time it runs, to send its settings.
        on_message: Called with each message from it.
        on_lost: Called when it died or closed its channel, before it is started again.
        environment: Added to what it inherits.
        inherits_all: It gets the whole environment of the daemon; otherwise nothing that may be secret.
    """

    name: str
    module: str
    on_started: Callable[[Child], None]
    on_message: Callable[[messages.AnyMessage], None]
    on_lost: Callable[[str], None]
    environment: Mapping[str, str] = field(default_factory=dict)
    inherits_all: bool = True


def inherited(environment: Mapping[str, str], *, everything: bool) -> dict[str, str]:
    """What a child gets of our own environment, in which there may be keys and passwords.

    Args:
        environment: Usually ``os.environ``.
        everything: Otherwise only what an interpreter needs to run.
    """
    return {
        name: value
        for name, value in environment.items()
        if everything or name in PLAIN_VARIABLES or name.startswith(PLAIN_PREFIXES)
    }


class Child:
    """One child process, restarted until `run` is cancelled or `end` is called.

    Attributes:
        ready: Whether it runs and said so.
        restarts: How often it was started again.
        dropped: Messages to and from it that were lost while it lived, by cause.
    """

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.ready = False
        self.restarts = 0
        self.dropped: collections.Counter[str] = collections.Counter()
        self._stopping = asyncio.Event()
        self._channel: Channel | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def send(self, message: messages.Message) -> None:
        """Send a message; nobody there: the message goes nowhere (the loss was or will be reported)."""
        if self._channel is not None:
            self._channel.send(message)

    async def run(self) -> None:
        """Keep the child alive until it is told to stop."""
        failures = 0
        while not await self._told_to_stop_within(restart_delay(failures)):
            started = time.monotonic()
            reason = await self._run_once()
            if self._stopping.is_set():
                return
            failures = 1 if time.monotonic() - started > HEALTHY_AFTER else failures + 1
            self.restarts += 1
            log.error(
                "process_died", process=self.spec.name, reason=reason, restart_in=restart_delay(failures)
            )
            self.spec.on_lost(reason)

    async def end(self, patience: float) -> None:
        """Tell the child to stop, wait ``patience`` seconds for it to end by itself, then kill it."""
        self._stopping.set()
        async with self._starting:  # a child that is just being started gets to know, too
            process = self._process
        if process is None or process.returncode is not None:
            return
        self.send(messages.Stop(reason="shutting down"))
        await self._wait_or_kill(process, patience)

    async def _told_to_stop_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), max(seconds, 0.001))
        except TimeoutError:
            return False
        return True

    async def _run_once(self) -> str:
        gone = asyncio.Event()
        closed_because: list[str] = []

        def lost(reason: str) -> None:
            closed_because.append(reason)
            gone.set()

        async with self._starting:
            if self._stopping.is_set():
                return "stopped before it was started"
            try:
                process = await self._start(lost)
            except OSError as error:  # no memory, no process slot, no descriptor: that may pass
                full = error.errno in {errno.EMFILE, errno.ENFILE}
                return f"cannot be started: {error}{'; raise LimitNOFILE and restart' if full else ''}"
            self.spec.on_started(self)
        exited = asyncio.create_task(process.wait())
        closed = asyncio.create_task(gone.wait())
        try:
            await asyncio.wait((exited, closed), return_when=asyncio.FIRST_COMPLETED)
            if not exited.done():
                await self._wait_or_kill(process, PATIENCE_WITHOUT_CHANNEL)
            return self._describe(process.returncode, closed_because)
        finally:
            self.ready = False
            exited.cancel()
            closed.cancel()
            if self._channel is not None and exited.done():
                self._channel.read_rest()  # its last words may still be on the way
            self._close_channel()

    async def _start(self, lost: Callable[[str], None]) -> asyncio.subprocess.Process:
        """Start the process with a channel of its own.

        Raises:
            OSError: the system does not have what it takes.
        """
        ours, theirs = channel_pair()
        theirs.setblocking(True)
        environment = {
            **inherited(os.environ, everything=self.spec.inherits_all),
            **SINGLE_THREADED_BLAS,
            **self.spec.environment,
        }
        command = (sys.executable, "-m", self.spec.module, "--fd", str(theirs.fileno()))
        # A child ignores these as soon as it can. Until then Ctrl-C, which a terminal sends to all, waits.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
        try:
            process = await asyncio.create_subprocess_exec(
                *command, pass_fds=(theirs.fileno(),), env=environment, stdin=asyncio.subprocess.DEVNULL
            )
        except BaseException:
            ours.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()
        self._process = process
        self._channel = Channel(ours, self.spec.on_message, lost, self._drop)
        return process

    def _drop(self, cause: str) -> None:
        self.dropped[cause] += 1

    def _close_channel(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    async def _wait_or_kill(self, process: asyncio.subprocess.Process, patience: float) -> None:
        exited = asyncio.create_task(process.wait())
        done, _ = await asyncio.wait((exited,), timeout=patience)
        if not done:
            log.error("process_killed", process=self.spec.name, after_seconds=patience)
            process.kill()
            await exited

    @staticmethod
    def _describe(returncode: int | None, closed_because: list[str]) -> str:
        if returncode is not None and returncode < 0:
            return f"killed by signal {-returncode}"
        if returncode:
            return f"exit code {returncode}"
        return closed_because[0] if closed_because else "ended by itself"
