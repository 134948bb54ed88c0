"""Keys that the agent presses, read by an application of Asterisk's dialplan."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.simulator.audio import tone_ladder
from talkpath.bridge.simulator.reply import FunctionCall, Reply, Speech
from talkpath.bridge.simulator.script import ScriptedTurn, ScriptPersona
from tests.harness.asterisk import Asterisk, neighbour
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.peers import free_port, wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

KEYS = "0123456789*#ABCD"

_IDENTIFIED = """
[talkpath]
type = identify
endpoint = talkpath
match = 127.0.0.1
"""

# Without a terminator Read takes what comes until nothing does.
_MENU = """
[menu]
exten => 600,1,Answer()
 same => n,Read(KEYS,,40,t,1,4)
 same => n,Verbose(1,the menu read <${KEYS}>)
 same => n,Hangup()
"""

_TOOL = "send_dtmf_tool = true"
_TRUNK = """
[[trunks]]
name = "pbx"
match = ["127.0.0.1"]
agent = "reception"
"""


@pytest.mark.parametrize("dtmf", ["rfc4733", "info"])
def test_a_menu_of_asterisk_reads_exactly_the_keys_that_the_agent_pressed(tmp_path: Path, dtmf: str) -> None:
    port = free_port()
    order = FunctionCall("send_dtmf", json.dumps({"digits": f"{KEYS}w11,2"}))
    presses = ScriptedTurn(reply=Reply((Speech(tone_ladder(600), "One moment please."), order)))
    told = ScriptedTurn(reply=Reply((Speech(tone_ladder(200), "Done."),)))
    with (
        Asterisk(
            tmp_path,
            pjsip=neighbour("talkpath", f"sip:127.0.0.1:{port}", context="menu", more=f"dtmf_mode = {dtmf}")
            + _IDENTIFIED,
            extensions=_MENU,
            modules=("res_clioriginate",),
        ) as asterisk,
        RunningSimulator(ScriptPersona([presses, told])) as model,
        Daemon(tmp_path, model_url=model.url, agent=_TOOL, more=_TRUNK, sip_port=port) as daemon,
    ):
        asterisk.cli("pjsip set logger on")
        asterisk.cli("channel originate PJSIP/700@talkpath extension 600@menu")
        asterisk.wait_for_log("the menu read", timeout_s=40)
        # The line stands there twice, as the order and as its outcome.
        assert set(re.findall(r"the menu read <([^$]*?)>", asterisk.log)) == {f"{KEYS}112"}
        assert asterisk.log.count("INFO sip:") == (len(KEYS) + 3 if dtmf == "info" else 0)
        ended = daemon.wait_for("call_ended")
        assert ended["outcome"] == "completed"
        wait_until(lambda: asterisk.channels() == [], "Asterisk's channels to end")
        assert KEYS not in daemon.log()
        daemon.assert_baseline()
