from __future__ import annotations

import wave
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.image import imread
from typer.testing import CliRunner

from talkpath.bridge.cli.app import app
from talkpath.bridge.demo.daemon_log import LogLine
from talkpath.bridge.demo.ears import Ears
from talkpath.bridge.demo.events import Problem, Recorded
from talkpath.bridge.demo.transfer.scenario import SCRIPT, is_cued
from talkpath.bridge.demo.transfer.show import show
from talkpath.bridge.demo.transfer.story import RATE, TransferStory, check, likeness

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

NOISE = np.random.default_rng(3)


def noise(seconds: float) -> NDArray[np.int16]:
    return (NOISE.normal(0, 3_000, round(seconds * RATE))).astype(np.int16)


def quiet(seconds: float) -> NDArray[np.int16]:
    return np.zeros(round(seconds * RATE), np.int16)


def step(wall: float, state: str, event: str) -> LogLine:
    return LogLine(wall, "info", "transfer_step", {"state": state, "event_name": event})


def good_transfer() -> TransferStory:
    """Briefed from 2 to 5 s, joined at 6; then one speaks after the other."""
    story = TransferStory(setup_ms=100.0, exits={"the daemon": 0, "the telephones": 0})
    for who, wall in (("caller", 100.0), ("human", 102.0)):
        story.report(Recorded(0.0, who, wall))  # type: ignore[arg-type]  # one of them
    for wall, state, event in (
        (102.0, "briefing", "answered"),
        (105.0, "referring_warm", "accepted"),
        (106.0, "bridged", "refer_refused"),
    ):
        story.line(step(wall, state, event))
    words = {"role": "caller", "pii_text": "connect me to the workshop please"}
    story.line(LogLine(101.0, "info", "said", words))
    story.line(LogLine(110.0, "info", "transfer_ended", {"outcome": "transferred", "reason": "bridged"}))
    story.line(LogLine(110.0, "info", "call_ended", {"outcome": "transferred", "talk_seconds": 10}))
    asks, tells, briefing = noise(2.0), noise(2.0), noise(3.0)
    story.hear("caller", np.concatenate((quiet(6), asks, quiet(2))), np.concatenate((quiet(8), tells)))
    story.hear(
        "human",
        np.concatenate((quiet(6), tells)),
        np.concatenate((briefing, quiet(1), asks, quiet(2))),
    )
    return story


def failed(story: TransferStory) -> list[str]:
    return [each.name for each in check(story) if not each.passed]


def test_a_good_transfer_passes_every_check() -> None:
    assert failed(good_transfer()) == []


def test_what_one_does_not_hear_fails() -> None:
    story = good_transfer()
    story.heard["caller"] = noise(10.0)
    assert failed(story) == ["the caller hears the human"]


def test_a_briefing_that_the_caller_hears_fails() -> None:
    story = good_transfer()
    story.heard["caller"][2 * RATE : 5 * RATE] = story.heard["human"][2 * RATE : 5 * RATE]
    assert "the caller did not hear the briefing" in failed(story)


def test_a_transfer_that_never_was_fails_nearly_everything() -> None:
    story = TransferStory()
    for who in ("caller", "human"):
        story.hear(who, quiet(1), quiet(1))
    story.report(Problem(1.0, "Nothing led to anything."))
    assert len(failed(story)) == 10


def test_the_agents_channel_ends_with_the_join() -> None:
    agent = good_transfer().agent()
    assert np.any(agent[: 6 * RATE])
    assert not np.any(agent[6 * RATE :])


def test_a_voice_is_found_where_it_comes_late() -> None:
    voice = noise(2.0)
    assert likeness(voice, np.concatenate((quiet(0.7), voice))) == pytest.approx(1.0, abs=0.01)
    assert likeness(voice, noise(3.0)) < 0.2
    assert likeness(quiet(1.0), voice) == 0.0


def test_nobody_speaks_out_of_turn() -> None:
    ears = Ears(0.02)
    assert not is_cued(SCRIPT[0], ears, 0.0, joined=False)
    ears.began = 1.0
    assert is_cued(SCRIPT[0], ears, 0.0, joined=False)
    ears.speaking = True
    assert not is_cued(SCRIPT[0], ears, 0.0, joined=False)
    assert not is_cued(SCRIPT[2], ears, 0.0, joined=False)
    assert is_cued(SCRIPT[2], ears, 0.0, joined=True)


def test_a_demo_that_there_is_not_is_said_so() -> None:
    result = CliRunner().invoke(app, ["demo", "transfers"])
    assert result.exit_code == 2
    assert "transfer" in result.output


@pytest.mark.daemon
def test_the_demo_is_a_good_transfer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pjsua2")
    pytest.importorskip("hibari")
    pytest.importorskip("pocketsphinx")
    outcome = show(tmp_path)
    assert outcome == 0, capsys.readouterr().out
    with wave.open(str(tmp_path / "transfer.wav"), "rb") as file:
        assert (file.getnchannels(), file.getframerate()) == (3, RATE)
    assert imread(tmp_path / "transfer.png").shape[1] == 1800
