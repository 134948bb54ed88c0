"""Recordings of the running daemon: stopped while it records, and with a disk that is full."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.simulator import vad
from talkpath.bridge.simulator.audio import tone
from talkpath.bridge.simulator.reply import Reply, Speech
from talkpath.bridge.simulator.script import ScriptedTurn, ScriptPersona
from tests.bridge.recording.sound import read
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import fit_tone
from tests.harness.peers import wait_until
from tests.harness.talker import Talker, agree, hang_up
from tests.sip.phone import Phone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import PhoneCodec

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

RATE = 8_000
QUARTER = RATE // 4
CALLER_HZ, MODEL_HZ = 600, 1_020
"""What `Talker` says, and what the model says."""


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningSimulator]:
    monkeypatch.setattr(vad, "START_FRAMES", 1 << 30)  # both speak at once: nothing interrupts the model
    says = Reply((Speech(tone(MODEL_HZ, 1500), "Tone."),))
    with RunningSimulator(ScriptPersona([ScriptedTurn(reply=says)])) as running:
        yield running


def recording(folder: Path) -> str:
    return f'recording = {{ mode = "always", directory = "{folder}" }}\n'


def clearest(samples: NDArray[np.int16], hertz: float) -> float:
    """The best ratio of a tone to all else in a quarter of a second; a busy machine may spoil some."""
    quarters = samples[: len(samples) // QUARTER * QUARTER].reshape(-1, QUARTER)
    return max(fit_tone(quarter, hertz=hertz, rate=RATE).snr for quarter in quarters)


def assert_kept(path: Path, seconds: float) -> None:
    """The caller left, to the end, and the model right."""
    both = read(path)
    assert len(both) / RATE >= seconds
    assert clearest(both[-4 * QUARTER :, 0], CALLER_HZ) > 20
    assert clearest(both[:, 1], MODEL_HZ) > 20


@pytest.mark.parametrize("codec", ["PCMA", "G722"])
def test_a_stop_completes_the_recording_of_a_call_that_goes_on(
    model: RunningSimulator, tmp_path: Path, codec: PhoneCodec
) -> None:
    calls = tmp_path / "calls"
    sip = 'codecs = ["G722", "PCMU", "PCMA"]'
    with (
        Daemon(tmp_path, model_url=model.url, sip=sip, agent=recording(calls)) as daemon,
        Phone(daemon.address[1]) as phone,
        Talker() as talker,
    ):
        agree(phone, talker, codec)
        wait_until(lambda: len(talker.packets) > 200, "four seconds of a call")
        assert [each.suffix for each in calls.iterdir()] == [".part"]
        assert daemon.stop() == 0
        ended = daemon.events("call_ended")[-1]
    assert ended["cause"] == "draining"
    (file,) = calls.iterdir()
    assert str(file) == ended["recording"]
    assert_kept(file, 4.0)


def test_a_full_disk_ends_the_recording_with_an_alarm_and_the_call_goes_on(
    model: RunningSimulator, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    with (
        Daemon(tmp_path, model_url=model.url, agent=recording(calls)) as daemon,
        Phone(daemon.address[1]) as phone,
        Talker() as talker,
    ):
        # As large as a file of the worker may become: four seconds of sound beyond what its log has now.
        most = len(daemon.log().encode()) + 4 * RATE * 4
        resource.prlimit(daemon.pid_of("worker-0"), resource.RLIMIT_FSIZE, (most, most))
        agree(phone, talker, "PCMU")
        failed = daemon.wait_for("recording_failed", timeout_s=40)
        assert "Make room in" in failed["problem"]
        heard = len(talker.packets)
        wait_until(lambda: len(talker.packets) > heard + 100, "two more seconds of the call")
        wait_until(lambda: daemon.metric("talkpath_recordings_total", result="failed") == 1, "the alarm")
        hang_up(phone)
        ended = daemon.wait_for("call_ended")
        assert (ended["outcome"], ended["rtp_lost"]) == ("completed", 0)
        daemon.assert_baseline()
    (file,) = calls.iterdir()
    assert file.suffix == ".wav"
    assert_kept(file, 2.0)
