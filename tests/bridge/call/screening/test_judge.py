from __future__ import annotations

import pytest

from talkpath.bridge.call.screening.judge import (
    FRAME,
    LONG_WORDS,
    PAUSE,
    RECORDS,
    YOUNG,
    Finding,
    Judge,
    Phase,
)
from talkpath.bridge.call.screening.sound import Kind

Q, V, T = Kind.QUIET, Kind.VOICE, Kind.TONE
Parts = list[tuple[Kind, float]]


def findings(*parts: tuple[Kind, float], judge: Judge | None = None) -> list[tuple[Finding, float]]:
    """What is found out, and when, of seconds of quiet, voice and tones."""
    judge = judge or Judge()
    kinds = [kind for kind, seconds in parts for _ in range(round(seconds / FRAME))]
    found = [(judge.feed(kind), (number + 1) * FRAME) for number, kind in enumerate(kinds)]
    return [(finding, at) for finding, at in found if finding is not None]


def only(*parts: tuple[Kind, float]) -> list[Finding]:
    return [finding for finding, _ in findings(*parts)]


def test_a_short_hello_and_silence_is_a_human() -> None:
    ((finding, at),) = findings((Q, 0.8), (V, 0.5), (Q, 10))
    assert finding is Finding.HUMAN
    assert at == pytest.approx(0.8 + 0.5 + PAUSE, abs=0.05)


def test_a_firm_that_says_its_name_is_a_human() -> None:
    assert only((V, 2.0), (Q, 0.4), (V, 2.0), (Q, 10)) == [Finding.HUMAN]


def test_words_without_a_pause_are_a_machine_while_they_last() -> None:
    found = findings((Q, 0.5), (V, 2), (Q, 0.6), (V, 1), (Q, 0.8), (V, 6), (Q, 0.5), (T, 0.4), (Q, 0.1))
    assert [finding for finding, _ in found] == [Finding.MACHINE, Finding.BEEP]
    assert found[0][1] == pytest.approx(0.5 + LONG_WORDS, abs=0.1)
    assert found[1][1] == pytest.approx(11.82, abs=0.1), "when the tone is over"


def test_a_machine_that_does_not_beep_records_after_some_quiet() -> None:
    found = findings((V, 8), (Q, 10))
    assert [finding for finding, _ in found] == [Finding.MACHINE, Finding.QUIET]
    assert found[1][1] == pytest.approx(8 + RECORDS, abs=0.05)


def test_a_beep_that_comes_late_is_told_all_the_same() -> None:
    assert only((V, 8), (Q, RECORDS + 0.5), (T, 0.3), (Q, 9)) == [
        Finding.MACHINE,
        Finding.QUIET,
        Finding.BEEP,
    ]


def test_a_beep_makes_a_machine_of_what_seemed_a_human() -> None:
    assert only((V, 2.5), (Q, 1.5), (T, 0.5), (Q, 1)) == [Finding.HUMAN, Finding.BEEP]


def test_a_beep_long_after_a_human_s_words_is_a_kitchen_s() -> None:
    assert only((V, 1.0), (Q, 3.5), (T, 0.5), (Q, 1)) == [Finding.HUMAN]


def test_a_tone_without_words_is_no_machine_that_takes_messages() -> None:
    assert only((Q, 1), (T, 0.5), (Q, 3), (T, 0.5), (Q, 3)) == []


def test_european_ringing_after_words_is_no_beep() -> None:
    assert only((V, 2), (Q, 0.5), (T, 1.0), (Q, 4), (T, 1.0), (Q, 4)) == [Finding.HUMAN]


def test_a_click_is_no_beep() -> None:
    assert only((V, 2), (T, 0.06), (V, 0.5), (Q, 9)) == [Finding.HUMAN]


def test_who_says_nothing_is_nobody() -> None:
    judge = Judge()
    assert findings((Q, YOUNG + 1), judge=judge) == []
    assert judge.phase is Phase.OVER


def test_a_machine_that_never_stops_is_spoken_to_in_the_end() -> None:
    found = findings((V, YOUNG + 10))
    assert [finding for finding, _ in found] == [Finding.MACHINE, Finding.QUIET]
    assert found[1][1] == pytest.approx(YOUNG)


def test_once_it_is_over_nothing_is_found() -> None:
    judge = Judge()
    findings((V, 8), (T, 0.4), (Q, 0.1), judge=judge)
    assert judge.phase is Phase.OVER
    assert findings((V, 30), (T, 0.4), (Q, 5), judge=judge) == []
