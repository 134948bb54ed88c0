"""The daemon that is measured: ``talkpath run`` on its own core, and what it costs."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, Self

import psutil
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.bridge.benchmark.marks import AudioMode

START_S: Final = 60.0
STOP_S: Final = 20.0
HTTP_S: Final = 10.0
_POLL_S: Final = 0.02
FIRST_RTP: Final = 30_000
RTP_PORTS: Final = 2_700

_CONFIGURATION: Final = """
[sip]
listen = ["udp:127.0.0.1:{sip_port}"]
rtp_ports = "{first_rtp}-{last_rtp}"
max_calls = 2000
codecs = ["G722", "PCMU"]
calls_per_second_per_source = 1000

[realtime]
url = "{model_url}"
api_key = "none"
model = "bench"
audio = "{audio}"
{ca_file}
[agents.bench]
instructions = "Echo."
hang_up_tool = false

[http]
listen = "127.0.0.1:{http_port}"

[log]
format = "json"
level = "warning"

[workers]
count = 1
lanes = {lanes}
drain_timeout = "1s"
"""
_SECURE_TRUNK: Final = """
[[trunks]]
name = "bench"
match = ["127.0.0.0/8"]
srtp = "mandatory"
"""

_NO_RECORDS: Final = """
[records]
url = "off"
"""


class BenchError(RuntimeError):
    """Something that is needed for a measurement did not come about."""


@contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """Let the processes that are started inside live on one core."""
    before = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid: int) -> float:
    """CPU that a process has used, all threads, to the nanosecond where the kernel tells."""
    total = 0
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    except OSError:
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)
    return total / 1e9


@dataclass(frozen=True, slots=True)
class Usage:
    """What some processes have used.

    Attributes:
        at: Monotonic seconds.
        cpu: CPU seconds by process.
        kernel: Of it, seconds in the kernel, in steps of a clock tick.
        rss: Bytes of resident memory by process.
    """

    at: float
    cpu: dict[str, float]
    kernel: dict[str, float]
    rss: dict[str, int]


class Measured(Protocol):
    """Something that carries calls, and whose cost can be read."""

    def usage(self) -> Usage:
        """What it has used so far."""

    def metrics(self) -> dict[str, float]:
        """Its own counters, by name and labels."""


def usage_of(pids: dict[str, int]) -> Usage:
    """Read what processes have used."""
    processes = {name: psutil.Process(pid) for name, pid in pids.items()}
    return Usage(
        at=time.monotonic(),
        cpu={name: cpu_seconds(pid) for name, pid in pids.items()},
        kernel={name: float(process.cpu_times().system) for name, process in processes.items()},
        rss={name: process.memory_info().rss for name, process in processes.items()},
    )


class Daemon:
    """``talkpath run`` with one media worker.

    Args:
        folder: For its configuration and log.
        model_url: Where its model is.
        audio: Format towards the model.
        lanes: Calls that it can carry.
        core: Core that all its processes live on.
        ca_file: Authority of its model's certificate.
        srtp: Take calls with SRTP only.
        records: Keep records of the calls, as a daemon does.

    Attributes:
        address: Host and port of its SIP listener.
    """

    def __init__(
        self,
        folder: Path,
        *,
        model_url: str,
        audio: AudioMode,
        lanes: int,
        core: int | None,
        ca_file: Path | None = None,
        srtp: bool = False,
        records: bool = True,
    ) -> None:
        self.address = ("127.0.0.1", _free_port(socket.SOCK_DGRAM))
        self._http_port = _free_port(socket.SOCK_STREAM)
        self._core = core
        self._log = folder / "daemon.log"
        self._configuration = folder / "talkpath.toml"
        self._process: subprocess.Popen[bytes] | None = None
        self._pids: dict[str, int] = {}
        self._configuration.write_text(
            _CONFIGURATION.format(
                sip_port=self.address[1],
                first_rtp=FIRST_RTP,
                last_rtp=FIRST_RTP + RTP_PORTS - 1,
                http_port=self._http_port,
                model_url=model_url,
                audio=audio,
                lanes=lanes,
                ca_file=f'ca_file = "{ca_file}"\n' if ca_file else "",
            )
            + (_SECURE_TRUNK if srtp else "")
            + ("" if records else _NO_RECORDS)
        )

    def __enter__(self) -> Self:
        with self._log.open("wb") as log, on_core(self._core):
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
                [sys.executable, "-m", "talkpath", "run", "-c", self._configuration],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:  # whatever it is, a signal included: nobody else ends the daemon
            self.__exit__()
            raise
        processes = json.loads(self._get("/healthz")[1])["processes"]
        self._pids = {name.partition("-")[0]: int(facts["pid"]) for name, facts in processes.items()}
        self._pids["supervisor"] = self._process.pid
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def log(self) -> str:
        """Everything it wrote: warnings and worse."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def usage(self) -> Usage:
        """CPU and memory of ``worker``, ``sip`` and ``supervisor``."""
        return usage_of(self._pids)

    def worker_pid(self) -> int:
        """Process id of the media worker, for a profiler."""
        return self._pids["worker"]

    def metrics(self) -> dict[str, float]:
        """All samples of ``/metrics`` by ``name{label values}``."""
        text = self._get("/metrics")[1].decode()
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = ",".join(sample.labels.values())
                found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
        return found

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_S
        while not self._ready():
            if process.poll() is not None or time.monotonic() > deadline:
                tail = "\n".join(self.log().splitlines()[-20:])
                raise BenchError(f"The daemon did not start. Its last words:\n{tail}")
            time.sleep(_POLL_S)

    def _ready(self) -> bool:
        with suppress(OSError):
            return self._get("/readyz")[0] == 200
        return False

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._http_port, timeout=HTTP_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def _free_port(kind: socket.SocketKind) -> int:
    """A port of the loopback interface that nobody has at present."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
