from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.sip.ending import OurEnd, call_ended

BYE = 'BYE sip:a SIP/2.0\r\nReason: Q.850;cause=16;text="clearing"\r\n\r\n'
BUSY = "SIP/2.0 486 Busy Here\r\n\r\n"


@pytest.mark.parametrize(
    ("status", "phrase", "message", "expected"),
    [
        (200, "OK", BYE, ("caller", 200, "clearing")),
        (200, "OK", "BYE sip:a SIP/2.0\r\n\r\n", ("caller", 200, "OK")),
        (486, "Busy Here", BUSY, ("caller", 486, "Busy Here")),
        (487, "Request Terminated", "", ("caller", 487, "Request Terminated")),
        (408, "Request Timeout", "", ("failure", 408, "Request Timeout")),
        (0, "", "", ("failure", 500, "")),
        (200, "OK", "BYE sip:a SIP/2.0\r\nno colon\r\n\r\n", ("caller", 200, "OK")),
    ],
)
def test_who_ended_it_and_why(status: int, phrase: str, message: str, expected: tuple[str, int, str]) -> None:
    ended = call_ended("c-1", None, status, phrase, message)
    assert (ended.by, ended.status, ended.reason) == expected


def test_our_own_end_wins_over_what_the_stack_says() -> None:
    ended = call_ended("c-1", OurEnd("failure", 503, "gone"), 200, "OK", BYE)
    assert (ended.by, ended.status, ended.reason) == ("failure", 503, "gone")


@given(st.text(max_size=200))
def test_any_last_message_gives_an_end(message: str) -> None:
    assert call_ended("c-1", None, 480, "x", message).status in {200, 480}
