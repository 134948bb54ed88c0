"""Calls in Opus with a softphone whose Opus and SDP are not ours: tones of 5 kHz, wider than a telephone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.baresip import Baresip
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import has_ended, write_bursts
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

    import numpy as np
    from numpy.typing import NDArray

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

RATE = 48_000
MODULE = "module opus.so\nopus_stereo no\nopus_sprop_stereo no\n"
COPIES = "opus_inbandfec yes\nopus_packet_loss 10\n"
PAUSES = "opus_dtx yes\n"
ACCOUNT = "<sip:caller@127.0.0.1>;regint=0;audio_codecs=opus"


@pytest.fixture(scope="module")
def model() -> Iterator[RunningSimulator]:
    with model_of_tones() as running:
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
    fit = assert_tone(samples, hertz=hertz, rate=rate, least=10, apart=0.03)
    assert fit.peak > 5_000, fit


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
        wait_until(lambda: has_ended(caller.heard(), rate=RATE), "the model's tone", timeout_s=15)
        session = model.simulator.sessions[-1]
        wait_until(lambda: caller_has_ended(model), "the caller's tone", timeout_s=15)
        caller.hang_up()
        ended = daemon.wait_for("call_ended", count=calls + 1)
    assert (ended["codec"], ended["outcome"], ended["rtp_lost"]) == ("OPUS", "completed", 0)
    assert_whole(caller.heard()[: 3 * RATE // 2], hertz=MODEL_HZ, rate=RATE)
    samples, rate = session.input.recorded()
    assert_whole(samples, hertz=CALLER_HZ, rate=rate)
    daemon.assert_baseline()


def test_a_re_invite_changes_the_codec_without_a_gap(daemon: Daemon, model: RunningSimulator) -> None:
    assert_changes_without_a_gap(daemon, model, ("PCMU", "OPUS", "PCMU", "OPUS"))


def test_a_softphone_takes_a_call_of_ours(model: RunningSimulator, tmp_path: Path) -> None:
    speech = tmp_path / "speech.wav"
    write_bursts(speech, ((0, 0.5), (CALLER_HZ, 0.6), (0, 30)), rate=RATE)
    with Baresip(tmp_path, account=f"{ACCOUNT};answermode=auto", speech=speech, more=MODULE) as callee:
        command = ("call", f"sip:caller@127.0.0.1:{callee.port}")
        sip = 'codecs = ["OPUS", "PCMU"]\n[sip.outbound]\nallow = ["*@127.0.0.1"]'
        with Daemon(tmp_path, model_url=model.url, command=command, sip=sip) as ours:
            wait_until(lambda: has_ended(callee.heard(), rate=RATE), "the model's tone", timeout_s=30)
            callee.hang_up()
            ended = ours.wait_for("call_ended")
    assert (ended["codec"], ended["outcome"], ended["rtp_lost"]) == ("OPUS", "completed", 0)
    assert_whole(callee.heard(), hertz=MODEL_HZ, rate=RATE)
