"""The control API of the real daemon, while SIPp calls it."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx
import numpy as np
import pytest
from standardwebhooks import Webhook

from talkpath.bridge.recording.files import HEADER_BYTES
from talkpath.bridge.simulator.audio import dominant_hz
from talkpath.bridge.simulator.reply import MODEL_RATE, Reply, Speech
from talkpath.bridge.simulator.script import ScriptedTurn, ScriptPersona
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.peers import wait_until
from tests.harness.sipp import Sipp, run_sipp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
PAGE = Path(__file__).parents[2] / "docs" / "api.md"
SCENARIOS = Path(__file__).parent / "scenarios"
TOKEN = "token-of-the-tests-0123456789"  # noqa: S105 - opens nothing but the daemon of a test
API = f"""
[api]
listen = ["alice"]
[api.operate]
alice = "{TOKEN}"
"""


@pytest.fixture(scope="module")
def model() -> Iterator[RunningSimulator]:
    with RunningSimulator("tone") as running:
        yield running


def client(daemon: Daemon) -> httpx.Client:
    return httpx.Client(
        base_url=f"http://{daemon.http_address}/api/v1",
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=20,
    )


def state_of(http: httpx.Client, call: str) -> str:
    """Where a call is; empty: it does not live."""
    return str(http.get(f"/calls/{call}").json().get("state", ""))


class Events:
    """Listens to the stream on a thread."""

    def __init__(self, daemon: Daemon) -> None:
        self.told: list[dict[str, Any]] = []
        self._http = client(daemon)
        self._thread = threading.Thread(target=self._listen, name="events")

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(lambda: bool(self.of("snapshot")), "the snapshot")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.join(20)
        self._http.close()

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The events of one kind."""
        return [event for event in list(self.told) if event["kind"] == kind]

    def _listen(self) -> None:
        with self._http.stream("GET", "/events") as answer:
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    self.told.append(json.loads(line.removeprefix("data: ")))


def test_a_call_is_watched_steered_and_ended_by_the_operator(model: RunningSimulator, tmp_path: Path) -> None:
    with (
        Daemon(tmp_path, model_url=model.url, more=API) as daemon,
        client(daemon) as http,
        Events(daemon) as events,
        Sipp(tmp_path, SCENARIOS / "call_answered_then_bye_from_us.xml", target=daemon.address) as caller,
    ):
        wait_until(lambda: bool(events.of("call.said")), "the greeting", log=daemon.log)
        (call,) = http.get("/calls").json()["calls"]
        assert (call["state"], call["codec"], call["direction"]) == ("talking", "PCMU", "inbound")
        name = call["id"]
        assert http.post(f"/calls/{name}/message", json={"text": "He is in a hurry."}).status_code == 204
        assert http.post(f"/calls/{name}/transfer", json={"target": "x"}).status_code == 422
        wait_until(lambda: bool(events.of("figures")), "levels", log=daemon.log)
        assert http.post(f"/calls/{name}/hangup").status_code == 204
        wait_until(lambda: bool(events.of("call.ended")), "the end", log=daemon.log)
        assert events.of("call.ended")[0]["cause"] == "operator"
        assert caller.wait().succeeded == 1
        wait_until(lambda: http.get(f"/records/{name}").status_code == 200, "the record", log=daemon.log)
        assert http.get(f"/records/{name}").json()["call"]["cause"] == "operator"
        assert [one["id"] for one in http.get("/records").json()["records"]] == [name]
        assert {one["who"] for one in daemon.events("operator")} == {"alice"}
        assert TOKEN not in daemon.log()
        daemon.assert_baseline()
        assert http.post("/reload").json() == {"changed": [], "waiting": []}
        assert http.post("/drain", json={}).status_code == 202
        daemon.wait_for("draining")


def hum(hertz: float) -> RunningSimulator:
    """A model that says one long tone."""
    sound = 8000 * np.sin(2 * np.pi * hertz * np.arange(60 * MODEL_RATE) / MODEL_RATE)
    said = Speech(sound.astype(np.int16), "Mm.")
    return RunningSimulator(ScriptPersona([ScriptedTurn(reply=Reply((said,)))]))


