"""Run the whole daemon: logs, metrics folder, supervisor, HTTP, signals."""

from __future__ import annotations

import asyncio
import math
import os
import platform
import shutil
import tempfile
import time
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import structlog

from talkpath.bridge.api.access import Gate
from talkpath.bridge.api.app import PREFIX, guarded
from talkpath.bridge.api.models import Reload
from talkpath.bridge.api.problems import ApiError
from talkpath.bridge.api.service import Control
from talkpath.bridge.console.web import PREFIX as CONSOLE
from talkpath.bridge.console.web import guarded_console
from talkpath.bridge.daemon.certificates import CertificateWatch
from talkpath.bridge.daemon.processes import ProcessWatch
from talkpath.bridge.daemon.recordings import keep_house
from talkpath.bridge.daemon.reload import Reloader
from talkpath.bridge.daemon.supervisor import Supervisor
from talkpath.bridge.daemon.systemd import Notifier, status_line
from talkpath.bridge.http.app import HttpServer, HttpServerError, create_app
from talkpath.bridge.http.health import DaemonSnapshot, ProcessHealth, RegistrationHealth, why_not_ready
from talkpath.bridge.observe.feed import sip_feed
from talkpath.bridge.observe.logs import set_up_logs
from talkpath.bridge.observe.metrics import Metrics
from talkpath.bridge.observe.shared import FOLDER
from talkpath.bridge.phone.web import PREFIX as PHONE_PREFIX
from talkpath.bridge.phone.web import guarded_phone
from talkpath.bridge.records.keeper import RecordKeeper
from talkpath.bridge.tracing.desk import open_desk
from talkpath.bridge.webhooks.desk import WebhookDesk
from talkpath.sip import messages as m

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp

    from talkpath.bridge.config.api import ApiConfig
    from talkpath.bridge.config.model import Config
    from talkpath.bridge.daemon.reload import Reloaded
    from talkpath.bridge.tracing.desk import TracingDesk

