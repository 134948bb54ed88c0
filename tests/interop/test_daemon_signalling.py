"""The daemon and callers who change their mind, repeat themselves, send rubbish, or come while it drains."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from talkpath.bridge.simulator.faults import Faults
from talkpath.bridge.simulator.personas import TonePersona
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.peers import wait_until
from tests.harness.scenario import (
    BROKEN,
    OPUS,
    PCMU,
    ack,
    invite,
    pause,
    progress,
    receive,
    request,
    write_scenario,
)
from tests.harness.sipp import Sipp, run_sipp
from tests.sip.phone import OFFER, Phone, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

SCENARIOS = Path(__file__).with_name("scenarios")
BRANCH = "z9hG4bK-same-[call_number]-[pid]"
OPTIONS = request("OPTIONS", 1, in_dialog=False)


@pytest.fixture(scope="module")
def model() -> Iterator[RunningSimulator]:
    with RunningSimulator(TonePersona(400)) as running:
        yield running


@pytest.fixture(scope="module")
def daemon(model: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("daemon"), model_url=model.url) as running:
        yield running


def test_a_caller_who_gives_up_while_the_model_is_slow_leaves_nothing_behind(tmp_path: Path) -> None:
    scenario = write_scenario(
        tmp_path,
        invite(PCMU, branch=BRANCH),
        receive(100, optional=True),
        receive(180),
        pause(300),
        request("CANCEL", 1, branch=BRANCH, in_dialog=False),
        receive(200),
        receive(487),
        ack(branch=BRANCH),
    )
    faults = Faults(session_created_delay_s=5.0)
    with RunningSimulator(faults=faults) as slow, Daemon(tmp_path, model_url=slow.url) as patient:
        result = run_sipp(tmp_path, scenario, target=patient.address)
        assert result.succeeded == 1, result.report
        ended = patient.wait_for("call_ended")
        assert (ended["outcome"], ended["cause"]) == ("abandoned", "caller_hung_up")
        patient.assert_baseline()
        wait_until(lambda: all(session.closed for session in slow.simulator.sessions), "the session's end")


def test_an_invite_that_comes_three_times_opens_one_call(daemon: Daemon, model: RunningSimulator) -> None:
    answered, connections = len(daemon.events("call_answered")), model.simulator.connections
    with Phone(daemon.address[1]) as phone:
        for _ in range(3):
            phone.send(phone.request("INVITE", OFFER))
        assert status_of(phone.final("INVITE")) == 200
        phone.send(phone.request("INVITE", OFFER))
        phone.send(phone.request("ACK", branch=f"{phone.branch}ack"))
        daemon.wait_for("call_answered", count=answered + 1)
        phone.send(phone.request("BYE", cseq=2, branch=f"{phone.branch}bye"))
        assert status_of(phone.final("BYE")) == 200
    daemon.assert_baseline()
    assert len(daemon.events("call_answered")) == answered + 1
    assert model.simulator.connections == connections + 1


@pytest.mark.parametrize(("sdp", "status"), [(BROKEN, 400), (OPUS, 488)])
def test_an_offer_without_sense_or_without_a_common_codec_is_refused(
    daemon: Daemon, model: RunningSimulator, tmp_path: Path, sdp: str, status: int
) -> None:
    connections = model.simulator.connections
    scenario = write_scenario(
        tmp_path,
        invite(sdp, branch=BRANCH),
        receive(100, optional=True),
        receive(status),
        ack(branch=BRANCH),
    )
    result = run_sipp(tmp_path, scenario, target=daemon.address)
    assert result.succeeded == 1, result.report
    assert model.simulator.connections == connections
    daemon.assert_baseline()


def test_options_say_whether_calls_are_taken(model: RunningSimulator, tmp_path: Path) -> None:
    well = write_scenario(tmp_path, OPTIONS, receive(200))
    with Daemon(tmp_path, model_url=model.url) as leaving:
        assert run_sipp(tmp_path, well, target=leaving.address).succeeded == 1
        lasting = write_scenario(tmp_path, invite(PCMU), progress(), receive(200), ack(), pause(20_000))
        with Sipp(tmp_path, lasting, target=leaving.address):
            leaving.wait_for("call_answered")
            leaving.terminate()
            wait_until(lambda: leaving.health()["draining"], "the drain")
            refused = write_scenario(tmp_path, OPTIONS, receive(503))
            result = run_sipp(tmp_path, refused, target=leaving.address)
            assert result.succeeded == 1, result.report
            refused = write_scenario(
                tmp_path,
                invite(PCMU, branch=BRANCH),
                receive(100, optional=True),
                receive(503),
                ack(branch=BRANCH),
            )
            result = run_sipp(tmp_path, refused, target=leaving.address)
            assert result.succeeded == 1, result.report
            assert leaving.stop() == 0


def test_reinvites_change_the_direction_of_the_media_and_the_call_goes_on(
    daemon: Daemon, tmp_path: Path
) -> None:
    before, ended = len(daemon.events("media")), len(daemon.events("call_ended"))
    result = run_sipp(tmp_path, SCENARIOS / "hold.xml", target=daemon.address)
    assert result.succeeded == 1, result.report
    daemon.wait_for("call_ended", count=ended + 1)
    daemon.assert_baseline()
    directions = [(each["sends"], each["receives"]) for each in daemon.events("media")[before:]]
    assert directions[0] == directions[-1] == (True, True)
    assert (False, True) in directions
    assert (False, False) in directions


def test_a_200_whose_ack_is_lost_is_sent_again_and_the_greeting_waits_for_the_ack(daemon: Daemon) -> None:
    answered = len(daemon.events("call_answered"))
    with Phone(daemon.address[1]) as phone:
        phone.send(phone.request("INVITE", OFFER))
        for _ in range(3):
            assert status_of(phone.final("INVITE")) == 200
        assert len(daemon.events("call_answered")) == answered
        phone.send(phone.request("ACK", branch=f"{phone.branch}ack"))
        confirmed = daemon.wait_for("call_answered", count=answered + 1)
        assert confirmed["setup_ms"] > 1400, "two retransmissions, after 0.5 s and 1 s more"
        daemon.wait_for("said", call=confirmed["call"])
        phone.send(phone.request("BYE", cseq=2, branch=f"{phone.branch}bye"))
        assert status_of(phone.final("BYE")) == 200
    assert daemon.wait_for("call_ended", call=confirmed["call"])["outcome"] == "completed"
    daemon.assert_baseline()


@pytest.mark.alone
def test_hundreds_more_calls_leave_a_worker_as_it_was(daemon: Daemon, tmp_path: Path) -> None:
    worker = psutil.Process(daemon.pid_of("worker-0"))

    figures = (0, 0)

    def rested() -> bool:
        # A port that has rested is listened to before it is given again; that must not begin in between.
        nonlocal figures
        before = worker.net_connections("udp")
        figures = (worker.num_fds(), worker.num_threads())
        return not before and not worker.net_connections("udp")

    def after_calls(calls: int) -> tuple[int, int, float]:
        arguments = ("-d", "400", "-l", "100")
        sipp = Sipp(tmp_path, "uac", target=daemon.address, calls=calls, rate=50, arguments=arguments)
        sipp.start()
        result = sipp.wait(timeout_s=60)
        assert result.succeeded == calls, result.report
        daemon.assert_baseline()
        wait_until(rested, "no port to be listened to")
        return *figures, worker.memory_info().rss / 1e6

    warm, *later = (after_calls(calls) for calls in (400, 100, 100))
    assert {figures[:2] for figures in later} == {warm[:2]}, "file descriptors and threads"
    memory = [figures[2] for figures in (warm, *later)]
    growth = min(after - before for before, after in pairwise(memory))  # each hundred leaks what one leaks
    assert growth < 1, f"MB after 400, 500 and 600 calls: {memory}"