class Ear:
    """Listens to a call on a thread; what it hears of the agent is a tone."""

    def __init__(self, http: httpx.Client, call: str) -> None:
        self._http = http
        self._call = call
        self._heard = b""
        self._thread = threading.Thread(target=self._listen, name="ear", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether the stream has ended."""
        return not self._thread.is_alive()

    @property
    def seconds(self) -> float:
        """How much was heard."""
        return len(self._heard) / 32_000

    def wait_for(self, seconds: float) -> None:
        """Wait until so much more was heard."""
        enough = self.seconds + seconds
        wait_until(lambda: self.seconds > enough, f"the sound of {self._call}")

    def hertz(self) -> float:
        """The tone of the last second."""
        sound = self._heard[HEADER_BYTES:]
        samples = np.frombuffer(sound[: len(sound) // 4 * 4], "<i2").reshape(-1, 2)[-8_000:, 1]
        return dominant_hz(samples, 8_000)

    def _listen(self) -> None:
        with self._http.stream("GET", f"/calls/{self._call}/audio") as answer:
            for piece in answer.iter_bytes():
                self._heard += piece


WORKSHOP = """
[agents.workshop]
instructions = "You hum."
greeting = "Mm."
url = "{url}"
[[routes]]
to = "700"
agent = "workshop"
[[routes]]
to = "*"
agent = "reception"
"""
TONES = {"reception": 500, "workshop": 900}


def test_who_listens_hears_the_call_whichever_worker_has_it_and_no_other(tmp_path: Path) -> None:
    scenario = SCENARIOS / "call_answered_then_bye_from_us.xml"
    with (
        hum(TONES["reception"]) as shop,
        hum(TONES["workshop"]) as workshop,
        Daemon(
            tmp_path, model_url=shop.url, workers=2, more=API + WORKSHOP.format(url=workshop.url)
        ) as daemon,
        client(daemon) as http,
        Sipp(tmp_path, scenario, target=daemon.address, arguments=("-s", "600")),
        Sipp(tmp_path, scenario, target=daemon.address, arguments=("-s", "700")),
    ):
        wait_until(
            lambda: [call["state"] for call in http.get("/calls").json()["calls"]] == ["talking"] * 2,
            "two calls",
            log=daemon.log,
        )
        calls = {call["agent"]: call for call in http.get("/calls").json()["calls"]}
        assert {call["process"] for call in calls.values()} == {"worker-0", "worker-1"}
        ears = {agent: Ear(http, call["id"]) for agent, call in calls.items()}
        for agent, ear in ears.items():
            ear.wait_for(2)
            assert ear.hertz() == pytest.approx(TONES[agent], abs=5)
        assert daemon.metric("talkpath_listening") == 2
        os.kill(daemon.pid_of(calls["workshop"]["process"]), signal.SIGKILL)
        wait_until(lambda: ears["workshop"].over, "the end of one stream", log=daemon.log)
        ears["reception"].wait_for(2)
        assert ears["reception"].hertz() == pytest.approx(TONES["reception"], abs=5)
        assert daemon.metric("talkpath_listening") == 1
        assert http.post(f"/calls/{calls['reception']['id']}/hangup").status_code == 204
        wait_until(lambda: ears["reception"].over, "the end of the other", log=daemon.log)


def test_every_example_of_the_page_works_as_it_stands(model: RunningSimulator, tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    with (
        Daemon(tmp_path, model_url=model.url, more=API) as daemon,
        client(daemon) as http,
        Sipp(tmp_path, SCENARIOS / "call_answered_then_bye_from_us.xml", target=daemon.address) as caller,
    ):
        wait_until(lambda: bool(http.get("/calls").json()["calls"]), "the call", log=daemon.log)
        (call,) = http.get("/calls").json()["calls"]
        wait_until(lambda: state_of(http, call["id"]) == "talking", "the talk", log=daemon.log)
        script = "set -e\n" + "\n".join(blocks).replace("127.0.0.1:9090", daemon.http_address)
        environment = {**os.environ, "TALKPATH_TOKEN": TOKEN, "CALL": call["id"]}
        done = subprocess.run(
            ["bash", "-c", script],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "event: snapshot" in done.stdout
        assert len(blocks) == 2
        heard = np.frombuffer((tmp_path / "call.wav").read_bytes()[HEADER_BYTES:], "<i2").reshape(-1, 2)
        assert len(heard) > 8_000, "a second or more"
        assert np.abs(heard[:, 1].astype(int)).max() > 1_000, "the agent"
        assert caller.wait().succeeded == 1
        assert daemon.wait_for("call_ended")["cause"] == "operator"
        daemon.assert_baseline()


class Receiver:
    """A web address that verifies what it gets with the library of Standard Webhooks; fails once first."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.ids: list[str] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                told = Webhook(SECRET).verify(body, dict(self.headers))
                receiver.ids.append(self.headers["webhook-id"])
                if len(receiver.ids) > 1:
                    receiver.told.append(told)
                self.send_response(204 if len(receiver.ids) > 1 else 503)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Write nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self.server.serve_forever, name="receiver")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()

    def kinds(self) -> set[str]:
        """What it was told, each once."""
        return {str(one["type"]) for one in self.told}


