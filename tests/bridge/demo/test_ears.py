from __future__ import annotations

import numpy as np
import pytest

from talkpath.bridge.demo.ears import PAUSE, START_FRAMES, Ears

LOUD = np.full(160, 3000, np.int16)
QUIET = np.zeros(160, np.int16)
FRAME = 0.02


def test_speech_begins_where_its_first_loud_frame_began() -> None:
    ears = Ears(FRAME)
    changes = [ears.feed(frame) for frame in [QUIET] * 10 + [LOUD] * START_FRAMES]
    assert changes == [False] * (9 + START_FRAMES) + [True]
    assert ears.began == pytest.approx(0.2)
    assert ears.speaking


def test_a_click_is_not_speech() -> None:
    ears = Ears(FRAME)
    assert not any(ears.feed(frame) for frame in [LOUD, QUIET] * 20)


def test_speech_ends_after_a_pause_at_its_last_loud_frame() -> None:
    ears = Ears(FRAME)
    frames = [LOUD] * 10 + [QUIET] * 10 + [LOUD] * 5 + [QUIET] * round(PAUSE / FRAME)
    changes = [ears.feed(frame) for frame in frames]
    assert changes.count(True) == 2
    assert changes[-1]
    assert not ears.speaking
    assert ears.ended == pytest.approx(0.5)
