"""What an Asterisk in the middle gets to know of a transfer, and the callers whom it sends back."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import pytest

from talkpath.bridge.simulator.audio import tone_ladder
from talkpath.bridge.simulator.personas import describe_audio
from talkpath.bridge.simulator.reply import FunctionCall, Reply, Speech
from tests.harness.asterisk import Asterisk, telephone
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.peers import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from talkpath.bridge.simulator.reply import Heard, Turn

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

SUMMARY: Final = "Frau Müller: die Kette ist gerissen, „dringend“."
SHORT: Final = "Frau Müller: die Kette ist…"
"""As much of it as fits into 30 bytes, cut between words."""

_PJSIP: Final = telephone(
    "talkpath",
    context="from-talkpath",
    more="allow_transfer = yes\nset_var = TRANSFER_CONTEXT=transferred",
)
_EXTENSIONS: Final = """
[caller]
; Asks for a human after the greeting.
exten => s,1,Answer()
 same => n,Playtones(0)
 same => n,Wait(2)
 same => n,Playtones(1010)
 same => n,Wait(0.6)
 same => n,Playtones(0)
 same => n,Wait(60)
[agent]
exten => 700,1,Set(CALLERID(num)=4711)
 same => n,Dial(PJSIP/700@talkpath)
[from-talkpath]
exten => 101,1,Verbose(1,summary=${PJSIP_HEADER(read,X-Talkpath-Summary)}=)
 same => n,Verbose(1,user-to-user=${PJSIP_HEADER(read,User-to-User)}=)
 same => n,Hangup(17)
[transferred]
exten => 101,1,Verbose(1,refer-to=${SIPREFERTOHDR}=)
 same => n,Dial(Local/busy@human,5)
 same => n,Verbose(1,human=${DIALSTATUS}=)
 same => n,Dial(PJSIP/700@talkpath)
[human]
exten => busy,1,Hangup(17)
"""
_AGENT: Final = """
[agents.reception.transfer]
targets = ["repair"]
headers = ["X-Talkpath-Summary", "User-to-User"]
summary_bytes = 30
user_to_user_purpose = "isdn-uui"
user_to_user_content = "isdn-uui"
user_to_user_prefix = "04"
"""
_TARGET: Final = """
[[targets]]
name = "repair"
description = "Repairs."
uri = "101"
mode = "MODE"
"""


class Receptionist:
    """Transfers at the caller's first word, with a summary that is not ASCII; notes what it is told."""

    name = "receptionist"
    blocking = False

    def __init__(self) -> None:
        self.openings: list[str] = []
        """What each session was asked to say first."""

    def transcribe(self, heard: Heard) -> str:
        """Describe the sound."""
        return describe_audio(heard)

    def reply(self, turn: Turn) -> Reply:
        """Speak, then transfer."""
        words = Speech(tone_ladder(400), "One moment.")
        if turn.heard is None:
            self.openings.append(turn.instructions)
            return Reply((words,))
        arguments = json.dumps({"target": "repair", "reason": "a chain", "summary": SUMMARY})
        return Reply((words, FunctionCall("transfer_call", arguments)))


def between(log: str, name: str) -> str:
    """What the dialplan has read."""
    found = re.search(rf"{name}=(.*?)=\n", log)
    assert found, name
    return found[1]


@pytest.mark.parametrize("mode", ["warm", "blind"])
def test_the_summary_arrives_whole_in_our_invite_and_in_refer_to(tmp_path: Path, mode: str) -> None:
    with Asterisk(tmp_path, pjsip=_PJSIP, extensions=_EXTENSIONS, modules=("res_clioriginate",)) as asterisk:
        more = _TARGET.replace("MODE", mode) + asterisk.trunk + 'kind = "asterisk"\n'
        with (
            RunningSimulator(Receptionist()) as model,
            Daemon(tmp_path, model_url=model.url, agent=_AGENT, more=more) as daemon,
        ):
            daemon.wait_for("registration", registered=True)
            asterisk.cli("channel originate Local/700@agent extension s@caller")
            wanted = "refer-to=" if mode == "blind" else "user-to-user="
            wait_until(lambda: wanted in asterisk.log, wanted, log=daemon.log)
            log = asterisk.log
    coded = f"04{SUMMARY.encode().hex()};purpose=isdn-uui;content=isdn-uui;encoding=hex"
    if mode == "warm":
        assert between(log, "summary") == SHORT
        assert between(log, "user-to-user") == coded
    else:
        (refer_to,) = set(re.findall(r"\nRefer-To: <([^>]*)>", log))
        fields = dict(part.split("=", 1) for part in refer_to.partition("?")[2].split("&"))
        assert between(log, "refer-to") == f"sip:101@127.0.0.1:{asterisk.port}", "the dialplan has no headers"
        assert unquote(fields["X-Talkpath-Summary"]) == SHORT
        assert unquote(fields["User-to-User"]) == coded


def test_a_caller_whom_asterisk_sends_back_is_known_to_the_next_agent(tmp_path: Path) -> None:
    receptionist = Receptionist()
    with Asterisk(tmp_path, pjsip=_PJSIP, extensions=_EXTENSIONS, modules=("res_clioriginate",)) as asterisk:
        more = _TARGET.replace("MODE", "blind") + asterisk.trunk + 'kind = "asterisk"\n'
        with (
            RunningSimulator(receptionist) as model,
            Daemon(tmp_path, model_url=model.url, agent=_AGENT, more=more, workers=2) as daemon,
        ):
            daemon.wait_for("registration", registered=True)
            asterisk.cli("channel originate Local/700@agent extension s@caller")
            back = daemon.wait_for("caller_is_back", timeout_s=40)
            wait_until(lambda: len(receptionist.openings) == 2, "the agent's first words")
            asterisk.cli("channel request hangup all")
            daemon.wait_for("call_ended", call=back["call"])
            assert daemon.metric("talkpath_callers_back_total") == 1
            daemon.assert_baseline()
            log = daemon.log()
    assert between(asterisk.log, "human") == "BUSY"
    assert (back["target"], back["before"] != back["call"]) == ("repair", True)
    assert "Hello, bicycle shop, how can I help?" in receptionist.openings[0]
    assert "Do not welcome them again" in receptionist.openings[1]
    assert "<record>" not in log