def test_a_web_address_is_told_of_a_call_though_it_fails_at_first(
    model: RunningSimulator, tmp_path: Path
) -> None:
    with Receiver() as receiver:
        url = f"http://127.0.0.1:{receiver.server.server_port}/hook"
        hook = f'\n[[webhooks]]\nurl = "{url}"\nsecret = "{SECRET}"\n'
        with Daemon(tmp_path, model_url=model.url, more=hook) as daemon:
            assert run_sipp(tmp_path, "uac", target=daemon.address, arguments=("-d", "500")).succeeded == 1
            wait_until(
                lambda: receiver.kinds() == {"call.started", "call.ended"},
                "both events",
                log=daemon.log,
            )
            assert len(receiver.ids) == 3
            assert len(set(receiver.ids)) == 2, "the one that failed comes again with its id"
            assert daemon.metric("talkpath_webhook_messages_total", result="tried_again") == 1
            assert SECRET not in daemon.log()
            daemon.assert_baseline()


def talkpath(daemon: Daemon, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Talkpath with the daemon's configuration."""
    command = [sys.executable, "-m", "talkpath", *arguments, "-c", str(daemon.config_path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_line_lists_transfers_and_ends_live_calls(
    model: RunningSimulator, tmp_path: Path
) -> None:
    with (
        Daemon(tmp_path, model_url=model.url, more=API) as daemon,
        client(daemon) as http,
        Sipp(tmp_path, SCENARIOS / "call_answered_then_bye_from_us.xml", target=daemon.address) as caller,
    ):
        wait_until(lambda: bool(http.get("/calls").json()["calls"]), "the call", log=daemon.log)
        (call,) = json.loads(talkpath(daemon, "live", "--json").stdout)
        wait_until(lambda: state_of(http, call["id"]) == "talking", "the talk", log=daemon.log)
        refused = talkpath(daemon, "transfer", call["id"], "nobody")
        assert refused.returncode == 1
        assert 'There is no target "nobody"' in refused.stderr
        assert "no live call" in talkpath(daemon, "hangup", "zzz").stderr
        for arguments, on in (([], True), (["--off"], False)):
            assert talkpath(daemon, "debug", call["id"], *arguments).returncode == 0
            assert http.get(f"/calls/{call['id']}").json()["debug"] is on
        assert talkpath(daemon, "hangup", call["id"].removeprefix("c-")[:6]).returncode == 0
        assert caller.wait().succeeded == 1
        daemon.wait_for("call_ended")
        daemon.assert_baseline()
    assert "Is it running?" in talkpath(daemon, "live").stderr


def test_a_call_on_the_command_line_is_placed_by_the_running_daemon(
    model: RunningSimulator, tmp_path: Path
) -> None:
    allowed = '\n[sip.outbound]\nallow = ["*@127.0.0.1"]\n'
    with (
        Daemon(tmp_path, model_url=model.url, more=API + allowed, agent='max_duration = "5s"') as daemon,
        Sipp.server(tmp_path, "uas") as callee,
    ):
        done = talkpath(daemon, "call", f"sip:1@127.0.0.1:{callee.port}")
        assert done.returncode == 0, done.stderr
        assert re.search(r"^c-\w+: talking$", done.stdout, re.MULTILINE)
        assert "completed, time limit" in done.stdout
        forbidden = talkpath(daemon, "call", "sip:1@192.0.2.1")
        assert forbidden.returncode == 1
        assert "not in allow of" in forbidden.stderr
        daemon.assert_baseline()


def test_a_call_that_may_not_be_placed_is_forbidden_and_one_that_may_is_placed(
    model: RunningSimulator, tmp_path: Path
) -> None:
    allowed = '\n[sip.outbound]\nallow = ["*@127.0.0.1"]\n'
    with (
        Daemon(tmp_path, model_url=model.url, more=API + allowed) as daemon,
        client(daemon) as http,
        Sipp.server(tmp_path, "uas") as callee,
    ):
        assert http.post("/calls", json={"to": "sip:1@192.0.2.1"}).status_code == 403
        placed = http.post("/calls", json={"to": f"sip:1@127.0.0.1:{callee.port}"})
        assert placed.status_code == 202, placed.text
        call = placed.json()["call"]
        wait_until(lambda: state_of(http, call) == "talking", "the talk")
        assert http.post(f"/calls/{call}/hangup").status_code == 204
        assert daemon.wait_for("call_ended", call=call)["cause"] == "operator"
        daemon.assert_baseline()
