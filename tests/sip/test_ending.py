from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.sip.ending import Course, OurEnd, call_ended
from talkpath.sip.outcomes import Outcome

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
    ended = call_ended("c-1", Course(), None, status=status, phrase=phrase, last_message=message)
    assert (ended.by, ended.status, ended.reason) == expected


def test_our_own_end_wins_over_what_the_stack_says() -> None:
    ended = call_ended(
        "c-1", Course(), OurEnd("failure", 503, "gone"), status=200, phrase="OK", last_message=BYE
    )
    assert (ended.by, ended.status, ended.reason) == ("failure", 503, "gone")


@given(st.text(max_size=200))
def test_any_last_message_gives_an_end(message: str) -> None:
    assert call_ended("c-1", Course(), None, status=480, phrase="x", last_message=message).status in {
        200,
        480,
    }


RINGING, SILENT, TALKED = Course(incoming=False), Course(False, heard=False), Course(False, confirmed=True)


@pytest.mark.parametrize(
    ("course", "ours", "status", "message", "by", "outcome"),
    [
        (RINGING, None, 486, BUSY, "callee", Outcome.BUSY),
        (RINGING, None, 603, "SIP/2.0 603 Decline\r\n\r\n", "callee", Outcome.DECLINED),
        (RINGING, OurEnd("failure", 408, "no answer"), 487, "", "failure", Outcome.NO_ANSWER),
        (SILENT, OurEnd("failure", 408, "no response"), 487, "", "failure", Outcome.UNREACHABLE),
        (SILENT, None, 408, "", "failure", Outcome.UNREACHABLE),
        (SILENT, None, 503, "", "failure", Outcome.UNREACHABLE),
        (RINGING, None, 503, "SIP/2.0 503 Full\r\n\r\n", "callee", Outcome.UNAVAILABLE),
        (RINGING, OurEnd("us", 480, ""), 487, "", "us", Outcome.CANCELLED),
        (TALKED, OurEnd("us", 200, ""), 200, "", "us", Outcome.COMPLETED),
        (TALKED, None, 200, BYE, "callee", Outcome.COMPLETED),
        (TALKED, None, 408, "", "failure", Outcome.UNREACHABLE),
        (Course(confirmed=True), OurEnd("failure", 488, ""), 200, "", "failure", Outcome.NOT_ACCEPTABLE),
    ],
)
def test_what_the_end_of_a_call_means(
    *, course: Course, ours: OurEnd | None, status: int, message: str, by: str, outcome: Outcome
) -> None:
    ended = call_ended("c-1", course, ours, status=status, phrase="", last_message=message)
    assert (ended.by, ended.outcome) == (by, outcome)
