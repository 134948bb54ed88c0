from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.harness.dialler import Offer
from tests.impairments.impair import Impairment
from tests.impairments.matrix import Result
from tests.impairments.rows import Row
from tests.impairments.score import FRAME, NotHeardError, Score, pace, score
from tests.impairments.signal import RATE, short_signal
from tests.impairments.verdict import problems

if TYPE_CHECKING:
    from talkpath.bridge.media.lane import PhoneCodec

SIGNAL = short_signal()
BEST = SIGNAL.heard_at_best("PCMU")
SILENCE = np.zeros(RATE, np.int16)


def judged(heard: np.ndarray[tuple[int], np.dtype[np.int16]]) -> Score:
    return score(SIGNAL, BEST, np.concatenate((SILENCE, heard, SILENCE)))


def test_the_clean_signal_is_perfect_wherever_it_stands() -> None:
    found = judged(BEST)
    assert found == Score(35.0, 0.0, 0.0, 0, 0.0, RATE, RATE + BEST.size)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA", "G722"])
def test_at_best_hardly_anything_is_lost_in_either_direction(codec: PhoneCodec) -> None:
    for best in (SIGNAL.heard_at_best(codec), SIGNAL.spoken_at_best(codec)):
        found = score(SIGNAL, best, np.concatenate((SILENCE, best, SILENCE)))
        assert found.snr == 35
        assert found.stretch_ms == 0


def test_frames_of_silence_are_missing_and_cost_quality() -> None:
    heard = BEST.copy()
    for frame in range(40, 140, 10):
        heard[frame * FRAME : (frame + 1) * FRAME] = 0
    found = judged(heard)
    assert 0.02 < found.missing < 0.08
    assert found.snr < 34
    assert found.stretch_ms == 0


def test_a_cut_and_a_repeated_piece_change_the_length_and_are_aligned_behind() -> None:
    shorter = np.concatenate((BEST[: RATE * 3 // 2], BEST[RATE * 3 // 2 + 2 * FRAME :]))
    longer = np.concatenate((BEST[: RATE * 3 // 2], SILENCE[: 2 * FRAME], BEST[RATE * 3 // 2 :]))
    assert judged(shorter).stretch_ms == -40
    assert judged(longer).stretch_ms == 40
    assert judged(longer).snr > 30


def test_a_jump_is_a_click() -> None:
    heard = BEST.copy()
    heard[RATE * 3 // 10] = 30_000  # in the pause behind the first mark
    assert judged(heard).clicks == 1


def test_something_else_is_not_the_signal() -> None:
    noise = np.random.default_rng(1).normal(0, 3000, RATE * 5).astype(np.int16)
    with pytest.raises(NotHeardError):
        score(SIGNAL, BEST, noise)


def test_pace_finds_missing_packets_jumps_of_the_timestamp_and_gaps() -> None:
    number = np.arange(100)
    steady = np.stack((number * 20_000_000, (number + 65_500) & 0xFFFF, number * 160), axis=1)
    assert pace(steady) == (0, 0, 20.0, 20.0)
    lost, jumps, _, longest = pace(np.delete(steady, 50, axis=0))
    assert (lost, jumps, longest) == (1, 0, 40.0)
    jumped = steady.copy()
    jumped[50:, 2] += 8
    assert pace(jumped)[:2] == (0, 1)


GOOD = Result(
    row=Row(Offer(), Impairment(), "clean"),
    score=Score(35.0, 0.0, 0.0, 0, 0.0, 0, 1),
    back=Score(35.0, 0.0, 0.0, 0, 0.0, 0, 1),
    clock_ms=-40.0,
    delay_ms=10.0,
    lost=0,
    late=0,
    duplicate=0,
    down_lost=0,
    down_jumps=0,
    down_gap_p99=20.0,
    down_gap_most=21.0,
    caller_late_ms=1.0,
)


def test_a_good_row_has_no_problem() -> None:
    assert problems([GOOD]) == []


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (replace(GOOD, lost=1), "lost without a reason"),
        (replace(GOOD, score=replace(GOOD.score, snr=25.0)), "25.0 dB"),
        (replace(GOOD, score=replace(GOOD.score, stretch_ms=100.0)), "+100 ms longer"),
        (replace(GOOD, back=replace(GOOD.back, snr=25.0)), "hears the model with 25.0 dB"),
        (replace(GOOD, back=replace(GOOD.back, clicks=2)), "2 clicks"),
        (replace(GOOD, clock_ms=200.0), "+200 ms"),
        (replace(GOOD, down_jumps=1), "1 steps"),
        (replace(GOOD, caller_late_ms=30.0), "too busy"),
    ],
)
def test_each_bound_is_named_when_it_is_broken(broken: Result, words: str) -> None:
    (sentence,) = problems([broken])
    assert words in sentence


def test_more_loss_must_not_sound_better() -> None:
    some = replace(GOOD, row=Row(Offer(), Impairment(loss=0.01), "loss"), score=replace(GOOD.score, snr=30.0))
    more = replace(GOOD, row=Row(Offer(), Impairment(loss=0.10), "loss"), score=replace(GOOD.score, snr=33.0))
    assert problems([some, more]) == ["PCMU 20 ms, loss 10% sounds better than PCMU 20 ms, loss 1%"]
