"""A media worker as a process: ``python -m talkpath.bridge.worker.process --fd N``."""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys
from typing import TYPE_CHECKING, Final

import structlog
import uvloop

from talkpath.bridge.channel import Channel
from talkpath.bridge.config.process_settings import from_json
from talkpath.bridge.media.heartbeat import Heartbeat, freeze_garbage
from talkpath.bridge.observe.logs import set_up_logs
from talkpath.bridge.observe.metrics import Metrics
from talkpath.bridge.worker.readiness import make_ready_from_json
from talkpath.bridge.worker.worker import Worker
from talkpath.sip import messages as m

if TYPE_CHECKING:
    from collections.abc import Sequence

    from talkpath.bridge.worker.readiness import Readiness

log = structlog.get_logger(__name__)

METRICS_INTERVAL: Final = 1.0
LAST_WORDS: Final = 6.0
"""Seconds that live calls get to end by BYE when the supervisor is gone or says stop."""

REPORT_PATIENCE: Final = 2.0
"""Seconds that the supervisor gets to take the reports of the last calls."""


class WorkerProcess:
    """The event loop's side of a worker: channel, heartbeat, metrics."""

    def __init__(self, sock: socket.socket) -> None:
        self._channel = Channel(sock, self._message, self._supervisor_lost, self._dropped)
        self._metrics: Metrics | None = None
        self._worker: Worker | None = None
        self._heartbeat: Heartbeat | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._ready: tuple[int, Readiness] | None = None
        self._done = asyncio.Event()
        self._exit_code = 0

    async def run(self) -> int:
        """Serve until the supervisor says stop or is gone. Returns the exit code."""
        await self._done.wait()
        deadline = asyncio.get_running_loop().time() + LAST_WORDS
        while self._worker is not None and self._worker.calls:
            if asyncio.get_running_loop().time() > deadline:
                log.error("calls_abandoned", calls=len(self._worker.calls))
                break
            await asyncio.sleep(0.02)
        if self._heartbeat is not None:
            self._heartbeat.stop()
        if self._worker is not None:
            await self._worker.settle()
            self._worker.feed_metrics()
        await self._channel.emptied(REPORT_PATIENCE)
        self._channel.close()
        return self._exit_code

    def _message(self, message: m.AnyMessage) -> None:
        if isinstance(message, m.WorkerSettings):
            try:
                self._set_up(message)
            except Exception as error:  # noqa: BLE001 - tools are somebody else's code, and may raise anything
                self._set_up_failed(error)
        elif isinstance(message, m.NewSettings):
            self._preparing = asyncio.create_task(self._prepare(message))
        elif isinstance(message, m.UseSettings):
            self._use(message.generation)
        elif self._worker is not None:
            self._worker.message(message)
        if isinstance(message, m.Stop):
            self._done.set()

    def _set_up(self, settings: m.WorkerSettings) -> None:
        config = from_json(settings.config_json.value)
        set_up_logs(config.log, process=f"worker-{settings.index}")
        self._metrics = Metrics()
        self._worker = Worker(
            settings, config, self._channel.send, self._metrics, backlog=lambda: self._channel.waiting
        )
        self._heartbeat = Heartbeat(self._worker.plane, self._worker.beat, asyncio.get_running_loop())
        self._heartbeat.start()
        self._feed_metrics()
        freeze_garbage()
        self._channel.send(m.Ready(detail=f"{settings.lanes} lanes"))

    async def _prepare(self, settings: m.NewSettings) -> None:
        """Make another configuration ready, away from the loop that carries the voices."""
        self._ready = None
        problem = ""
        try:
            ready = await asyncio.to_thread(make_ready_from_json, settings.config_json.value)
        except Exception as error:  # noqa: BLE001 - tools are somebody else's code, and may raise anything
            problem = f"{type(error).__name__}: {error}"[:1000]
        else:
            self._ready = (settings.generation, ready)
        self._channel.send(m.SettingsReady(generation=settings.generation, problem=problem))

    def _use(self, generation: int) -> None:
        if self._ready is None or self._ready[0] != generation or self._worker is None:
            log.error("settings_not_ready", generation=generation)
            return
        self._worker.use(self._ready[1])
        self._ready = None

    def _set_up_failed(self, error: Exception) -> None:
        log.error("set_up_failed", exc_info=error)
        problem = f"A media worker could not be set up: {error}"
        self._channel.send(m.SetUpFailed(problem=problem[:1000]))
        self._exit_code = 1
        self._done.set()

    def _feed_metrics(self) -> None:
        if self._worker is not None and not self._done.is_set():
            self._worker.feed_metrics()
            asyncio.get_running_loop().call_later(METRICS_INTERVAL, self._feed_metrics)

    def _dropped(self, cause: str) -> None:
        if self._metrics is not None:
            self._metrics.messages_dropped.labels(cause).inc()

    def _supervisor_lost(self, reason: str) -> None:
        log.error("supervisor_lost", reason=reason)
        if self._worker is not None:
            for call in list(self._worker.calls):
                self._worker.message(m.PeerLost(who="sip", calls=(call,)))
        self._done.set()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a worker on an inherited channel."""
    parser = argparse.ArgumentParser(description="A media worker; started by the supervisor.")
    parser.add_argument("--fd", type=int, required=True, help="inherited SOCK_SEQPACKET socket")
    options = parser.parse_args(arguments)
    # The terminal sends its signals to every process; the supervisor decides what they mean.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sock = socket.socket(fileno=options.fd)
    sock.setblocking(False)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve(sock))


async def serve(sock: socket.socket) -> int:
    """Run the worker at the other end of ``sock``. Returns the exit code."""
    return await WorkerProcess(sock).run()


if __name__ == "__main__":
    sys.exit(main())
