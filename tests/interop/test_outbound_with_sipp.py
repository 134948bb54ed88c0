"""Calls of the daemon to callees that fork, redirect and change their mind: SIPp answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.simulator.personas import TonePersona
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.scenario import PCMU, answer, take, write_scenario
from tests.harness.sipp import Sipp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

TRUNK = """
[[trunks]]
name = "carrier"
match = ["127.0.0.0/8"]
[trunks.outbound]
allow = ["7*"]
redirects = "{redirects}"
"""
ANSWER = PCMU.replace("caller", "callee")


@pytest.fixture(scope="module")
def model() -> Iterator[RunningSimulator]:
    with RunningSimulator(TonePersona(400)) as running:
        yield running


def remembered_invite() -> str:
    """Take an INVITE, and keep of it what an answer needs."""
    names = ("Via", "From", "To", "CSeq")
    kept = [
        f'<ereg regexp=".*" search_in="hdr" header="{name}:" assign_to="{number}"/>'
        for number, name in enumerate(names, 1)
    ]
    return f'<recv request="INVITE"><action>{"".join(kept)}</action></recv>\n'


def late_answer(tag: str) -> str:
    """Answer that INVITE when other requests have come since."""
    copied = f"Via:[$1]\nFrom:[$2]\nTo:[$3]{tag}\nCall-ID: [call_id]\nCSeq:[$4]\n"
    contact = "Contact: <sip:late@[local_ip]:[local_port]>\nContent-Type: application/sdp\n"
    return (
        f"<send><![CDATA[\nSIP/2.0 200 OK\n{copied}{contact}Content-Length: [len]\n\n{ANSWER}\n]]></send>\n"
    )


def calling(folder: Path, model: RunningSimulator, port: int, redirects: str = "fail") -> Daemon:
    command = ("call", f"sip:700@127.0.0.1:{port}", "--trunk", "carrier")
    more = TRUNK.format(redirects=redirects)
    return Daemon(folder, model_url=model.url, command=command, more=more)


def test_the_branch_that_answers_wins_and_a_later_one_gets_a_bye(
    model: RunningSimulator, tmp_path: Path
) -> None:
    first, second = ";tag=first-[call_number]", ";tag=second-[call_number]"
    steps = [
        remembered_invite(),
        answer("183 Session Progress", sdp=ANSWER, to_tag=first),
        answer("180 Ringing", to_tag=second),
        answer("200 OK", sdp=ANSWER, to_tag=second),
        '<recv request="ACK"/>\n',
        late_answer(first),
        '<recv request="ACK"/>\n',
        take("BYE"),
    ]
    scenario = write_scenario(tmp_path, *steps)
    with Sipp(tmp_path, scenario) as callee, calling(tmp_path, model, callee.port) as daemon:
        daemon.wait_for("call_answered")
        result = callee.wait()
        assert result.succeeded == 1, result.report
        bye = result.messages.rpartition("BYE sip:")[2]
        assert "tag=first-" in bye.partition("Call-ID")[0], "the branch that came too late"
        assert daemon.events("call_ended") == [], "the other one goes on"


@pytest.mark.parametrize(("redirects", "number"), [("fail", "701"), ("follow", "701"), ("follow", "900")])
def test_a_redirection_is_followed_only_where_that_is_allowed(
    model: RunningSimulator, tmp_path: Path, redirects: str, number: str
) -> None:
    followed = (redirects, number) == ("follow", "701")
    new, old = tmp_path / "new", tmp_path / "old"
    with Sipp(new, refusing(new, "486 Busy Here")) as target:
        moved = f"Contact: <sip:{number}@127.0.0.1:{target.port}>\n"
        with (
            Sipp(old, refusing(old, "302 Moved Temporarily", moved)) as callee,
            calling(tmp_path, model, callee.port, redirects) as daemon,
        ):
            ended = daemon.wait_for("call_ended")
            assert callee.wait().succeeded == 1
        assert ended["sip_status"] == (486 if followed else 302)
        assert ("INVITE sip:701" in target.messages) is followed


def refusing(folder: Path, status: str, headers: str = "") -> Path:
    """Somebody who answers an INVITE with this status."""
    folder.mkdir()
    refusal = answer(status, headers=headers, to_tag=";tag=callee")
    return write_scenario(folder, '<recv request="INVITE"/>\n', refusal, '<recv request="ACK"/>\n')