log = structlog.get_logger(__name__)

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at the processes, each of which is a sign of life for systemd."""


def run(config: Config, *, path: Path | None = None, originate: m.Originate | None = None) -> int:
    """Run the daemon until a signal ends it.

    Args:
        config: The validated configuration.
        path: The file that it came from, to read again when that is asked for.
        originate: A call to place as soon as everything is ready; the daemon ends after it.

    Returns:
        Exit code: 0 after an orderly end, 1 when something could not be started.
    """
    set_up_logs(config.log)
    folder = tempfile.mkdtemp(prefix="talkpath-metrics-")
    os.environ[FOLDER] = folder
    try:
        return asyncio.run(Daemon(config, path=path, originate=originate).run())
    finally:
        os.environ.pop(FOLDER, None)
        shutil.rmtree(folder, ignore_errors=True)


class Daemon:
    """The supervisor with its metrics and its HTTP door.

    Args:
        config: The validated configuration.
        path: The file that it came from, to read again when that is asked for.
        originate: A call to place as soon as everything is ready; the daemon ends after it.
    """

    def __init__(
        self, config: Config, *, path: Path | None = None, originate: m.Originate | None = None
    ) -> None:
        self._config = config
        self._path = path
        self._originate = originate
        self._version = version("talkpath")  # looked up on disk, and asked for every second
        self._metrics = Metrics()
        self._sip_feed = sip_feed(self._metrics)
        self._supervisor: Supervisor | None = None
        self._records: RecordKeeper | None = None
        self._control: Control | None = None
        self._notifier = Notifier()
        self._tracing: TracingDesk | None = None
        self._reloader: Reloader | None = None
        self._registering: set[str] = set()
        self._outcome: m.CallEnded | None = None

    async def run(self) -> int:
        """Run until a signal, or until the call that was ordered is over."""
        supervisor = self._supervisor = Supervisor(self._config, on_event=self._event)
        supervisor.handle_signals()
        webhooks = WebhookDesk(self._config, self._metrics)
        self._reloader = Reloader(self._path, supervisor, self._metrics, self._notifier, webhooks.use)
        self._reloader.handle_signal()
        self._control = Control(
            supervisor,
            self.snapshot,
            self._metrics,
            time.time,
            reload=self._reload_for_api,
            on_event=webhooks.event,
        )
        self._metrics.build_info.labels(self._version, platform.python_version()).set(1)
        http = None
        if self._config.http.enabled:
            app = create_app(self, self._metrics, self._parts(supervisor))
            http = HttpServer(app, *self._config.http.listen, self._refused)
            try:
                address = await http.start()
            except HttpServerError as problem:
                log.error("daemon_failed", problem=str(problem))  # noqa: TRY400 - the sentence says it all
                await webhooks.stop()
                return 1
            log.info("http", address=str(address))
        if self._config.records.database:
            self._records = RecordKeeper(self._config.records, self._metrics)
            self._records.start()
        self._tracing = open_desk(self._config.tracing, self._version)
        side = [
            asyncio.create_task(self._watch(ProcessWatch(supervisor, self._metrics))),
            asyncio.create_task(self._tell_systemd(supervisor)),
            asyncio.create_task(keep_house(lambda: supervisor.config)),
            asyncio.create_task(CertificateWatch(lambda: supervisor.config, self._metrics).run()),
        ]
        if self._originate is not None:
            side.append(asyncio.create_task(self._place_call(self._originate)))
        try:
            return await supervisor.run() or self._exit_code()
        finally:
            for task in side:
                task.cancel()
            await asyncio.gather(*side, return_exceptions=True)
            if self._records is not None:
                await self._records.stop()
            if self._tracing is not None:
                await self._tracing.stop()
            await webhooks.stop()
            if self._control is not None:
                self._control.close()
            if http is not None:
                await http.stop()

    async def _reload_for_api(self) -> Reload:
        outcome = await self.reload()
        if outcome.problems:
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, " ".join(outcome.problems))
        return Reload(changed=outcome.changed, waiting=outcome.waiting)

    async def reload(self) -> Reloaded:
        """Read the configuration again and take over what can change without touching live calls."""
        if self._reloader is None:
            raise RuntimeError("asked before the supervisor exists")
        return await self._reloader.reload()

    def _refused(self, cause: str) -> None:
        self._metrics.http_refused.labels(cause).inc()

    def _api_config(self) -> ApiConfig:
        """The ``[api]`` section in force."""
        return (self._config if self._supervisor is None else self._supervisor.config).api

    def _parts(self, supervisor: Supervisor) -> dict[str, ASGIApp]:
        """What HTTP serves besides metrics and health."""
        if self._control is None:
            return {}
        gate = Gate(self._api_config)
        parts = {PREFIX: guarded(self._control, gate, self._metrics)}
        if self._config.phone.enabled:
            parts[PHONE_PREFIX] = guarded_phone(lambda: supervisor.phone, gate, self._metrics)
        parts[CONSOLE] = guarded_console(gate, self._metrics)
        return parts

    def snapshot(self) -> DaemonSnapshot:
        """The state of this moment, for ``/healthz`` and ``/readyz``."""
        supervisor = self._supervisor
        if supervisor is None:
            raise RuntimeError("asked before the supervisor exists")
        wanted = [trunk.name for trunk in supervisor.config.trunks if trunk.register_uri]
        known = supervisor.registrations
        return DaemonSnapshot(
            version=self._version,
            uptime=time.time() - supervisor.started_at,
            processes=tuple(
                ProcessHealth(child.spec.name, child.ready, child.pid, child.restarts)
                for child in supervisor.children
            ),
            registrations={
                name: RegistrationHealth(known[name].registered, known[name].status, known[name].reason)
                if name in known
                else RegistrationHealth(registered=False)
                for name in wanted
            },
            draining=supervisor.draining,
            calls=supervisor.switchboard.calls,
            free_lanes=supervisor.switchboard.free_lanes,
        )

    def _event(self, process: str, message: m.Message) -> None:
        if self._records is not None:
            self._records.message(process, message)
        if self._tracing is not None:
            self._tracing.message(process, message)
        if self._control is not None:
            self._control.message(process, message)
        match message:
            case m.SipStatistics():
                self._sip_feed.feed(message.counters)
            case m.Ready() if process == "sip":
                self._sip_feed.restart()
                self._metrics.sip_stack_info.labels(message.detail).set(1)
            case m.CallEnded() if self._originate is not None and message.call == self._originate.call:
                self._outcome = message
                if self._supervisor is not None:
                    self._supervisor.stop()
            case _:
                pass

    async def _watch(self, processes: ProcessWatch) -> None:
        """Once a second: which processes live, what they use, and a sign of life for systemd.

        A loop that hangs gives none, and systemd starts the service again.
        """
        while True:
            try:
                if processes.look():
                    await asyncio.to_thread(processes.tidy_up)
            except Exception:
                self._metrics.internal_errors.labels("watch").inc()
                log.exception("watch_broke")
            self._notifier.alive()
            now = self.snapshot()
            self._show_registrations(now)
            self._notifier.status(status_line(now, why_not_ready(now)))
            await asyncio.sleep(LOOK_EVERY)

    def _show_registrations(self, now: DaemonSnapshot) -> None:
        """Also those that were never answered; of a trunk that is gone there is nothing to say any more."""
        for trunk in self._registering - set(now.registrations):
            self._metrics.registration_up.labels(trunk).set(math.nan)
        for trunk, registration in now.registrations.items():
            self._metrics.registration_up.labels(trunk).set(registration.registered)
        self._registering = set(now.registrations)

    async def _tell_systemd(self, supervisor: Supervisor) -> None:
        await supervisor.ready.wait()
        self._notifier.ready()
        await supervisor.stopping.wait()
        self._notifier.stopping()

    async def _place_call(self, order: m.Originate) -> None:
        if self._supervisor is None:
            return
        await self._supervisor.ready.wait()
        if not self._supervisor.originate(order):
            self._supervisor.failure = "No worker is free to place the call."
            self._supervisor.stop()

    def _exit_code(self) -> int:
        """With an ordered call: 0 only when it was answered and ended by a BYE."""
        if self._originate is None:
            return 0
        return 0 if self._outcome is not None and self._outcome.status == 200 else 1
