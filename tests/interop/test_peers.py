"""The peers of the interop tests, tried on each other: what fails here is not Talkpath's fault."""

from pathlib import Path

import pytest

from tests.harness.asterisk import Asterisk
from tests.harness.baresip import Baresip
from tests.harness.peers import wait_until
from tests.harness.sipp import Sipp, run_sipp
from tests.harness.tone import loudest_frequency, write_tone

pytestmark = pytest.mark.interop

_PJSIP = """
[anonymous]
type = endpoint
context = from-sip
disallow = all
allow = ulaw

[100]
type = endpoint
context = from-sip
disallow = all
allow = ulaw
auth = 100
aors = 100
direct_media = no
[100]
type = auth
auth_type = digest
username = 100
password = secret
[100]
type = aor
max_contacts = 1
"""
_DIALPLAN = """
[from-sip]
exten => 600,1,Answer()
 same => n,Echo()
"""
_OPTIONS = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="OPTIONS">
  <send retrans="500"><![CDATA[
OPTIONS sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:test@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 OPTIONS
Contact: <sip:test@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Length: 0

  ]]></send>
  <recv response="200"/>
</scenario>
"""


def test_sipp_calls_sipp(tmp_path: Path) -> None:
    with Sipp.server(tmp_path, "uas") as server:
        result = run_sipp(tmp_path, "uac", target=("127.0.0.1", server.port), calls=5)
        assert (result.returncode, result.succeeded, result.failed) == (0, 5, 0), result.report
    assert server.messages.count("ACK sip:") == 5


def test_a_scenario_that_gets_the_wrong_answer_fails(tmp_path: Path) -> None:
    scenario = tmp_path / "options.xml"
    scenario.write_text(_OPTIONS.replace('response="200"', 'response="486"'))
    with Asterisk(tmp_path, pjsip=_PJSIP, extensions=_DIALPLAN) as asterisk:
        result = run_sipp(tmp_path, scenario, target=("127.0.0.1", asterisk.port), arguments=("-s", "600"))
    assert (result.returncode, result.succeeded, result.failed) == (1, 0, 1), result.report


def test_asterisk_answers_options(tmp_path: Path) -> None:
    scenario = tmp_path / "options.xml"
    scenario.write_text(_OPTIONS)
    with Asterisk(tmp_path, pjsip=_PJSIP, extensions=_DIALPLAN) as asterisk:
        result = run_sipp(tmp_path, scenario, target=("127.0.0.1", asterisk.port), arguments=("-s", "600"))
        assert result.succeeded == 1, result.report
        assert asterisk.channels() == []


def test_baresip_registers_and_hears_its_own_tone_from_asterisks_echo(tmp_path: Path) -> None:
    speech = tmp_path / "tone.wav"
    write_tone(speech, frequency=1000, rate=8000, seconds=10)
    with Asterisk(tmp_path, pjsip=_PJSIP, extensions=_DIALPLAN) as asterisk:
        account = f"<sip:100@127.0.0.1:{asterisk.port}>;auth_pass=secret;audio_codecs=pcmu"
        with Baresip(tmp_path, account=account, speech=speech) as phone:
            phone.wait_for_event("REGISTER_OK")
            phone.dial(f"sip:600@127.0.0.1:{asterisk.port}")
            phone.wait_for_event("CALL_ESTABLISHED")
            assert len(asterisk.channels()) == 1
            wait_until(lambda: phone.heard().size > 16_000, "two seconds of echo", log=lambda: phone.log)
            phone.hang_up()
            phone.wait_for_event("CALL_CLOSED")
            wait_until(lambda: asterisk.channels() == [], "the call to end", log=lambda: asterisk.log)
    assert loudest_frequency(phone.heard()[-8000:], rate=8000) == pytest.approx(1000, abs=2)
