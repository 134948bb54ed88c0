"""The model's server is killed in the middle of a call; the caller is baresip, who records what is heard."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkpath.bridge.simulator.audio import LADDER_HZ
from talkpath.bridge.simulator.personas import TonePersona
from tests.harness.baresip import Baresip
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import audible_spans, fit_tone, ladder_fits, write_bursts
from tests.harness.peers import free_port, has_bound, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

RATE = 8000
COMFORT_S = 1.5


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A simulator as a process of its own, which can be killed."""
    port = free_port()
    command = [sys.executable, "-m", "talkpath", "simulator", "--port", str(port), "--persona", "tone"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: has_bound(process, port), "the simulator to listen", process=process)
        yield process, port
        process.kill()


def caller_of(folder: Path) -> Baresip:
    """A phone that listens, and speaks only 30 s after the answer."""
    speech = folder / "speech.wav"
    write_bursts(speech, [(0, 60)])
    return Baresip(folder, account="<sip:caller@127.0.0.1>;regint=0;audio_codecs=pcmu", speech=speech)


def dial(caller: Baresip, daemon: Daemon) -> None:
    caller.dial(f"sip:700@127.0.0.1:{daemon.address[1]}")
    caller.wait_for_event("CALL_ESTABLISHED")


def is_ladder(samples: NDArray[np.int16]) -> bool:
    """Whether the samples are the first rung of a tone ladder."""
    return fit_tone(samples[RATE // 50 : RATE // 6], hertz=LADDER_HZ[0], rate=RATE).snr > 20


def test_a_killed_server_that_comes_back_goes_on_where_the_conversation_was(
    server: tuple[subprocess.Popen[bytes], int], tmp_path: Path
) -> None:
    process, port = server
    url = f"ws://127.0.0.1:{port}/v1/realtime"
    with Daemon(tmp_path, model_url=url) as daemon, caller_of(tmp_path) as caller:
        dial(caller, daemon)
        said = daemon.wait_for("said")["pii_text"]
        wait_until(lambda: len(finished(caller)) == 1, "the greeting")
        lost_at = caller.heard().size
        process.kill()
        daemon.wait_for("call_step", after="recovering")
        wait_until(lambda: caller.heard().size - lost_at > COMFORT_S * RATE, "comfort sound")
        comfort = caller.heard()[lost_at + RATE // 4 : lost_at + int(COMFORT_S * RATE)]
        with RunningSimulator(TonePersona(1000), port=port) as model:
            daemon.wait_for("call_step", before="recovering", after="talking")
            daemon.wait_for("said", count=2)
            resumed = caller.heard().size
            wait_until(lambda: caller.heard().size > resumed + 2 * RATE, "that sentence")
            [session] = model.simulator.sessions
            remembered = [memory.text for memory in session.conversation.remembered()]
            caller.hang_up()
            ended = daemon.wait_for("call_ended")
            daemon.assert_baseline()
        after = caller.heard()[lost_at + int(COMFORT_S * RATE) :]
    assert np.sqrt(np.mean(comfort.astype(float) ** 2)) > 20, "dead air instead of a comfort sound"
    assert any(said in text for text in remembered), remembered
    assert (ended["outcome"], ended["model_reconnects"]) == ("completed", 1)
    ladders = [
        first for first, _ in audible_spans(after, rate=RATE, bridge_ms=10) if is_ladder(after[first:])
    ]
    fits = ladder_fits(after, first=ladders[0], rungs=5, rate=RATE)
    assert min(fit.snr for fit in fits) > 30, fits


def finished(caller: Baresip) -> list[tuple[int, int]]:
    """Utterances that have come to their end."""
    samples = caller.heard()
    return [span for span in audible_spans(samples, rate=RATE) if span[1] < samples.size - RATE // 5]


def test_a_server_that_stays_away_ends_in_three_beeps_and_a_bye(
    server: tuple[subprocess.Popen[bytes], int], tmp_path: Path
) -> None:
    process, port = server
    with (
        Daemon(tmp_path, model_url=f"ws://127.0.0.1:{port}/v1/realtime") as daemon,
        caller_of(tmp_path) as caller,
    ):
        dial(caller, daemon)
        wait_until(lambda: len(finished(caller)) == 1, "the greeting")
        process.kill()
        caller.wait_for_event("CALL_CLOSED", timeout_s=40)
        ended = daemon.wait_for("call_ended")
        daemon.assert_baseline()
        last = caller.heard()[-RATE * 3 // 2 :]
    assert (ended["outcome"], ended["cause"], ended["ended_by"]) == ("failed", "model_lost", "us")
    beeps = audible_spans(last, rate=RATE, least_ms=200)
    assert len(beeps) == 3, beeps
    lengths = [(behind - first) / RATE for first, behind in beeps]
    assert lengths[1:] == pytest.approx([0.25] * 2, abs=0.02)
    assert lengths[0] > 0.23, "a note of the comfort sound may touch the first"
    pauses = [b[0] - a[1] for a, b in itertools.pairwise(beeps)]
    assert [pause / RATE for pause in pauses] == pytest.approx([0.2] * 2, abs=0.02)
