from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.image import imread

from talkpath.bridge.demo.picture import _break, draw
from talkpath.bridge.demo.story import Story
from tests.bridge.demo.call_log import good_call

if TYPE_CHECKING:
    from pathlib import Path

RATE = 8000


def test_the_picture_is_light_and_twice_as_wide_as_a_page_shows_it(tmp_path: Path) -> None:
    story = good_call()
    sound = np.random.default_rng(1).normal(0, 3000, (2, int(26.5 * RATE))).astype(np.int16)
    draw(sound, RATE, story, tmp_path / "call.png")
    picture = imread(tmp_path / "call.png")
    assert picture.shape[:2] == (1080, 1800)
    assert picture[0, 0, :3].tolist() == [1.0, 1.0, 1.0]
    assert (picture[..., :3].min(axis=2) < 0.6).mean() > 0.02


def test_a_call_is_cut_before_the_callers_turn_that_is_nearest_to_the_middle() -> None:
    (start, cut), (again, end) = _break(good_call(), 26.5)
    assert (start, again, end) == (0.0, cut, 26.5)
    assert cut == pytest.approx(9.3)


@pytest.mark.parametrize("seconds", [0.02, 5.0, 30.0])
def test_a_call_that_failed_early_is_drawn_too(seconds: float, tmp_path: Path) -> None:
    draw(np.zeros((2, int(seconds * RATE)), np.int16), RATE, Story(), tmp_path / "call.png")
    assert (tmp_path / "call.png").stat().st_size > 1000
