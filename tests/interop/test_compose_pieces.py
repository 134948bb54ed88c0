"""What compose.yaml puts together, without containers: its PBX, its configuration, a telephone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.harness.asterisk import Asterisk
from tests.harness.baresip import Baresip
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import audible_spans, write_bursts
from tests.harness.page import replaced
from tests.harness.peers import wait_until

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

RATE = 8000
DOCKER = Path(__file__).parents[2] / "deploy/docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
HTTP = re.compile(r"^\[http\]\nlisten = .*\n", re.MULTILINE)
TRANSPORT = re.compile(r"^\[transport\]\n(?:.+\n)+", re.MULTILINE)


def configuration(asterisk: Asterisk) -> str:
    """The file for the container, with this machine's addresses."""
    text = replaced(
        HTTP.sub("", (DOCKER / "talkpath.toml").read_text()),
        {
            "udp:0.0.0.0:5060": "udp:127.0.0.1:{sip_port}",
            "20000-20999": "{first_rtp}-{last_rtp}",
            "ws://simulator:8765/v1/realtime": "{model_url}",
            "sip:asterisk": f"sip:127.0.0.1:{asterisk.port}",
        },
    )
    assert "[http]" not in text
    return text


def test_the_telephone_of_the_example_reaches_the_agent_of_the_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in COMPOSE["services"]["talkpath"]["environment"].items():
        monkeypatch.setenv(name, value)
    pbx = Asterisk(
        tmp_path,
        pjsip=TRANSPORT.sub("", (DOCKER / "asterisk/pjsip.conf").read_text()),
        extensions=(DOCKER / "asterisk/extensions.conf").read_text(),
    )
    speech = tmp_path / "speech.wav"
    write_bursts(speech, [(0.0, 120.0)])
    with pbx as asterisk, RunningSimulator("tone") as model:
        account = f"<sip:100@127.0.0.1:{asterisk.port}>;auth_pass=telephone;audio_codecs=pcmu"
        with (
            Daemon(tmp_path, model_url=model.url, configuration=configuration(asterisk)) as daemon,
            Baresip(tmp_path, account=account, speech=speech) as telephone,
        ):
            daemon.wait_for("registration", registered=True, timeout_s=60)
            telephone.wait_for_event("REGISTER_OK", timeout_s=60)
            telephone.dial(f"sip:700@127.0.0.1:{asterisk.port}")
            telephone.wait_for_event("CALL_ESTABLISHED", timeout_s=60)
            wait_until(
                lambda: bool(audible_spans(telephone.heard(), rate=RATE)), "the agent's voice", timeout_s=60
            )
            telephone.hang_up()
            ended = daemon.wait_for("call_ended", timeout_s=60)
            daemon.assert_baseline()
    assert (ended["agent"], ended["trunk"], ended["outcome"]) == ("reception", "pbx", "completed")
