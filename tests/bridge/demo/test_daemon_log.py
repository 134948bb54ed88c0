from __future__ import annotations

import pytest

from talkpath.bridge.demo.daemon_log import parse


def test_a_line_of_the_log_is_read() -> None:
    line = parse(
        b'{"timestamp":"2026-01-02T03:04:05.5Z","level":"info","event":"said","role":"agent","pii_text":"Hello"}'
    )
    assert line is not None
    assert (line.event, line.level, line.words, line.facts["role"]) == ("said", "info", "Hello", "agent")
    assert line.wall == pytest.approx(1767323045.5)
    assert not line.is_trouble


def test_trouble_is_described_with_its_facts() -> None:
    line = parse(
        b'{"timestamp":"2026-01-02T03:04:05Z","level":"error","event":"call_broke","call":"c","why":"x"}'
    )
    assert line is not None
    assert line.is_trouble
    assert line.describe() == "error: call_broke (why x)"


def test_of_a_traceback_the_last_line_is_told() -> None:
    line = parse(
        b'{"timestamp":"2026-01-02T03:04:05Z","event":"e","level":"error",'
        b'"exception":"Traceback\\n  x\\nKeyError: 1"}'
    )
    assert line is not None
    assert line.describe() == "error: e (exception KeyError: 1)"


@pytest.mark.parametrize("raw", [b"Traceback (most recent call last):", b"[]", b'{"event":"x"}', b"\xff"])
def test_other_text_is_passed_over(raw: bytes) -> None:
    assert parse(raw) is None


def test_a_warning_about_what_is_installed_is_no_trouble_of_the_call() -> None:
    line = parse(
        b'{"timestamp":"2026-01-02T03:04:05Z","level":"warning","event":"sip_stack_limited","problem":"x"}'
    )
    assert line is not None
    assert not line.is_trouble
