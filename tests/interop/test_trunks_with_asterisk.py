"""How Talkpath and Asterisk find each other, by the snippets of docs/asterisk.md; calls out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.simulator.personas import TonePersona
from tests.harness.asterisk import Asterisk
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import audible_spans
from tests.harness.page import replaced
from tests.harness.peers import free_port, wait_until
from tests.interop.asterisk_page import (
    ENVIRONMENT,
    PAGE,
    PHONES,
    RATE,
    assert_ladder,
    pbx,
    phone,
    registering,
    wait_for_spans,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = [pytest.mark.interop, pytest.mark.daemon]


@pytest.fixture(autouse=True, scope="module")
def secrets() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def asterisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asterisk]:
    with pbx(tmp_path_factory.mktemp("asterisk")) as running:
        yield running


def ip_trunk(asterisk: Asterisk) -> str:
    """The page's configuration with the IP trunk in place of the registration, and its routes."""
    before = registering(asterisk).partition("[[trunks]]")[0]
    trunk = replaced(PAGE["talkpath.toml: IP trunk"], {"192.0.2.10": "127.0.0.1"})
    return f"{before}{trunk}\n{PAGE['talkpath.toml: routes']}"


def wait_until_reached(asterisk: Asterisk) -> None:
    """Wait until Asterisk, which was there first, has seen that the other end of its IP trunk answers."""
    asterisk.cli("pjsip qualify talkpath")
    wait_until(lambda: " Avail " in asterisk.cli("pjsip show contacts"), "a contact that answers OPTIONS")


def test_a_wrong_password_is_named_in_the_log_and_by_readyz(
    asterisk: Asterisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUNK_PASSWORD", "mistaken-7")
    with Daemon(
        tmp_path, model_url="ws://127.0.0.1:9/v1/realtime", configuration=registering(asterisk)
    ) as daemon:
        refused = daemon.wait_for("registration", registered=False)
        assert refused["status"] in {401, 403}
        assert (refused["trunk"], refused["level"]) == ("pbx", "warning")
        assert daemon.readiness() == 503
        assert "mistaken-7" not in daemon.log().replace(refused["reason"], "")


def test_a_registration_is_lost_and_regained_when_asterisk_restarts(tmp_path: Path) -> None:
    asterisk = Asterisk(
        tmp_path,
        pjsip=PHONES + PAGE["pjsip.conf: Talkpath registers"],
        extensions=PAGE["extensions.conf"],
        modules=("res_clioriginate",),
    )
    with (
        asterisk,
        RunningSimulator(TonePersona(400)) as model,
        Daemon(
            tmp_path,
            model_url=model.url,
            configuration=registering(asterisk, transport="tcp"),
            transport="tcp",
        ) as daemon,
    ):
        daemon.wait_for("registration", registered=True)
        assert daemon.readiness() == 200
        asterisk.stop()
        daemon.wait_for("registration", registered=False)
        assert daemon.readiness() == 503
        asterisk.start()
        daemon.wait_for("registration", registered=True, count=2, timeout_s=45)
        assert daemon.readiness() == 200
        asterisk.cli("channel originate PJSIP/700@talkpath application Wait 1")
        assert daemon.wait_for("call_ended")["outcome"] == "completed"


@pytest.fixture
def asterisk_with_ip_trunk(tmp_path: Path) -> Iterator[tuple[Asterisk, int]]:
    """Asterisk with the page's IP trunk to a port of this machine, where Talkpath is to listen."""
    port = free_port()
    addresses = {"192.0.2.20:5060": f"127.0.0.1:{port}", "192.0.2.20": "127.0.0.1"}
    pbx = Asterisk(
        tmp_path,
        pjsip=PHONES + replaced(PAGE["pjsip.conf: IP trunk"], addresses),
        extensions=PAGE["extensions.conf"],
        files={"queues.conf": "[support]\nstrategy = ringall\n", "musiconhold.conf": ""},
        modules=("res_clioriginate", "app_queue"),
    )
    with pbx:
        yield pbx, port


def test_an_ip_trunk_takes_calls_by_the_number_dialled(
    asterisk_with_ip_trunk: tuple[Asterisk, int], tmp_path: Path
) -> None:
    asterisk, port = asterisk_with_ip_trunk
    with (
        RunningSimulator(TonePersona(400)) as model,
        Daemon(tmp_path, model_url=model.url, configuration=ip_trunk(asterisk), sip_port=port) as daemon,
    ):
        wait_until_reached(asterisk)
        asterisk.cli("channel originate PJSIP/700@talkpath application Wait 1")
        ended = daemon.wait_for("call_ended")
        assert (ended["trunk"], ended["agent"], ended["outcome"]) == ("pbx", "reception", "completed")
        asterisk.cli("channel originate PJSIP/701@talkpath application Wait 1")
        asterisk.wait_for_log("SIP/2.0 404")
        daemon.assert_baseline()


def test_without_a_model_the_next_line_of_the_dialplan_takes_the_caller(
    asterisk_with_ip_trunk: tuple[Asterisk, int], tmp_path: Path
) -> None:
    asterisk, port = asterisk_with_ip_trunk
    nowhere = "ws://127.0.0.1:9/v1/realtime"
    with Daemon(tmp_path, model_url=nowhere, configuration=ip_trunk(asterisk), sip_port=port) as daemon:
        wait_until_reached(asterisk)
        asterisk.cli("channel originate Local/700@internal application Wait 30")
        daemon.wait_for("call_ended", outcome="refused", cause="model_unavailable")
        asterisk.wait_for_log("the agent did not answer: CONGESTION")
        asterisk.wait_for_log('Queue("Local/700@internal')
        daemon.assert_baseline()


def test_the_agent_rings_a_telephone_through_the_trunk(asterisk: Asterisk, tmp_path: Path) -> None:
    target = f"sip:100@127.0.0.1:{asterisk.port}"
    with (
        RunningSimulator(TonePersona(1000)) as model,
        phone(tmp_path, asterisk, speech=[(0, 30)]) as callee,
    ):
        callee.wait_for_event("REGISTER_OK")
        command = ("call", target, "--trunk", "pbx")
        configuration = registering(asterisk)
        with Daemon(tmp_path, model_url=model.url, configuration=configuration, command=command) as daemon:
            wait_for_spans(callee, 1)
            callee.hang_up()
            ended = daemon.wait_for("call_ended")
            assert (ended["direction"], ended["trunk"]) == ("outbound", "pbx")
            assert (ended["outcome"], ended["ended_by"]) == ("completed", "callee")
        assert_ladder(callee, audible_spans(callee.heard(), rate=RATE)[0])
