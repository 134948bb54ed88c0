"""Starts what the demo needs (simulator, daemon, caller), listens to all of it, ends it again."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING, Final

from talkpath.bridge.demo import daemon_log, events
from talkpath.bridge.demo.configuration import LOOPBACK, configuration, free_rtp_ports, free_udp_port
from talkpath.bridge.simulator.server import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from talkpath.bridge.demo.daemon_log import LogLine
    from talkpath.bridge.simulator.reply import Persona

CONFIGURATION: Final = "talkpath.toml"
DAEMON_LOG: Final = "daemon.log"
CALLER_LOG: Final = "caller.log"
START_PATIENCE: Final = 20.0
CALL_PATIENCE: Final = 120.0
STOP_PATIENCE: Final = 10.0


class StageError(RuntimeError):
    """Something did not start; the sentence says what and what to do."""


class Stage:
    """The three parties of the demo.

    Args:
        folder: where everything is left.
        persona: makes who answers; called in a thread while the others start.
        on_line: told about each line of the daemon's log.
        on_report: told about each report of the caller.
        party: module of the caller's process, and what it is told besides the folder.
        configure: writes the configuration: address of the model, SIP port, RTP ports, its own path.

    Attributes:
        simulator: the model's side, to be asked afterwards what it remembers.
        sip_uri: whom the caller calls.
        daemon_exit: exit code of the daemon once it has ended.
        caller_exit: exit code of the caller once it has ended.
    """

    def __init__(
        self,
        folder: Path,
        persona: Callable[[], Persona],
        on_line: Callable[[LogLine], None],
        on_report: Callable[[events.Report], None],
        *,
        party: Sequence[str] = ("talkpath.bridge.demo.caller",),
        configure: Callable[[str, int, tuple[int, int], str], str] = configuration,
    ) -> None:
        self.folder = folder
        self.simulator = Simulator(LOOPBACK, 0, persona="tone")
        self.sip_uri = ""
        self.daemon_exit: int | None = None
        self.caller_exit: int | None = None
        self._persona = persona
        self._on_line = on_line
        self._on_report = on_report
        self._party = party
        self._configure = configure
        self._ready = asyncio.Event()
        self._prepared = asyncio.Event()
        self._call_ended = asyncio.Event()
        self._readers: list[asyncio.Task[None]] = []
        self._last_words = ""
        self._daemon: asyncio.subprocess.Process | None = None
        self._caller: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start all three and wait until a call can be placed.

        Raises:
            StageError: one of them did not start.
        """
        await self.simulator.start()
        caller = await self._start_caller()
        daemon = await self._start_daemon()
        self.simulator.persona = await asyncio.to_thread(self._persona)
        await self._wait("the caller", self._prepared, caller)
        await self._wait("the daemon", self._ready, daemon)

    async def call(self) -> None:
        """Let the caller call, and wait until the call is over on both sides.

        Raises:
            StageError: the call does not end.
        """
        if self._caller is None or self._caller.stdin is None:
            return
        self.tell(self.sip_uri)
        try:
            self.caller_exit = await asyncio.wait_for(self._caller.wait(), CALL_PATIENCE)
        except TimeoutError:
            raise StageError(f"the caller still talks after {CALL_PATIENCE:.0f} s") from None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._call_ended.wait(), STOP_PATIENCE)

    def tell(self, line: str) -> None:
        """Say something to the caller's process."""
        if self._caller is not None and self._caller.stdin is not None:
            self._caller.stdin.write(f"{line}\n".encode())

    async def stop(self) -> None:
        """End whatever runs, politely first."""
        await self._end(self._caller, signal.SIGKILL)
        await self._end(self._daemon, signal.SIGTERM)
        if self._daemon is not None:
            self.daemon_exit = self._daemon.returncode
        await asyncio.gather(*self._readers, return_exceptions=True)
        await self.simulator.stop()

    async def _start_daemon(self) -> asyncio.subprocess.Process:
        sip_port = free_udp_port()
        self.sip_uri = f"sip:reception@{LOOPBACK}:{sip_port}"
        path = self.folder / CONFIGURATION
        path.write_text(self._configure(self.simulator.url, sip_port, free_rtp_ports(), str(path)))
        self._daemon = daemon = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "talkpath", "run", "-c", str(path)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C ends the demo, and the demo ends the daemon
        )
        self._readers.append(asyncio.create_task(self._read_log(daemon)))
        return daemon

    async def _start_caller(self) -> asyncio.subprocess.Process:
        with (self.folder / CALLER_LOG).open("wb") as complaints:
            self._caller = caller = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", self._party[0], str(self.folder), *self._party[1:]),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=complaints,
                start_new_session=True,
            )
        self._readers.append(asyncio.create_task(self._read_reports(caller)))
        return caller

    async def _read_log(self, daemon: asyncio.subprocess.Process) -> None:
        if daemon.stderr is None:
            return
        with (self.folder / DAEMON_LOG).open("wb") as copy:
            async for raw in daemon.stderr:
                copy.write(raw)
                line = daemon_log.parse(raw)
                if line is None:
                    self._last_words = raw.decode(errors="replace").strip() or self._last_words
                    continue
                if line.event == "ready":
                    self._ready.set()
                elif line.event == "call_ended":
                    self._call_ended.set()
                self._on_line(line)

    async def _read_reports(self, caller: asyncio.subprocess.Process) -> None:
        if caller.stdout is None:
            return
        async for raw in caller.stdout:
            report = events.decode(raw)
            if isinstance(report, events.Prepared):
                self._prepared.set()
            self._on_report(report)

    async def _wait(self, who: str, event: asyncio.Event, process: asyncio.subprocess.Process) -> None:
        """Wait until somebody is ready, or see them die first."""
        waits = [asyncio.create_task(event.wait()), asyncio.create_task(process.wait())]
        await asyncio.wait(waits, timeout=START_PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if not event.is_set():
            log = DAEMON_LOG if who == "the daemon" else CALLER_LOG
            state = "did not start" if process.returncode is None else f"ended with {process.returncode}"
            words = f" ({self._last_words})" if self._last_words and log == DAEMON_LOG else ""
            raise StageError(f"{who} {state}{words}; {self.folder / log} says more")

    async def _end(self, process: asyncio.subprocess.Process | None, number: signal.Signals) -> None:
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            await asyncio.wait_for(process.wait(), STOP_PATIENCE)
        except TimeoutError:
            process.kill()
            await process.wait()
