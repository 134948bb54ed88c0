"""Calls in Opus with a softphone whose Opus and SDP are not ours: tones of 5 kHz, wider than a telephone."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.simulator.audio import tone
from talkpath.bridge.simulator.reply import Reply, Speech
from talkpath.bridge.simulator.script import ScriptedTurn, ScriptPersona
from tests.harness.baresip import Baresip
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import audible_spans, fit_tone, write_bursts
from tests.harness.peers import wait_until
from tests.harness.talker import PAYLOAD_TYPES, Talker, agree, hang_up
from tests.interop.test_wideband import groups, longest_silence
from tests.sip.phone import Phone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import PhoneCodec

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

RATE = 48_000
MODEL_HZ, CALLER_HZ = 5_000, 5_210
SPEECH = ((0, 1.8), (CALLER_HZ, 1.0), (0, 30))
MODULE = "module opus.so\nopus_stereo no\nopus_sprop_stereo no\n"
COPIES = "opus_inbandfec yes\nopus_packet_loss 10\n"
PAUSES = "opus_dtx yes\n"
ACCOUNT = "<sip:caller@127.0.0.1>;regint=0;audio_codecs=opus"


@pytest.fixture(scope="module")
def model() -> Iterator[RunningSimulator]:
    says = Reply((Speech(tone(MODEL_HZ, 1000), "Tone."),))
    persona = ScriptPersona([ScriptedTurn(reply=says)] * 2)
    with RunningSimulator(persona, record_s=60.0) as running:
        yield running


@pytest.fixture(scope="module")
def daemon(model: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("daemon")
    sip = 'codecs = ["OPUS", "PCMU"]'
    more = '[[trunks]]\nname = "any"\nmatch = ["127.0.0.1"]\nsrtp = "optional"\n'
    with Daemon(folder, model_url=model.url, sip=sip, more=more) as running:
        yield running


def assert_whole(samples: NDArray[np.int16], *, hertz: float, rate: int) -> None:
    """One second of a tone, as clear as Opus leaves it."""
    [(first, last)] = audible_spans(samples, rate=rate)
    assert (last - first) / rate == pytest.approx(1.0, abs=0.03)
    edge = rate // 50
    fit = fit_tone(samples[first + edge : last - edge], hertz=hertz, rate=rate)
    assert fit.snr > 10, fit
    assert fit.peak > 5_000, fit


def is_over(samples: NDArray[np.int16], rate: int) -> bool:
    spans = audible_spans(samples, rate=rate)
    return bool(spans) and spans[0][1] < samples.size - rate // 4


@pytest.mark.parametrize(
    ("options", "account"),
    [(MODULE + COPIES, ACCOUNT), (MODULE + PAUSES, ACCOUNT), (MODULE, f"{ACCOUNT};mediaenc=srtp")],
    ids=["copies", "pauses", "srtp"],
)
def test_a_softphone_and_the_agent_hear_each_other(
    daemon: Daemon, model: RunningSimulator, tmp_path: Path, options: str, account: str
) -> None:
    calls = len(daemon.events("call_ended"))
    speech = tmp_path / "speech.wav"
    write_bursts(speech, SPEECH, rate=RATE)
    with Baresip(tmp_path, account=account, speech=speech, more=options) as caller:
        caller.dial(f"sip:700@127.0.0.1:{daemon.address[1]}")
        caller.wait_for_event("CALL_ESTABLISHED")
        wait_until(lambda: is_over(caller.heard(), RATE), "the model's tone", timeout_s=15)
        session = model.simulator.sessions[-1]
        wait_until(lambda: is_over(*session.input.recorded()), "the caller's tone", timeout_s=15)
        caller.hang_up()
        ended = daemon.wait_for("call_ended", count=calls + 1)
    assert (ended["codec"], ended["outcome"], ended["rtp_lost"]) == ("OPUS", "completed", 0)
    assert_whole(caller.heard()[: 3 * RATE // 2], hertz=MODEL_HZ, rate=RATE)
    samples, rate = session.input.recorded()
    assert_whole(samples, hertz=CALLER_HZ, rate=rate)
    daemon.assert_baseline()


def test_a_re_invite_changes_the_codec_without_a_gap(daemon: Daemon, model: RunningSimulator) -> None:
    order: tuple[PhoneCodec, ...] = ("PCMU", "OPUS", "PCMU", "OPUS")
    calls = len(daemon.events("call_ended"))
    with Phone(daemon.address[1]) as phone, Talker() as talker:
        for number, codec in enumerate(order, 1):
            agree(phone, talker, codec, number)
            before = len(talker.packets)
            wait_until(lambda: len(talker.packets) > before + 75, "1.5 s of packets")  # noqa: B023 - used at once
        hang_up(phone)
        daemon.wait_for("call_ended", count=calls + 1)
        packets = talker.heard()
    assert [kind for kind, _ in groups(packets)] == [PAYLOAD_TYPES[codec] for codec in order]
    assert {(later - first) & 0xFFFF for (_, first, _), (_, later, _) in pairwise(packets)} == {1}
    heard, _ = model.simulator.sessions[-1].input.recorded()
    assert longest_silence(heard, 24_000) < 0.045 + talker.late
    daemon.assert_baseline()


def test_a_softphone_takes_a_call_of_ours(model: RunningSimulator, tmp_path: Path) -> None:
    speech = tmp_path / "speech.wav"
    write_bursts(speech, ((0, 0.5), (CALLER_HZ, 0.6), (0, 30)), rate=RATE)
    with Baresip(tmp_path, account=f"{ACCOUNT};answermode=auto", speech=speech, more=MODULE) as callee:
        command = ("call", f"sip:caller@127.0.0.1:{callee.port}")
        sip = 'codecs = ["OPUS", "PCMU"]\n[sip.outbound]\nallow = ["*@127.0.0.1"]'
        with Daemon(tmp_path, model_url=model.url, command=command, sip=sip) as ours:
            wait_until(lambda: is_over(callee.heard(), RATE), "the model's tone", timeout_s=30)
            callee.hang_up()
            ended = ours.wait_for("call_ended")
    assert (ended["codec"], ended["outcome"], ended["rtp_lost"]) == ("OPUS", "completed", 0)
    assert_whole(callee.heard(), hertz=MODEL_HZ, rate=RATE)
