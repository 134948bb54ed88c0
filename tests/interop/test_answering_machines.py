"""The daemon calls Asterisk, where a machine or a human picks up: its own prompts, beep and recorder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.simulator.audio import dominant_hz
from talkpath.bridge.simulator.script import ScriptPersona, parse_script
from tests.bridge.recording.sound import read
from tests.harness.asterisk import Asterisk
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import audible_spans
from tests.harness.peers import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

RATE = 8_000
MESSAGE_HZ, OTHER_HZ = 1400.0, 660.0
PJSIP = """
[daemon]
type = endpoint
context = called
disallow = all
allow = ulaw
direct_media = no
language = en_US_f_Allison
[daemon]
type = identify
endpoint = daemon
match = 127.0.0.1
"""
EXTENSIONS = """
[called]
exten => machine,1,Answer()
 same => n,Wait(0.6)
 same => n,Playback(vm-theperson&vm-isunavail&vm-intro)
 same => n,Record({message},0,20,k)
exten => human,1,Answer()
 same => n,Wait(0.6)
 same => n,Playback(vm-goodbye)
 same => n,Wait(60)
"""
TRUNK = """
[[trunks]]
name = "pbx"
match = ["127.0.0.0/8"]
[agents.reception.outbound]
answering_machine = "{how}"
"""
STORY = {
    "turn": [
        {"heard": "has beeped", "reply": [{"tones": [MESSAGE_HZ], "tone_ms": 1500}, {"call": "hang_up"}]},
        {"repeat": True, "reply": [{"tones": [OTHER_HZ], "tone_ms": 800}]},
    ]
}
"""Leaves a message when it is told of the beep; answers everything else, and would talk into any pause."""


@pytest.fixture(scope="module")
def message(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("messages") / "message.wav"


@pytest.fixture(scope="module")
def asterisk(tmp_path_factory: pytest.TempPathFactory, message: Path) -> Iterator[Asterisk]:
    pbx = Asterisk(
        tmp_path_factory.mktemp("asterisk"),
        pjsip=PJSIP,
        extensions=EXTENSIONS.format(message=message),
        modules=("codec_gsm", "format_gsm"),
    )
    with pbx:
        yield pbx


@pytest.fixture(scope="module")
def model() -> Iterator[RunningSimulator]:
    with RunningSimulator(ScriptPersona(parse_script(STORY))) as running:
        yield running


def calling(folder: Path, model: RunningSimulator, asterisk: Asterisk, who: str, how: str = "tell") -> Daemon:
    command = ("call", f"sip:{who}@127.0.0.1:{asterisk.port}", "--trunk", "pbx")
    return Daemon(folder, model_url=model.url, command=command, more=TRUNK.format(how=how))


def test_the_message_is_left_behind_the_beep_and_nothing_before_it(
    model: RunningSimulator, asterisk: Asterisk, message: Path, tmp_path: Path
) -> None:
    with calling(tmp_path, model, asterisk, "machine") as daemon:
        daemon.wait_for("answered_by", by="machine", sign="machine", timeout_s=60)
        daemon.wait_for("answered_by", by="machine", sign="beep", timeout_s=60)
        ended = daemon.wait_for("call_ended", timeout_s=60)
    assert (ended["answered_by"], ended["outcome"], ended["cause"]) == (
        "machine",
        "completed",
        "agent_hung_up",
    )
    wait_until(message.exists, "the message", log=lambda: asterisk.log)
    samples = read(message)
    ((start, end),) = audible_spans(samples, rate=RATE)
    assert dominant_hz(samples[start:end], RATE) == pytest.approx(MESSAGE_HZ, abs=20)
    assert (end - start) / RATE == pytest.approx(1.5, abs=0.2)


def test_a_call_to_a_machine_can_end_at_once(
    model: RunningSimulator, asterisk: Asterisk, tmp_path: Path
) -> None:
    with calling(tmp_path, model, asterisk, "machine", "hang_up") as daemon:
        ended = daemon.wait_for("call_ended", timeout_s=60)
    assert (ended["answered_by"], ended["outcome"], ended["cause"]) == (
        "machine",
        "completed",
        "answering_machine",
    )


def test_a_human_who_says_a_word_is_answered(
    model: RunningSimulator, asterisk: Asterisk, tmp_path: Path
) -> None:
    with calling(tmp_path, model, asterisk, "human") as daemon:
        daemon.wait_for("answered_by", by="human", timeout_s=60)
        wait_until(lambda: asterisk.channels() != [], "the call", log=lambda: asterisk.log)
        asterisk.cli("channel request hangup all")
        ended = daemon.wait_for("call_ended", timeout_s=60)
    assert (ended["answered_by"], ended["ended_by"]) == ("human", "callee")
    assert ended["turns"] == 1
