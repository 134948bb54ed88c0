"""What calls in every codec of the wide band have in common: tones of 5 kHz, wider than a telephone."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkpath.bridge.simulator.audio import tone
from talkpath.bridge.simulator.reply import Reply, Speech
from talkpath.bridge.simulator.script import ScriptedTurn, ScriptPersona
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import Fit, audible_spans, fit_tone, has_ended
from tests.harness.peers import wait_until
from tests.harness.talker import PAYLOAD_TYPES, Talker, agree, hang_up
from tests.sip.phone import Phone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import PhoneCodec

MODEL_HZ, CALLER_HZ = 5_000, 5_210
SPEECH = ((0, 1.8), (CALLER_HZ, 1.0), (0, 30))


def model_of_tones() -> RunningSimulator:
    """A model that says a second of its tone, twice."""
    says = Reply((Speech(tone(MODEL_HZ, 1000), "Tone."),))
    return RunningSimulator(ScriptPersona([ScriptedTurn(reply=says)] * 2), record_s=60.0)


def caller_has_ended(model: RunningSimulator) -> bool:
    """Whether the model of the latest call has heard the caller's tone to its end."""
    samples, rate = model.simulator.sessions[-1].input.recorded()
    return has_ended(samples, rate=rate)


def assert_tone(
    samples: NDArray[np.int16], *, hertz: float, rate: int, least: float, apart: float = 0.012
) -> Fit:
    """One second of a tone, but for `apart` seconds, whole, and clear by `least` dB."""
    [(first, last)] = audible_spans(samples, rate=rate)
    assert (last - first) / rate == pytest.approx(1.0, abs=apart)
    edge = rate // 50
    fit = fit_tone(samples[first + edge : last - edge], hertz=hertz, rate=rate)
    assert fit.snr > least, fit
    return fit


def assert_changes_without_a_gap(
    daemon: Daemon, model: RunningSimulator, order: Sequence[PhoneCodec]
) -> None:
    """A call in which each codec follows the one before by re-INVITE."""
    calls = len(daemon.events("call_ended"))
    with Phone(daemon.address[1]) as phone, Talker() as talker:
        for number, codec in enumerate(order, 1):
            agree(phone, talker, codec, number)
            before = len(talker.packets)
            wait_until(lambda: len(talker.packets) > before + 75, "1.5 s of packets")  # noqa: B023 - used at once
        hang_up(phone)
        daemon.wait_for("call_ended", count=calls + 1)
        packets = talker.heard()
    kinds = [kind for kind, _, _ in packets]
    assert [kind for kind, _ in groupby(kinds)] == [PAYLOAD_TYPES[codec] for codec in order]
    assert {(later - first) & 0xFFFF for (_, first, _), (_, later, _) in pairwise(packets)} == {1}
    heard, _ = model.simulator.sessions[-1].input.recorded()
    assert _longest_silence(heard, 24_000) < 0.045 + talker.late
    daemon.assert_baseline()


def _longest_silence(samples: NDArray[np.int16], rate: int) -> float:
    """Seconds of the longest pause within what is heard."""
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 1_500)
    return float(np.diff(loud).max() / rate)
