from __future__ import annotations

import pytest

from talkpath.sip.in_call_answer import verdict


def request(method: str, event: str = "") -> str:
    named = f"Event: {event}\r\n" if event else ""
    return f"{method} sip:600@127.0.0.1 SIP/2.0\r\nCSeq: 2 {method}\r\n{named}\r\n"


@pytest.mark.parametrize(
    ("method", "event", "subscribed", "status"),
    [
        ("BYE", "", False, 0),
        ("INVITE", "", False, 0),
        ("UPDATE", "", False, 0),
        ("REFER", "", False, 0),
        ("INFO", "", False, 200),
        ("OPTIONS", "", False, 200),
        ("NOTIFY", "refer", True, 0),
        ("NOTIFY", "Refer;id=7", True, 0),
        ("NOTIFY", "refer", False, 481),
        ("NOTIFY", "talk", True, 481),
        ("SUBSCRIBE", "refer", True, 0),
        ("SUBSCRIBE", "presence", True, 489),
        ("MESSAGE", "", False, 405),
        ("PUBLISH", "", False, 405),
        ("NEWFANGLED", "", False, 501),
    ],
)
def test_what_the_stack_does_not_answer_is_answered(
    method: str, event: str, subscribed: bool, status: int
) -> None:
    how = verdict(request(method, event), subscribed=subscribed)
    assert (how.status if how else 0) == status


def test_whoever_asks_what_we_can_do_is_told() -> None:
    how = verdict(request("OPTIONS"), subscribed=False)
    assert how is not None
    names = dict(how.headers)
    assert {"Allow", "Accept", "Supported"} == names.keys()
    assert "REFER" in names["Allow"]


def test_a_header_that_cannot_be_read_names_no_subscription() -> None:
    how = verdict("NOTIFY sip:1@b SIP/2.0\r\nnonsense\r\n\r\n", subscribed=True)
    assert how is not None
    assert how.status == 481
