"""The real daemon as a child process, and a simulator beside it, for tests that place real calls.

with RunningSimulator("tone") as model, Daemon(tmp_path, model_url=model.url) as daemon:
    result = run_sipp(tmp_path, "uac", target=daemon.address)
daemon.assert_baseline()
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Self

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from talkpath.bridge.simulator.server import Simulator
from tests.harness.peers import PATIENCE_S, PeerError, Running, free_port, read_text, rtp_range, wait_until

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from pathlib import Path
    from types import TracebackType

    from talkpath.bridge.simulator.reply import Persona

START_S = 90.0
STOP_S = 40.0

_SHOP = """
[sip]
listen = ["{transport}:127.0.0.1:{sip_port}"]
rtp_ports = "{first_rtp}-{last_rtp}"
{sip}
[realtime]
url = "{model_url}"
api_key = "test"
model = "gpt-realtime-2"
audio = "{audio}"

[agents.reception]
instructions = "You answer the phone for a bicycle shop."
greeting = "Hello, bicycle shop, how can I help?"
{agent}
"""
_OPERATION = """
[http]
listen = "127.0.0.1:{http_port}"

[log]
format = "json"
level = "debug"
private = true

[workers]
count = {workers}
drain_timeout = "{drain}"
{more}
"""


class RunningSimulator:
    """A simulator on a thread of its own, so that a test without an event loop can use and inspect it."""

    def __init__(self, persona: str | Persona = "tone", **options: Any) -> None:
        self.simulator = Simulator("127.0.0.1", options.pop("port", 0), persona, **options)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="simulator")

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self.simulator.start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self.simulator.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.simulator.url

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)


class Daemon(Running):
    """``talkpath run`` with a configuration of its own.

    Args:
        folder: Folder for its configuration and log, usually `tmp_path`.
        model_url: Where its model is.
        workers: Media workers.
        drain: How long live calls may go on after a SIGTERM.
        audio: Format towards the model.
        sip: More lines of ``[sip]``.
        agent: More lines of ``[agents.reception]``.
        more: More sections.
        configuration: Text to use instead of that of the tests' shop, with the fields `{sip_port}`,
            `{first_rtp}`, `{last_rtp}` and `{model_url}` where it wants them.
        python: Interpreter that has Talkpath installed.
        command: Command of `talkpath` that starts it, with its arguments.
        sip_port: Port to listen on; 0 takes a free one.
        transport: Of the one listener: udp or tcp.

    Attributes:
        address: Host and port of its SIP listener.
        transport: The listener's transport.
        http_address: Host and port of its HTTP listener.
    """

    def __init__(
        self,
        folder: Path,
        *,
        model_url: str,
        workers: int = 1,
        drain: str = "2s",
        audio: str = "pcm",
        sip: str = "",
        agent: str = "",
        more: str = "",
        configuration: str = _SHOP,
        python: str | Path = sys.executable,
        command: Sequence[str] = ("run",),
        sip_port: int = 0,
        transport: str = "udp",
    ) -> None:
        first_rtp, last_rtp = rtp_range()
        self.address = ("127.0.0.1", sip_port or free_port())
        self.http_address = f"127.0.0.1:{(http_port := free_port())}"
        self._http = f"http://{self.http_address}"
        self._folder = folder
        self.transport = transport
        self._command = [python, "-m", "talkpath", *command]
        self._log_path = folder / "daemon.log"
        self._config_path = folder / "talkpath.toml"
        self._process: subprocess.Popen[bytes] | None = None
        self._read = 0
        self._events: list[dict[str, Any]] = []
        self._config_path.write_text(
            (configuration + _OPERATION).format(
                sip_port=self.address[1],
                transport=transport,
                first_rtp=first_rtp,
                last_rtp=last_rtp,
                http_port=http_port,
                model_url=model_url,
                workers=workers,
                drain=drain,
                audio=audio,
                sip=sip,
                agent=agent,
                more=more,
            )
        )

    def start(self) -> None:
        """Start it and wait until it takes calls."""
        self._read, self._events = 0, []
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [*self._command, "-c", self._config_path],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(
                lambda: bool(self.events("ready")),
                "the daemon to be ready",
                timeout_s=START_S,
                process=self._process,
                log=self.log,
            )
        except PeerError:
            self.stop(signal.SIGKILL)
            raise

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it by a signal; returns its exit status."""
        if self._process is None:
            return 0
        family = self._family()
        if self._process.poll() is None:
            self._process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S)
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        self._process.wait()
        return self._process.returncode

    @property
    def config_path(self) -> Path:
        """Its configuration file, for other commands."""
        return self._config_path

    def terminate(self) -> None:
        """Send SIGTERM and come back at once, while it drains."""
        if self._process is not None:
            self._process.terminate()

    def ended(self) -> bool:
        """Whether its process is over."""
        return self._process is None or self._process.poll() is not None

    def signal(self, number: int) -> None:
        """Send it a signal and come back at once."""
        if self._process is not None:
            self._process.send_signal(number)

    def wait_until_ended(self, timeout_s: float = 60.0) -> int:
        """Wait until it has ended by itself; returns its exit status.

        Raises:
            PeerError: it did not.
        """
        process = self._process
        if process is None:
            return 0
        wait_until(lambda: process.poll() is not None, "the daemon to end", timeout_s=timeout_s, log=self.log)
        return process.returncode

    def log(self) -> str:
        """Everything it wrote."""
        return read_text(self._log_path)

    def events(self, name: str, **facts: object) -> list[dict[str, Any]]:
        """Its log events of that name whose keys have these values, oldest first."""
        self._read_on()
        wanted = {"event": name, **facts}
        return [one for one in self._events if all(one.get(key) == wanted[key] for key in wanted)]

    def wait_for(
        self, name: str, *, count: int = 1, timeout_s: float = PATIENCE_S, **facts: object
    ) -> dict[str, Any]:
        """Wait for log events; returns the last of them."""
        what = f"{count} x {name} {facts or ''}"
        wait_until(lambda: len(self.events(name, **facts)) >= count, what, timeout_s=timeout_s, log=self.log)
        return self.events(name, **facts)[-1]

    def health(self) -> dict[str, Any]:
        """The answer of ``/healthz``."""
        answer: dict[str, Any] = self._get("healthz").json()
        return answer

    def readiness(self) -> int:
        """The status code of ``/readyz``."""
        return self._get("readyz").status_code

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all samples of that name with these labels; 0 when there are none."""
        total = 0.0
        for family in text_string_to_metric_families(self._get("metrics").text):
            for sample in family.samples:
                if sample.name == name and all(sample.labels.get(key) == labels[key] for key in labels):
                    total += sample.value
        return total

    def pid_of(self, process: str) -> int:
        """Process id of ``sip`` or ``worker-N``."""
        return int(self.health()["processes"][process]["pid"])

    def assert_baseline(self) -> None:
        """Every call is over and everything that calls hold is given back."""
        wait_until(lambda: self.health()["calls"] == 0, "no calls", log=self.log)
        wait_until(lambda: not self._rtp_sockets(), "RTP ports to be closed", log=self.log)
        wait_until(lambda: not self._model_sockets(), "model sockets to be closed", log=self.log)
        broken = [
            *self.events("call_broke"),
            *self.events("calls_abandoned"),
            *self.events("unexpected_message"),
        ]
        assert not broken, broken
        assert "Traceback" not in self.log(), self.log()

    def _get(self, page: str) -> httpx.Response:
        return httpx.get(f"{self._http}/{page}", timeout=PATIENCE_S)

    def _read_on(self) -> None:
        """Take in the lines that were written since; one that is not whole yet waits."""
        if not self._log_path.exists():
            return
        with self._log_path.open("rb") as log:
            log.seek(self._read)
            lines = log.read()
        lines = lines[: lines.rfind(b"\n") + 1]
        self._read += len(lines)
        for line in lines.splitlines():
            with contextlib.suppress(ValueError):
                self._events.append(json.loads(line))

    def _family(self) -> list[psutil.Process]:
        if self._process is None:
            return []
        try:
            return psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def _worker_sockets(self) -> list[Any]:
        sockets: list[Any] = []
        for member in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                if "worker" in " ".join(member.cmdline()):
                    sockets += member.net_connections("inet")
        return sockets

    def _rtp_sockets(self) -> list[Any]:
        return [each for each in self._worker_sockets() if each.type.name == "SOCK_DGRAM"]

    def _model_sockets(self) -> list[Any]:
        return [each for each in self._worker_sockets() if each.status == "ESTABLISHED"]
