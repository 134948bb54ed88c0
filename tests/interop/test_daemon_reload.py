"""The daemon reads its configuration again while a call is up."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.simulator.personas import TonePersona
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.peers import wait_until
from tests.sip.phone import OFFER, Phone, status_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

LARGE = 200_000
"""Characters of instructions: more than fits one message between two processes."""


def answered(phone: Phone, daemon: Daemon, count: int) -> str:
    """Call, and return our id of the call."""
    phone.send(phone.request("INVITE", OFFER))
    assert status_of(phone.final("INVITE")) == 200
    phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
    return str(daemon.wait_for("call_answered", count=count)["call"])


def hung_up(phone: Phone) -> None:
    phone.send(phone.request("BYE", cseq=9, branch=f"{phone.branch}b"))
    assert status_of(phone.final("BYE")) == 200


def test_a_live_call_goes_on_and_the_next_one_gets_what_the_file_says_now(tmp_path: Path) -> None:
    with RunningSimulator(TonePersona(400)) as model, Daemon(tmp_path, model_url=model.url) as daemon:
        file = daemon.config_path
        good = file.read_text()
        with Phone(daemon.address[1]) as first, Phone(daemon.address[1]) as second:
            before = answered(first, daemon, 1)
            daemon.wait_for("said", call=before)

            file.write_text(good.replace("greeting", "greting"))
            daemon.signal(signal.SIGHUP)
            refused = daemon.wait_for("reload_refused")
            assert "agents.reception.greting: unknown key" in refused["problem"]
            assert 'Did you mean "greeting"?' in refused["problem"]
            wait_until(lambda: daemon.metric("talkpath_config_last_reload_successful") == 0, "the metric")

            words = "Be kind. " * (LARGE // 9)
            file.write_text(
                good.replace("You answer the phone for a bicycle shop.", words)
                .replace("[agents.reception]", "[agents.sales]")
                .replace("count = 1", "count = 2")
            )
            daemon.signal(signal.SIGHUP)
            reloaded = daemon.wait_for("reloaded")
            assert set(reloaded["changed"]) == {"agents.reception", "agents.sales"}
            assert daemon.wait_for("reload_needs_restart")["keys"] == ["workers.count"]
            wait_until(lambda: daemon.metric("talkpath_config_last_reload_successful") == 1, "the metric")

            after = answered(second, daemon, 2)
            daemon.wait_for("said", call=after)
            hung_up(first)
            hung_up(second)
            ends = {line["call"]: line for line in (daemon.wait_for("call_ended", call=before),)}
            ends[after] = daemon.wait_for("call_ended", call=after)
            assert ends[before]["agent"] == "reception"
            assert ends[after]["agent"] == "sales"
            assert ends[before]["cause"] == ends[after]["cause"] == "caller_hung_up"
        daemon.assert_baseline()
        assert daemon.stop() == 0


def test_a_tool_that_cannot_be_loaded_refuses_the_file_before_any_call_sees_it(tmp_path: Path) -> None:
    with RunningSimulator(TonePersona(400)) as model, Daemon(tmp_path, model_url=model.url) as daemon:
        good = daemon.config_path.read_text()
        daemon.config_path.write_text(
            good.replace("[agents.reception]", '[agents.reception]\ntools = ["no_such_module:tool"]')
        )
        daemon.signal(signal.SIGHUP)
        problem = daemon.wait_for("reload_refused")["problem"]
        assert problem.startswith("worker-0: ToolLoadError:")
        assert "no_such_module" in problem
        with Phone(daemon.address[1]) as phone:
            answered(phone, daemon, 1)
            hung_up(phone)
        daemon.assert_baseline()


def test_a_daemon_starts_with_a_configuration_of_any_size(tmp_path: Path) -> None:
    with (
        RunningSimulator(TonePersona(400)) as model,
        Daemon(tmp_path, model_url=model.url) as daemon,
    ):
        good = daemon.config_path.read_text()
        assert daemon.stop() == 0
        daemon.config_path.write_text(good.replace("bicycle shop.", "shop. " * (LARGE // 6), 1))
        daemon.start()
        with Phone(daemon.address[1]) as phone:
            answered(phone, daemon, 1)
            hung_up(phone)
        daemon.assert_baseline()
