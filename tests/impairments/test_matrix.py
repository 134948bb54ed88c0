"""Five rows of the matrix through the running daemon; all of them: ``make impairments``."""

from __future__ import annotations

import pytest

from tests.harness.dialler import Offer
from tests.impairments.impair import Impairment
from tests.impairments.matrix import matrix
from tests.impairments.rows import Row
from tests.impairments.signal import short_signal
from tests.impairments.verdict import LATE_CALLER_MS, problems

ROWS = (
    Row(Offer(), Impairment()),
    Row(Offer("PCMA", 30), Impairment(jitter=60)),
    Row(Offer("PCMU", 60), Impairment(duplicate=0.1)),
    Row(Offer("PCMA", 20), Impairment(loss=0.05, reorder=0.05)),
    Row(Offer("G722", 30), Impairment()),
)


@pytest.mark.daemon
@pytest.mark.alone
def test_the_model_hears_callers_on_bad_networks_in_their_own_time() -> None:
    with matrix(short_signal()) as ready:
        results = ready.run(ROWS, seed=5)
    clean, jittered, doubled, lossy, wide = results
    assert clean.duplicate == jittered.duplicate == 0
    assert doubled.duplicate > 0
    assert lossy.lost > 0
    # Who cannot keep its own pace, caller or daemon, has an impairment that no row asked for.
    judged = [each for each in results if each.caller_late_ms <= LATE_CALLER_MS and not each.down_jumps]
    assert problems(judged) == []
    assert not [each for each in (clean, wide) if each in judged and each.score.stretch_ms]
    if not judged:
        pytest.skip("the machine is too busy to judge a call")
