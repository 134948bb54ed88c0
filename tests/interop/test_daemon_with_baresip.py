"""The daemon called by a softphone directly, without a PBX: over UDP and TCP, in both laws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.simulator.audio import tone_ladder
from talkpath.bridge.simulator.personas import TonePersona
from talkpath.bridge.simulator.reply import FunctionCall, Reply, Speech
from talkpath.bridge.simulator.script import ScriptedTurn, ScriptPersona
from tests.harness.baresip import Baresip
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import audible_spans, fit_tone, ladder_fits, write_bursts
from tests.harness.peers import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

RATE = 8000
CALLER_HZ = 1010
SPEECH = ((0, 1.4), (CALLER_HZ, 0.6), (0, 20))
"""0.6 s, 1.4 s after the answer."""


@pytest.fixture(scope="module")
def model() -> Iterator[RunningSimulator]:
    with RunningSimulator(TonePersona(600)) as running:
        yield running


@pytest.fixture(scope="module", params=["udp", "tcp"])
def daemon(
    request: pytest.FixtureRequest, model: RunningSimulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("daemon"), model_url=model.url, transport=request.param) as running:
        yield running


def softphone(
    folder: Path, daemon: Daemon, *, codec: str = "pcmu", parts: tuple[tuple[float, float], ...] = SPEECH
) -> Baresip:
    """A phone that speaks these tones."""
    speech = folder / "speech.wav"
    write_bursts(speech, parts)
    account = f"<sip:caller@127.0.0.1;transport={daemon.transport}>;regint=0;audio_codecs={codec}"
    return Baresip(folder, account=account, speech=speech)


def dial(caller: Baresip, daemon: Daemon) -> None:
    caller.dial(f"sip:700@127.0.0.1:{daemon.address[1]};transport={daemon.transport}")
    caller.wait_for_event("CALL_ESTABLISHED")


def answers(caller: Baresip) -> list[tuple[int, int]]:
    """Utterances of the agent that have come to their end."""
    samples = caller.heard()
    return [span for span in audible_spans(samples, rate=RATE) if span[1] < samples.size - RATE // 5]


@pytest.mark.parametrize("codec", ["pcmu", "pcma"])
def test_caller_and_agent_hear_each_other_until_the_caller_hangs_up(
    daemon: Daemon, model: RunningSimulator, tmp_path: Path, codec: str
) -> None:
    before = len(daemon.events("call_ended"))
    with softphone(tmp_path, daemon, codec=codec) as caller:
        dial(caller, daemon)
        wait_until(lambda: len(answers(caller)) == 2, "greeting and answer", log=lambda: caller.log)
        caller.hang_up()
        ended = daemon.wait_for("call_ended", count=before + 1)
        for first, last in answers(caller):
            fits = ladder_fits(caller.heard(), first=first, rungs=3, rate=RATE)
            assert min(fit.snr for fit in fits) > 35, fits
            assert (last - first) / RATE == pytest.approx(0.6, abs=0.012)
    assert (ended["codec"], ended["ended_by"], ended["outcome"]) == (codec.upper(), "caller", "completed")
    assert (ended["rtp_lost"], ended["frames_starved"]) == (0, 0)
    samples, rate = model.simulator.sessions[-1].input.recorded()
    [(first, last)] = audible_spans(samples, rate=rate)
    assert (last - first) / rate == pytest.approx(0.6, abs=0.006)
    fit = fit_tone(samples[first + rate // 100 : last - rate // 100], hertz=CALLER_HZ, rate=rate)
    assert fit.snr > 35
    assert fit.peak == pytest.approx(8000, rel=0.01)
    daemon.assert_baseline()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_agent_hangs_up_and_the_phone_has_heard_everything(tmp_path: Path, transport: str) -> None:
    goodbye = Reply((Speech(tone_ladder(1000), "Goodbye."), FunctionCall("hang_up", "{}")))
    with (
        RunningSimulator(ScriptPersona([ScriptedTurn(reply=goodbye)])) as model,
        Daemon(tmp_path, model_url=model.url, transport=transport) as daemon,
        softphone(tmp_path, daemon, parts=((0, 20),)) as caller,
    ):
        dial(caller, daemon)
        caller.wait_for_event("CALL_CLOSED")
        assert daemon.wait_for("call_ended")["cause"] == "agent_hung_up"
        [(first, last)] = audible_spans(caller.heard(), rate=RATE)
        assert (last - first) / RATE == pytest.approx(1.0, abs=0.012)
        daemon.assert_baseline()
