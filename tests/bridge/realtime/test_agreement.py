"""The server's answer about audio formats, compared with what was asked."""

from __future__ import annotations

from typing import Any

import pytest

from talkpath.bridge.realtime.agreement import format_mismatch


def session(given: Any) -> dict[str, Any]:
    return {"audio": {"input": {"format": given}, "output": {"format": given}}}


def test_the_same_format_is_agreement() -> None:
    assert format_mismatch(session({"type": "audio/pcma"}), "pcma") is None
    assert format_mismatch(session({"type": "audio/pcm", "rate": 24000}), "pcm") is None
    assert format_mismatch(session({"type": "audio/pcm"}), "pcm") is None


def test_a_rate_that_goes_without_saying_may_be_said_or_null() -> None:
    assert format_mismatch(session({"type": "audio/pcmu", "rate": 8000}), "pcmu") is None
    assert format_mismatch(session({"type": "audio/pcm", "rate": None}), "pcm") is None


def test_another_rate_is_not() -> None:
    assert "16000 Hz" in (format_mismatch(session({"type": "audio/pcm", "rate": 16000}), "pcm") or "")
    assert "16000 Hz" in (format_mismatch(session({"type": "audio/pcmu", "rate": 16000}), "pcmu") or "")
    assert format_mismatch(session({"type": "audio/pcm", "rate": [24000]}), "pcm")


@pytest.mark.parametrize(
    "answer", [{}, {"audio": None}, {"audio": {"input": 3}}, {"audio": {"input": {"format": []}}}]
)
def test_no_answer_means_the_default_of_the_protocol(answer: dict[str, Any]) -> None:
    assert format_mismatch(answer, "pcm") is None
    assert "audio/pcm at 24000 Hz" in (format_mismatch(answer, "pcmu") or "")


def test_the_old_names_are_not_agreement() -> None:
    assert format_mismatch({"input_audio_format": "g711_ulaw", "output_audio_format": "g711_ulaw"}, "pcmu")
