"""A daemon at work with all that its dashboards show, watched by a real Prometheus."""

from __future__ import annotations

import base64
import os
import re
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from deploy.grafana.build import DASHBOARDS
from deploy.grafana.panels import PROMETHEUS
from talkpath.bridge.simulator.personas import TonePersona
from tests.harness.baresip import Baresip
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import write_bursts
from tests.harness.peers import wait_until
from tests.harness.prometheus import Prometheus
from tests.harness.sipp import run_sipp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.grafana.panels import Panel

RULES: Final = Path(__file__).parents[2] / "deploy/prometheus/talkpath.rules.yml"
CALLS_PER_S: Final = 5
REFUSED: Final = "666"
TOKEN: Final = "token-of-the-dashboards-0123456789"  # noqa: S105 - opens nothing but the daemon of a test
SECRET: Final = "whsec_" + base64.b64encode(b"opens nothing but a test").decode()
MORE: Final = f"""
[[routes]]
to = "666"
reject = 603

[[routes]]
to = "*"
agent = "reception"

[[trunks]]
name = "absent"
register = "sip:127.0.0.1:9;transport=tcp"
username = "us"
password = "x"

[api.operate]
tests = "{TOKEN}"

[[webhooks]]
url = "http://127.0.0.1:9/calls"
secret = "{SECRET}"
"""
SPEECH: Final = ((0, 1.2), (1010, 0.6), (0, 1.0), (1010, 0.6), (0, 20))
"""The caller speaks twice; the second time the agent has not finished."""


def panels() -> list[Panel]:
    """All panels that ask Prometheus."""
    return [
        panel for page in DASHBOARDS if page.source is PROMETHEUS for _, row in page.rows for panel in row
    ]


def filled_in(expression: str, *, window: str = "1m") -> str:
    """A query of a panel as Grafana would send it with everything chosen."""
    for variable in ("$instance", "$trunk", "$agent"):
        expression = expression.replace(variable, ".*")
    return expression.replace("$__rate_interval", window)


def operands(alert: str) -> list[str]:
    """The parts of an alert's condition without their limits, so that they have series in quiet times too."""
    parts = re.split(r"\sand on \([\w, ]+\) ", " ".join(alert.split()))
    return [re.sub(r" (?:[<>]=?|==|!=) [\d.]+$", "", part) for part in parts]


@contextmanager
def watched(folder: Path, *, waits: bool = False) -> Iterator[tuple[Daemon, Prometheus]]:
    """A daemon with two workers and a trunk that does not answer, its model, and Prometheus."""
    with (
        RunningSimulator(TonePersona(2500)) as model,
        Daemon(folder, model_url=model.url, workers=2, more=MORE) as daemon,
        Prometheus(folder, target=daemon.http_address, rules=RULES, waits=waits) as prometheus,
    ):
        wait_until(lambda: bool(prometheus.query("talkpath_build_info")), "the first scrape")
        yield daemon, prometheus


def place_calls(folder: Path, daemon: Daemon, *, seconds: float = 8.0) -> None:
    """Let everything happen that has a panel: talk, interruption, reports by RTCP, a refusal."""
    speech = folder / "speech.wav"
    write_bursts(speech, SPEECH)
    account = "<sip:caller@127.0.0.1>;regint=0;audio_codecs=pcmu"
    calls = int(seconds * CALLS_PER_S)
    run_sipp(folder / "refused", "uac", target=daemon.address, arguments=("-s", REFUSED))
    with Baresip(folder, account=account, speech=speech) as caller, listening(daemon):
        caller.dial(f"sip:700@127.0.0.1:{daemon.address[1]}")
        caller.wait_for_event("CALL_ESTABLISHED")
        crowd = run_sipp(
            folder / "crowd",
            "uac",
            target=daemon.address,
            calls=calls,
            rate=CALLS_PER_S,
            arguments=("-d", "2000"),
        )
        assert crowd.succeeded == calls, crowd.report
        daemon.wait_for("barge_in")
        caller.hang_up()
        daemon.wait_for("call_ended", codec="PCMU", count=calls + 1)


@contextmanager
def listening(daemon: Daemon) -> Iterator[None]:
    """Somebody who listens to the events of the control API."""
    address = f"http://{daemon.http_address}/api/v1/events"
    with httpx.stream("GET", address, headers={"Authorization": f"Bearer {TOKEN}"}) as stream:
        stream.raise_for_status()
        yield


def kill(daemon: Daemon, process: str) -> None:
    """Kill a process of the daemon, and wait for its successor."""
    restarts = daemon.health()["processes"][process]["restarts"]

    def is_back() -> bool:
        now = daemon.health()["processes"][process]
        return bool(now["ready"]) and now["restarts"] > restarts

    os.kill(daemon.pid_of(process), signal.SIGKILL)
    wait_until(is_back, f"another {process}")
