from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.sip.info_digit import info_body, parse_info_digit


def info(kind: str, body: str) -> str:
    return f"INFO sip:a SIP/2.0\r\nContent-Type: {kind}\r\n\r\n{body}"


@pytest.mark.parametrize(
    ("kind", "body", "digit", "duration"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5", 160),
        ("application/dtmf-relay", "signal= # \nduration = 100", "#", 100),
        ("Application/DTMF-Relay; charset=x", "Signal=a", "A", 0),
        ("application/dtmf-relay", "Signal=1\r\nDuration=999999", "1", 60_000),
        ("application/dtmf-relay", "Signal=11\r\nDuration=100\r\n", "#", 100),
        ("application/dtmf", "9\r\n", "9", 0),
        ("application/dtmf", "*", "*", 0),
    ],
)
def test_both_forms_are_read(kind: str, body: str, digit: str, duration: int) -> None:
    found = parse_info_digit(info(kind, body))
    assert found is not None
    assert (found.digit, found.duration_ms) == (digit, duration)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/dtmf", "12"),
        ("application/dtmf-relay", "Signal=flash"),
        ("text/plain", "5"),
        ("x", ""),
        ("application/dtmf-relay", "Signal=16"),
    ],
)
def test_what_is_no_digit_is_none(kind: str, body: str) -> None:
    assert parse_info_digit(info(kind, body)) is None


@pytest.mark.parametrize(("asked", "held"), [(0, 1), (100, 100), (10**6, 60_000)])
def test_a_key_is_held_for_a_time_that_telephones_can_read(asked: int, held: int) -> None:
    assert info_body("a", asked) == f"Signal=A\r\nDuration={held}\r\n"


@given(st.text(max_size=200))
def test_any_text_is_a_digit_or_none(text: str) -> None:
    parse_info_digit(text)
    parse_info_digit(info("application/dtmf-relay", text))
