from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING

import pytest
from matplotlib.image import imread

from talkpath.bridge.demo.checks import check
from talkpath.bridge.demo.recording import read_stereo
from talkpath.bridge.demo.show import show
from talkpath.bridge.demo.summary import summarise
from tests.bridge.demo.call_log import evidence, good_call

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("missing", "remedy"), [("pjsua2", "make pjsua2"), ("matplotlib", "pip install 'talkpath[demo]'")]
)
def test_what_is_missing_is_said_before_anything_starts(
    missing: str,
    remedy: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else name)
    assert show(tmp_path) == 1
    assert remedy in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_summary_has_figures_but_no_numbers_of_people() -> None:
    story = good_call()
    story.facts()["pii_from"] = "caller"
    summary = json.loads(json.dumps(summarise(story, check(evidence(story)), 31.0)))
    assert summary["passed"]
    assert summary["figures"]["barge_in_heard_ms"] == 100
    assert summary["figures"]["response_gap_ms"]["key"] == 700
    assert "pii_from" not in summary["call_ended"]


@pytest.mark.daemon
def test_the_demo_is_a_good_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pjsua2")
    pytest.importorskip("hibari")
    pytest.importorskip("pocketsphinx")
    outcome = show(tmp_path)
    assert outcome == 0, capsys.readouterr().out
    assert "A good call." in capsys.readouterr().out
    channels, rate = read_stereo(tmp_path / "call.wav")
    assert (channels.shape[0], rate) == (2, 8000)
    assert imread(tmp_path / "call.png").shape[1] == 1800
