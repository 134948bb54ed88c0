"""The other side exchanges who the agent talks to: REFER by a softphone, INVITE with Replaces by SIPp."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.simulator.personas import TonePersona
from tests.harness.baresip import Baresip
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import write_bursts
from tests.harness.peers import wait_until
from tests.harness.scenario import PCMU, ack, bye, invite, pause, progress, receive, take, write_scenario
from tests.harness.sipp import Sipp, SippResult, run_sipp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

TRUNK = """
[[trunks]]
name = "pbx"
match = ["127.0.0.0/8"]
agent = "reception"
accept_refer = true
accept_replaces = true

[trunks.outbound]
allow = ["desk"]
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("daemon")
    with (
        RunningSimulator(TonePersona(600)) as model,
        Daemon(folder, model_url=model.url, more=TRUNK) as running,
    ):
        yield running
        running.assert_baseline()


def softphone(folder: Path) -> Baresip:
    folder.mkdir()
    speech = folder / "speech.wav"
    write_bursts(speech, ((0, 20),))
    return Baresip(folder, account=f"<sip:{folder.name}@127.0.0.1>;regint=0;audio_codecs=pcmu", speech=speech)


def test_a_phone_refers_the_agent_to_a_desk_and_the_desk_has_the_call(daemon: Daemon, tmp_path: Path) -> None:
    with softphone(tmp_path / "caller") as caller, softphone(tmp_path / "desk") as desk:
        caller.dial(f"sip:700@127.0.0.1:{daemon.address[1]}")
        caller.wait_for_event("CALL_ESTABLISHED")
        caller.command("transfer", f"sip:desk@127.0.0.1:{desk.port}")
        desk.wait_for_event("CALL_INCOMING")
        desk.answer()
        moved = daemon.wait_for("call_moved", by="refer")
        caller.wait_for_event("CALL_CLOSED")
        media = daemon.wait_for("media", call=moved["call"], count=2)
        wait_until(lambda: desk.heard().size > 0, "the desk to hear the agent", log=lambda: desk.log)
        desk.hang_up()
        ended = daemon.wait_for("call_ended", call=moved["call"])
    assert (ended["outcome"], ended["ended_by"]) == ("completed", "caller")
    assert media["sends"], media
    daemon.assert_baseline()


def dialog_of(messages: str) -> tuple[str, str, str]:
    """Call-ID, our tag and SIPp's tag in the 200 to its INVITE."""
    answered = messages.split("SIP/2.0 200 OK")[1]
    found = [
        re.search(pattern, answered)
        for pattern in (r"Call-ID: (\S+)", r"To: .*;tag=(\S+)", r"From: .*;tag=(\S+)")
    ]
    call_id, ours, theirs = (one[1] if one else "" for one in found)
    return call_id, ours, theirs


def replace(folder: Path, daemon: Daemon, header: str, *steps: str) -> SippResult:
    folder.mkdir()
    scenario = write_scenario(folder, invite(PCMU, headers=f"Replaces: {header}\n"), *steps)
    return run_sipp(folder, scenario, target=daemon.address)


def test_an_invite_with_replaces_takes_the_callers_place(daemon: Daemon, tmp_path: Path) -> None:
    answered, ended = len(daemon.events("call_answered")), len(daemon.events("call_ended"))
    scenario = write_scenario(tmp_path, invite(PCMU), progress(), receive(200), ack(), take("BYE"))
    with Sipp(tmp_path, scenario, target=daemon.address) as caller:
        call = daemon.wait_for("call_answered", count=answered + 1)["call"]
        call_id, ours, theirs = dialog_of(caller.messages)
        wrong = replace(
            tmp_path / "wrong", daemon, f"{call_id};to-tag=x;from-tag={theirs}", receive(481), ack()
        )
        assert wrong.succeeded == 1, wrong.report
        header = f"{call_id};to-tag={ours};from-tag={theirs}"
        result = replace(tmp_path / "new", daemon, header, progress(), receive(200), ack(), pause(500), bye())
        assert result.succeeded == 1, result.report
        first = caller.wait()
        assert first.succeeded == 1, first.report
    assert daemon.wait_for("call_moved", call=call)["by"] == "replaces"
    assert daemon.wait_for("call_ended", count=ended + 1)["call"] == call
    assert len(daemon.events("call_answered")) == answered + 1, "it is one call"
    daemon.assert_baseline()
