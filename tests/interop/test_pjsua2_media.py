"""The installed pjsua2 carries voice by its own media too: what the demo's caller and other tests rely on."""

import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.harness.asterisk import Asterisk
from tests.harness.peers import wait_until
from tests.harness.tone import loudest_frequency, write_tone

pytestmark = pytest.mark.interop

_PJSIP = """
[anonymous]
type = endpoint
context = from-sip
disallow = all
allow = ulaw,g722
"""
_DIALPLAN = """
[from-sip]
exten => 600,1,Answer()
 same => n,Echo()
"""

# A phone with the null sound device: plays a WAV file into the call and records what comes back.
_PHONE = """
import sys
import time

import pjsua2 as pj

uri, codec, speech, recording = sys.argv[1:]


class Call(pj.Call):
    ended = heard = False

    def onCallMediaState(self, prm):
        audio = self.getAudioMedia(-1)
        player.startTransmit(audio)
        audio.startTransmit(recorder)
        self.heard = True

    def onCallState(self, prm):
        self.ended = self.getInfo().state == pj.PJSIP_INV_STATE_DISCONNECTED


def spin(seconds, until=lambda: False):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not until():
        endpoint.libHandleEvents(10)


endpoint = pj.Endpoint()
endpoint.libCreate()
config = pj.EpConfig()
config.logConfig.level = config.logConfig.consoleLevel = 0
config.uaConfig.threadCnt = 0
config.medConfig.clockRate = 16000
endpoint.libInit(config)
local = pj.TransportConfig()
local.boundAddress = "127.0.0.1"
endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, local)
endpoint.audDevManager().setNullDev()
endpoint.libStart()
for known in endpoint.codecEnum2():
    endpoint.codecSetPriority(known.codecId, 255 if known.codecId.startswith(codec) else 0)
player = pj.AudioMediaPlayer()
player.createPlayer(speech)
recorder = pj.AudioMediaRecorder()
recorder.createRecorder(recording)
account_config = pj.AccountConfig()
account_config.idUri = "sip:phone@127.0.0.1"
account_config.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
account = pj.Account()
account.create(account_config)
call = Call(account)
call.makeCall(uri, pj.CallOpParam(True))
spin(5, until=lambda: call.heard)
spin(2)
call.hangup(pj.CallOpParam())
spin(5, until=lambda: call.ended)
ended = call.ended
del call, player, recorder
account.shutdown()
endpoint.libDestroy()
sys.exit(0 if ended else 1)
"""


@pytest.mark.parametrize("codec", ["PCMU", "G722"])
def test_a_pjsua2_phone_hears_its_own_tone_from_asterisks_echo(tmp_path: Path, codec: str) -> None:
    speech, recording = tmp_path / "tone.wav", tmp_path / "heard.wav"
    write_tone(speech, frequency=1000, rate=8000, seconds=3)
    with Asterisk(tmp_path, pjsip=_PJSIP, extensions=_DIALPLAN) as asterisk:
        uri = f"sip:600@127.0.0.1:{asterisk.port}"
        phone: list[str | Path] = [sys.executable, "-c", _PHONE, uri, codec, speech, recording]
        subprocess.run(phone, stdout=subprocess.DEVNULL, timeout=60, check=True)
        wait_until(lambda: asterisk.channels() == [], "the call to end", log=lambda: asterisk.log)
    with wave.open(str(recording), "rb") as file:
        rate = file.getframerate()
        heard = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    assert loudest_frequency(heard[-rate // 2 :], rate=rate) == pytest.approx(1000, abs=4)
    assert np.abs(heard[-rate // 2 :]).max() > 4000
