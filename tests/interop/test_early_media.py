"""What a softphone hears before the model is ready: the agent's own sound, in early media."""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkpath.bridge.simulator.faults import Faults
from talkpath.bridge.simulator.personas import TonePersona
from tests.harness.baresip import Baresip
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import fit_tone, write_bursts
from tests.harness.peers import wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

RATE, HERTZ = 8000, 660


def test_a_caller_hears_the_agents_sound_until_the_model_is_ready(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "moment.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        tone = 8000 * np.sin(2 * np.pi * HERTZ * np.arange(RATE) / RATE)
        file.writeframes(tone.astype("<i2").tobytes())
    speech = tmp_path / "speech.wav"
    write_bursts(speech, ((0, 60),))
    agent = '[agents.reception.sound]\nbefore_answer = "moment.wav"\n'
    account = "<sip:caller@127.0.0.1>;regint=0;audio_codecs=pcmu"
    with (
        RunningSimulator(TonePersona(600), faults=Faults(session_created_delay_s=4.0)) as model,
        Daemon(tmp_path, model_url=model.url, agent=agent) as daemon,
        Baresip(tmp_path, account=account, speech=speech) as caller,
    ):
        caller.dial(f"sip:700@127.0.0.1:{daemon.address[1]}")
        caller.wait_for_event("CALL_PROGRESS")
        wait_until(lambda: caller.heard().size > RATE, "a second of sound", log=lambda: caller.log)
        assert daemon.events("call_answered") == []
        caller.wait_for_event("CALL_ESTABLISHED")
        caller.hang_up()
        daemon.wait_for("call_ended", outcome="completed")
        daemon.assert_baseline()
        heard = caller.heard()
    begin = int(np.argmax(np.abs(heard) > 1000)) + RATE // 10
    fit = fit_tone(heard[begin : begin + RATE // 2], hertz=HERTZ, rate=RATE)
    assert fit.snr > 30
    assert fit.peak == pytest.approx(8000, rel=0.05)
