from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.sip.refer_progress import FINAL, ReferProgress


def response(status: str, headers: str = "") -> str:
    return f"SIP/2.0 {status}\r\nCSeq: 3 REFER\r\n{headers}\r\n"


def notify(body: str, state: str = "active", event: str = "refer") -> str:
    return f"NOTIFY sip:us SIP/2.0\r\nEvent: {event}\r\nSubscription-State: {state}\r\n\r\n{body}"


OK = response("202 Accepted")
DONE = notify("SIP/2.0 200 OK", "terminated;reason=noresource")


def follow(*texts: str) -> tuple[list[tuple[str, int]], list[str]]:
    counted: list[str] = []
    progress = ReferProgress(counted.append)
    steps = [step for text in texts for step in progress.take(text)]
    return [(step.stage, step.status) for step in steps], counted


@pytest.mark.parametrize(
    ("texts", "steps"),
    [
        ((OK, DONE), [("accepted", 202), ("done", 200)]),
        ((DONE, OK), [("accepted", 202), ("done", 200)]),
        ((OK, notify("SIP/2.0 486 Busy")), [("accepted", 202), ("done", 486)]),
        ((OK, notify("", "terminated;reason=timeout")), [("accepted", 202), ("lost", 0)]),
        ((response("403 No"),), [("refused", 403)]),
        ((response("401 Who"),), [("refused", 401)]),
        ((response("100 Trying"), OK), [("accepted", 202)]),
        ((response("200 OK", "Refer-Sub: FALSE\r\n"),), [("accepted", 200), ("done", 200)]),
        (
            (OK, "SIP/2.0 200 OK\r\nCSeq: 4 INVITE\r\n\r\n", "BYE sip:us SIP/2.0\r\n\r\n", ""),
            [("accepted", 202)],
        ),
    ],
)
def test_stages(texts: tuple[str, ...], steps: list[tuple[str, int]]) -> None:
    assert follow(*texts)[0] == steps


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (notify("garbage"), "malformed"),
        ("NOTIFY x SIP/2.0\r\nnonsense\r\n\r\n", "malformed"),
        ("SIP/2.0 abc\r\nCSeq: 1 REFER\r\n\r\n", "malformed"),
        (notify("SIP/2.0 200 OK", event="presence"), "other_event"),
    ],
)
def test_what_changes_nothing_is_counted(text: str, cause: str) -> None:
    assert follow(OK, text) == ([("accepted", 202)], [cause])


def test_what_comes_after_the_outcome_is_counted() -> None:
    assert follow(OK, DONE, DONE)[1] == ["late"]


def test_the_reason_of_a_refusal_is_that_of_the_reason_header() -> None:
    progress = ReferProgress(lambda _: None)
    (step,) = progress.take(response("603 Decline", 'Reason: SIP;cause=603;text="not now"\r\n'))
    assert step.reason == "not now"
    assert progress.over
    assert progress.end("the call ended") == []


@given(
    st.lists(
        st.sampled_from(
            [
                OK,
                DONE,
                response("403 No"),
                response("401 Who"),
                notify("SIP/2.0 100 Trying"),
                notify("SIP/2.0 183 x"),
                notify("junk", "terminated"),
                notify("junk"),
                "NOTIFY",
                "NOTIFY \r\n:\r\n",
            ]
        ),
        max_size=8,
    ),
)
def test_in_any_order_there_is_one_outcome_and_it_is_the_last_word(texts: list[str]) -> None:
    progress = ReferProgress(lambda _: None)
    stages = [step.stage for text in texts for step in progress.take(text)]
    stages += [step.stage for step in progress.end("over")]
    assert len(stages) == len(set(stages))
    assert [stage for stage in stages if stage in FINAL] == stages[-1:]
