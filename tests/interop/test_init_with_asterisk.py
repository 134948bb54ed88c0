"""What ``talkpath init`` writes, as it is: into a real Asterisk, and into a daemon; then a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.simulator.personas import TonePersona
from talkpath.bridge.starter.answers import Answers
from talkpath.bridge.starter.texts import PASSWORD_FILE, files
from tests.harness.asterisk import Asterisk
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.page import replaced
from tests.harness.peers import wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

CALLER = "\n[test]\ninclude => talkpath-agent\n"


def test_the_files_make_a_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address of the PBX is not known before Asterisk runs, and its part does not need it."""
    monkeypatch.setenv("TALKPATH_REALTIME__API_KEY", "any")
    answers = Answers(pbx="asterisk", address="192.0.2.10", model="wss://model.test/v1/realtime")
    made = files(answers)
    (tmp_path / PASSWORD_FILE).write_text(made[PASSWORD_FILE])
    with (
        Asterisk(
            tmp_path,
            pjsip=made["asterisk-pjsip.conf"],
            extensions=made["asterisk-extensions.conf"] + CALLER,
            modules=("res_clioriginate",),
        ) as asterisk,
        RunningSimulator(TonePersona(400)) as model,
    ):
        ours = replaced(
            made["talkpath.toml"].replace("{", "{{").replace("}", "}}"),
            {
                "udp:0.0.0.0:5060": "udp:127.0.0.1:{sip_port}",
                "20000-29999": "{first_rtp}-{last_rtp}",
                "wss://model.test/v1/realtime": "{model_url}",
                "sip:192.0.2.10": f"sip:127.0.0.1:{asterisk.port}",
            },
        )
        with Daemon(tmp_path, model_url=model.url, configuration=ours) as daemon:
            daemon.wait_for("registration", registered=True)
            asterisk.cli("channel originate Local/700@test application Echo")
            call = daemon.wait_for("call_answered")["call"]
            daemon.wait_for("said", call=call)
            asterisk.cli("channel request hangup all")
            daemon.wait_for("call_ended", call=call)
            wait_until(lambda: asterisk.channels() == [], "no channels", log=lambda: asterisk.log)
            daemon.assert_baseline()
