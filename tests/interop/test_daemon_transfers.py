"""Transfers by the daemon through Asterisk: caller and human are its telephones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.simulator.audio import tone_ladder
from talkpath.bridge.simulator.personas import describe_audio
from talkpath.bridge.simulator.reply import FunctionCall, Reply, Speech
from tests.harness.asterisk import Asterisk, telephone
from tests.harness.baresip import Baresip
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import fit_tone, write_bursts
from tests.harness.peers import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from talkpath.bridge.simulator.reply import Heard, Turn

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

RATE = 8000
CALLER_HZ, HUMAN_HZ = 1010, 770
CALLER = [(0, 1.8), (CALLER_HZ, 0.6), (0, 5.0), (CALLER_HZ, 40.0)]
"""Asks for a human after the greeting; later talks without a pause."""
HUMAN = [(0, 1.5), (HUMAN_HZ, 0.6), (0, 3.0), (HUMAN_HZ, 40.0)]
"""Agrees during the briefing; later talks without a pause."""

_DIALPLAN = """
[office]
exten => 700,1,Dial(PJSIP/700@talkpath)
exten => _1XX,1,Dial(PJSIP/${EXTEN},30)
"""
_AGENT = '[agents.reception.transfer]\ntargets = ["sales"]\n'
_TARGET = """
[[targets]]
name = "sales"
description = "Orders."
uri = "101"
mode = "MODE"
"""
_ALLOWED = '[trunks.outbound]\nallow = ["101"]\n'


class Receptionist:
    """Transfers at the caller's first word; its briefing is accepted at the human's first word."""

    name = "receptionist"
    blocking = False

    def transcribe(self, heard: Heard) -> str:
        """Describe the sound."""
        return describe_audio(heard)

    def reply(self, turn: Turn) -> Reply:
        """Speak first; then do what the tools of the session are for."""
        words = Speech(tone_ladder(400), "One moment.")
        if turn.heard is None:
            return Reply((words,))
        if "accept_call" in {str(tool["name"]) for tool in turn.tools}:
            return Reply((FunctionCall("accept_call", "{}"),))
        arguments = json.dumps({"target": "sales", "reason": "a bicycle"})
        return Reply((words, FunctionCall("transfer_call", arguments)))


def phone(
    folder: Path, asterisk: Asterisk, number: int, codec: str, speech: Sequence[tuple[float, float]]
) -> Baresip:
    """A telephone of Asterisk's that answers by itself and speaks from the answer on."""
    own = folder / str(number)
    own.mkdir()
    write_bursts(own / "speech.wav", speech)
    account = (
        f"<sip:{number}@127.0.0.1:{asterisk.port}>;auth_pass=secret;audio_codecs={codec};answermode=auto"
    )
    return Baresip(own, account=account, speech=own / "speech.wav")


def hears(telephone: Baresip, hertz: int) -> bool:
    """Whether the last half second that it heard was this tone and little else."""
    samples = telephone.heard()[-RATE // 2 :]
    if samples.size < RATE // 2:
        return False
    fit = fit_tone(samples, hertz=hertz, rate=RATE)
    return fit.snr > 20 and fit.peak > 4000


def bridged(asterisk: Asterisk) -> list[str]:
    """The endpoints of the channels that are in a bridge."""
    fields = [line.split("!") for line in asterisk.channels()]
    return sorted(each[0].partition("-")[0].partition("/")[2] for each in fields if each[12])


@pytest.mark.parametrize(
    ("mode", "reason", "channels"),
    [("warm", "referred", ["100", "101"]), ("bridge", "bridged", ["100", "101", "talkpath", "talkpath"])],
)
def test_caller_and_human_are_joined_by_a_transfer(
    tmp_path: Path, mode: str, reason: str, channels: list[str]
) -> None:
    names = (("100", "ulaw"), ("101", "alaw"), ("talkpath", "ulaw"))
    pjsip = "".join(telephone(name, codec, "office") for name, codec in names)
    with Asterisk(tmp_path, pjsip=pjsip, extensions=_DIALPLAN) as asterisk:
        more = _TARGET.replace("MODE", mode) + asterisk.trunk + _ALLOWED
        with (
            RunningSimulator(Receptionist()) as model,
            Daemon(tmp_path, model_url=model.url, agent=_AGENT, more=more) as daemon,
            phone(tmp_path, asterisk, 101, "pcma", HUMAN) as human,
            phone(tmp_path, asterisk, 100, "pcmu", CALLER) as caller,
        ):
            daemon.wait_for("registration", registered=True)
            human.wait_for_event("REGISTER_OK")
            caller.wait_for_event("REGISTER_OK")
            caller.dial(f"sip:700@127.0.0.1:{asterisk.port}")
            if mode == "bridge":  # a warm one renegotiates, and baresip ends its recordings at that
                wait_until(
                    lambda: hears(human, CALLER_HZ) and hears(caller, HUMAN_HZ),
                    "both to hear each other",
                    log=daemon.log,
                )
                assert bridged(asterisk) == channels
            else:
                daemon.wait_for("call_ended")
                wait_until(lambda: bridged(asterisk) == channels, "caller and human in one bridge")
            caller.hang_up()
            ended = daemon.wait_for("call_ended")
            assert (ended["outcome"], ended["transfer"], ended["transfer_target"]) == (
                "transferred",
                reason,
                "sales",
            )
            wait_until(lambda: asterisk.channels() == [], "Asterisk's channels to end")
            daemon.assert_baseline()
            assert daemon.metric("talkpath_transfers_total", outcome="transferred", reason=reason) == 1
