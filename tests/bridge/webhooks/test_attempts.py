from __future__ import annotations

import pytest

from talkpath.bridge.webhooks.attempts import FIRST_WAIT, LONGEST_WAIT, Message, judge, seconds_of
from talkpath.bridge.webhooks.payload import Payload

HOUR = 3600.0


def message() -> Message:
    return Message("msg_1", Payload("call.ended", "c-1", "{}"), born=0.0, due=0.0)


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_any_success_is_a_delivery(status: int) -> None:
    assert judge(message(), status, retry_after=0, now=1.0, chance=0.5, give_up_after=HOUR) == "delivered"


@pytest.mark.parametrize("status", [None, 301, 400, 404, 429, 500, 503])
def test_everything_else_is_tried_again(status: int | None) -> None:
    one = message()
    assert judge(one, status, retry_after=0, now=1.0, chance=0.5, give_up_after=HOUR) == "again"
    assert one.due == 1.0 + FIRST_WAIT


def test_the_pauses_grow_and_have_a_longest_one() -> None:
    one = message()
    pauses = []
    for _ in range(20):
        judge(one, 500, retry_after=0, now=0.0, chance=0.5, give_up_after=1e9)
        pauses.append(one.due)
    assert pauses[:4] == [2.0, 4.0, 8.0, 16.0]
    assert pauses[-1] == LONGEST_WAIT


def test_chance_spreads_them_around() -> None:
    early, late = message(), message()
    judge(early, 500, retry_after=0, now=0.0, chance=0.0, give_up_after=HOUR)
    judge(late, 500, retry_after=0, now=0.0, chance=1.0, give_up_after=HOUR)
    assert (early.due, late.due) == (1.0, 3.0)


def test_a_receiver_that_asks_for_time_gets_it_within_reason() -> None:
    one = message()
    judge(one, 429, retry_after=60.0, now=0.0, chance=0.5, give_up_after=HOUR)
    assert one.due == 60.0
    judge(one, 429, retry_after=1e9, now=0.0, chance=0.5, give_up_after=HOUR)
    assert one.due == LONGEST_WAIT


def test_what_would_come_too_late_is_given_up_and_an_address_may_say_no_for_good() -> None:
    assert judge(message(), 500, retry_after=0, now=HOUR, chance=0.5, give_up_after=HOUR) == "expired"
    assert judge(message(), 410, retry_after=0, now=0.0, chance=0.5, give_up_after=HOUR) == "gone"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("30", 30.0), (None, 0.0), ("Wed, 21 Oct 2026", 0.0), ("-1", 0.0), ("9" * 99, 999999.0)],
)
def test_retry_after_is_read_as_far_as_it_is_seconds(header: str | None, seconds: float) -> None:
    assert seconds_of(header) == seconds
