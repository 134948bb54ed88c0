"""Wide-band calls with Asterisk and a softphone: tones of 5 kHz, which no narrow-band call carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.asterisk import Asterisk, neighbour, telephone
from tests.harness.baresip import Baresip
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import audible_spans, has_ended, write_bursts
from tests.harness.peers import wait_until
from tests.interop.wide_band import (
    CALLER_HZ,
    MODEL_HZ,
    SPEECH,
    assert_changes_without_a_gap,
    assert_tone,
    caller_has_ended,
    model_of_tones,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

RATE = 16_000

_DIALPLAN = "[internal]\nexten => 700,1,Dial(PJSIP/700@talkpath,30)\n"


@pytest.fixture(scope="module")
def model() -> Iterator[RunningSimulator]:
    with model_of_tones() as running:
        yield running


@pytest.fixture(scope="module")
def daemon(model: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("daemon")
    with Daemon(folder, model_url=model.url, sip='codecs = ["G722", "PCMU", "PCMA"]') as running:
        yield running


def called(caller: Baresip, uri: str) -> None:
    caller.dial(uri)
    caller.wait_for_event("CALL_ESTABLISHED")
    wait_until(lambda: has_ended(caller.heard(), rate=RATE), "the tone of the model", log=lambda: caller.log)


def assert_both_heard(daemon: Daemon, model: RunningSimulator, caller: Baresip, calls: int) -> None:
    wait_until(lambda: caller_has_ended(model), "the caller's tone")
    heard = caller.heard()
    greeting = heard[: audible_spans(heard, rate=RATE)[0][1] + RATE // 4]
    caller.hang_up()
    ended = daemon.wait_for("call_ended", count=calls)
    assert (ended["codec"], ended["outcome"], ended["rtp_lost"]) == ("G722", "completed", 0)
    assert_tone(greeting, hertz=MODEL_HZ, rate=RATE, least=20)
    samples, rate = model.simulator.sessions[-1].input.recorded()
    assert rate == 24_000
    assert_tone(samples, hertz=CALLER_HZ, rate=rate, least=20)
    daemon.assert_baseline()


@pytest.mark.alone
def test_both_voices_cross_an_asterisk_in_the_wide_band(
    daemon: Daemon, model: RunningSimulator, tmp_path: Path
) -> None:
    calls = len(daemon.events("call_ended"))
    talkpath = neighbour(
        "talkpath", f"sip:127.0.0.1:{daemon.address[1]}", context="internal", codecs="ulaw,g722"
    )
    endpoints = telephone("phone", "g722") + talkpath
    speech = tmp_path / "speech.wav"
    write_bursts(speech, SPEECH, rate=RATE)
    with Asterisk(tmp_path, pjsip=endpoints, extensions=_DIALPLAN) as asterisk:
        account = f"<sip:phone@127.0.0.1:{asterisk.port}>;auth_pass=secret;audio_codecs=g722"
        with Baresip(tmp_path, account=account, speech=speech) as caller:
            caller.wait_for_event("REGISTER_OK")
            called(caller, f"sip:700@127.0.0.1:{asterisk.port}")
            assert_both_heard(daemon, model, caller, calls + 1)


@pytest.mark.alone
def test_a_softphone_and_the_agent_hear_each_other_in_the_wide_band(
    daemon: Daemon, model: RunningSimulator, tmp_path: Path
) -> None:
    calls = len(daemon.events("call_ended"))
    speech = tmp_path / "speech.wav"
    write_bursts(speech, SPEECH, rate=RATE)
    account = "<sip:caller@127.0.0.1>;regint=0;audio_codecs=g722"
    with Baresip(tmp_path, account=account, speech=speech) as caller:
        called(caller, f"sip:700@127.0.0.1:{daemon.address[1]}")
        assert_both_heard(daemon, model, caller, calls + 1)


def test_a_re_invite_changes_the_codec_without_a_gap(daemon: Daemon, model: RunningSimulator) -> None:
    assert_changes_without_a_gap(daemon, model, ("PCMU", "G722", "PCMU", "G722", "PCMA"))
