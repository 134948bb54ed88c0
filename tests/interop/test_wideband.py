"""Wide-band calls with Asterisk and a softphone: tones of 5 kHz, which no narrow-band call carries."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkpath.bridge.simulator.audio import tone
from talkpath.bridge.simulator.reply import Reply, Speech
from talkpath.bridge.simulator.script import ScriptedTurn, ScriptPersona
from tests.harness.asterisk import Asterisk, neighbour, telephone
from tests.harness.baresip import Baresip
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import audible_spans, fit_tone, write_bursts
from tests.harness.peers import wait_until
from tests.harness.talker import PAYLOAD_TYPES, Talker, agree, hang_up
from tests.sip.phone import Phone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import PhoneCodec

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

RATE = 16_000
MODEL_HZ, CALLER_HZ = 5_000, 5_210
SPEECH = ((0, 1.8), (CALLER_HZ, 1.0), (0, 30))

_DIALPLAN = "[internal]\nexten => 700,1,Dial(PJSIP/700@talkpath,30)\n"


@pytest.fixture(scope="module")
def model() -> Iterator[RunningSimulator]:
    says = Reply((Speech(tone(MODEL_HZ, 1000), "Tone."),))
    persona = ScriptPersona([ScriptedTurn(reply=says)] * 2)
    with RunningSimulator(persona, record_s=60.0) as running:
        yield running


@pytest.fixture(scope="module")
def daemon(model: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("daemon")
    with Daemon(folder, model_url=model.url, sip='codecs = ["G722", "PCMU", "PCMA"]') as running:
        yield running


def assert_wide(samples: NDArray[np.int16], *, hertz: float, rate: int, least: float) -> None:
    """One second of a tone, whole, and as clear as G.722 leaves it."""
    [(first, last)] = audible_spans(samples, rate=rate)
    assert (last - first) / rate == pytest.approx(1.0, abs=0.012)
    edge = rate // 50
    fit = fit_tone(samples[first + edge : last - edge], hertz=hertz, rate=rate)
    assert fit.snr > least, fit


def called(caller: Baresip, uri: str) -> None:
    caller.dial(uri)
    caller.wait_for_event("CALL_ESTABLISHED")

    def answered() -> bool:
        samples = caller.heard()
        spans = audible_spans(samples, rate=RATE)
        return bool(spans) and spans[0][1] < samples.size - RATE // 4

    wait_until(answered, "the tone of the model", log=lambda: caller.log)


def assert_both_heard(daemon: Daemon, model: RunningSimulator, caller: Baresip, calls: int) -> None:
    session = model.simulator.sessions[-1]

    def caller_is_over() -> bool:
        samples, rate = session.input.recorded()
        spans = audible_spans(samples, rate=rate)
        return bool(spans) and spans[0][1] < samples.size - rate // 4

    wait_until(caller_is_over, "the caller's tone")
    heard = caller.heard()
    greeting = heard[: audible_spans(heard, rate=RATE)[0][1] + RATE // 4]
    caller.hang_up()
    ended = daemon.wait_for("call_ended", count=calls)
    assert (ended["codec"], ended["outcome"], ended["rtp_lost"]) == ("G722", "completed", 0)
    assert_wide(greeting, hertz=MODEL_HZ, rate=RATE, least=20)
    samples, rate = session.input.recorded()
    assert rate == 24_000
    assert_wide(samples, hertz=CALLER_HZ, rate=rate, least=20)
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
    order: tuple[PhoneCodec, ...] = ("PCMU", "G722", "PCMU", "G722", "PCMA")
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


def groups(packets: list[tuple[int, int, bytes]]) -> list[tuple[int, bytes]]:
    """The payload types in their order, and what was sent with each."""
    found: list[tuple[int, bytes]] = []
    for kind, _, payload in packets:
        if not found or found[-1][0] != kind:
            found.append((kind, b""))
        found[-1] = (kind, found[-1][1] + payload)
    return found


def longest_silence(samples: NDArray[np.int16], rate: int) -> float:
    """Seconds of the longest pause within what is heard."""
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 1_500)
    return float(np.diff(loud).max() / rate)
