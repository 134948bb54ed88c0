"""A restart that no caller notices: two daemons behind an Asterisk, by snippets of docs/operations.md."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.simulator.personas import TonePersona
from tests.harness.asterisk import Asterisk
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.page import replaced, snippets
from tests.harness.peers import free_port, wait_until
from tests.sip.phone import OFFER, Phone, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

PAGE = snippets(Path(__file__).parents[2] / "docs/operations.md")
CALL = "channel originate Local/700@talkpath-agent application Echo"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKPATH_WORKERS__DRAIN_TIMEOUT", "60s")


@pytest.fixture
def model() -> Iterator[RunningSimulator]:
    with RunningSimulator(TonePersona(400)) as running:
        yield running


def seen(asterisk: Asterisk, name: str) -> bool:
    """Whether OPTIONS of Asterisk are answered with 200."""
    asterisk.cli(f"pjsip qualify {name}")
    lines = asterisk.cli("pjsip show contacts").splitlines()
    return any(f"{name}/" in line and "Avail" in line for line in lines)


def test_new_calls_go_to_the_second_daemon_while_the_first_one_drains(
    tmp_path: Path, model: RunningSimulator
) -> None:
    ports = (free_port(), free_port())
    pjsip = replaced(
        PAGE["pjsip.conf: two daemons"],
        {"192.0.2.20:5060": f"127.0.0.1:{ports[0]}", "192.0.2.20:5070": f"127.0.0.1:{ports[1]}"},
    )
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with (
        Daemon(tmp_path / "a", model_url=model.url, sip_port=ports[0]) as first,
        Daemon(tmp_path / "b", model_url=model.url, sip_port=ports[1]) as second,
        Asterisk(
            tmp_path,
            pjsip=pjsip,
            extensions=PAGE["extensions.conf: two daemons"],
            modules=("res_clioriginate",),
        ) as asterisk,
    ):
        asterisk.cli(CALL)
        call = first.wait_for("call_answered")["call"]

        first.terminate()
        wait_until(lambda: first.health()["draining"], "the drain")
        asterisk.cli(CALL)
        second.wait_for("call_answered")
        assert first.events("call_ended", call=call) == [], "the first call goes on"

        asterisk.cli("channel request hangup all")
        first.wait_for("call_ended", call=call)
        wait_until(first.ended, "the first daemon to end")
        assert first.stop() == 0
        first.start()
        wait_until(lambda: seen(asterisk, "talkpath-a"), "Asterisk to see the first again")
        second.terminate()
        asterisk.cli(CALL)
        first.wait_for("call_answered")
        asterisk.cli("channel request hangup all")
        wait_until(second.ended, "the second daemon to end")
        assert second.stop() == 0
        first.assert_baseline()


def test_a_second_sigterm_ends_the_wait_with_a_bye(tmp_path: Path, model: RunningSimulator) -> None:
    with (
        Daemon(tmp_path, model_url=model.url) as daemon,
        Phone(daemon.address[1]) as phone,
    ):
        phone.send(phone.request("INVITE", OFFER))
        assert status_of(phone.final("INVITE")) == 200
        phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
        daemon.wait_for("call_answered")
        began = time.monotonic()
        daemon.terminate()
        daemon.wait_for("draining")
        daemon.terminate()
        while not phone.read().startswith("BYE"):
            continue
        wait_until(daemon.ended, "the daemon to end")
        assert daemon.stop() == 0
        assert time.monotonic() - began < 50, "not the drain time of a minute"
