from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.bridge.config.transfer import TargetConfig
from talkpath.bridge.transfer.targets import Attempt, Ourselves, Refusal, Selection, open_now, select
from talkpath.bridge.transfer.vocabulary import Reason

MONDAY_NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
SUNDAY_NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
OFFICE: dict[str, Any] = {"hours": "mon-fri 09:00-17:30", "timezone": "Europe/Berlin"}


def target(**more: Any) -> TargetConfig:
    values: dict[str, Any] = {"name": "sales", "description": "Orders.", "uri": ["700", "701"], **more}
    return TargetConfig.model_validate(values)


def chosen(
    one: TargetConfig, now: dt.datetime = MONDAY_NOON, ourselves: Ourselves | None = None
) -> Selection | Refusal:
    return select([one], ["sales"], "sales", now, ourselves)


def test_every_destination_is_tried_in_the_order_of_the_configuration() -> None:
    one = target(mode="blind", trunk="pbx", ring_timeout="10s")
    assert chosen(one) == Selection(
        "sales", (Attempt("blind", "700", "pbx", 10.0), Attempt("blind", "701", "pbx", 10.0))
    )


@given(st.text(max_size=40))
def test_nothing_but_a_configured_name_leads_anywhere(name: str) -> None:
    one = target(uri="+49 30 901820")
    found = select([one], ["sales"], name, MONDAY_NOON)
    if name != "sales":
        assert found == Refusal(name, Reason.UNKNOWN_TARGET)


def test_a_target_of_another_agent_is_out_of_reach() -> None:
    assert select([target()], ["support"], "sales", MONDAY_NOON) == Refusal("sales", Reason.UNKNOWN_TARGET)


def test_a_name_without_its_target_leads_nowhere() -> None:
    assert select([target()], ["support"], "support", MONDAY_NOON) == Refusal(
        "support", Reason.UNKNOWN_TARGET
    )


def test_outside_the_hours_the_caller_is_not_even_put_on_hold() -> None:
    assert isinstance(chosen(target(**OFFICE)), Selection)
    assert chosen(target(**OFFICE), SUNDAY_NOON) == Refusal("sales", Reason.CLOSED)


def test_outside_the_hours_the_last_resort_stands_in() -> None:
    one = target(**OFFICE, last_resort={"uri": "799"}, mode="bridge")
    assert chosen(one, SUNDAY_NOON) == Selection("sales", (Attempt("bridge", "799"),), Reason.CLOSED)


def test_the_last_resort_comes_after_all_others() -> None:
    played = chosen(target(last_resort={"announcement": "nobody.wav"}))
    assert isinstance(played, Selection)
    assert [attempt.announcement for attempt in played.attempts] == [None, None, Path("nobody.wav")]
    called = chosen(target(last_resort={"uri": "799"}))
    assert [attempt.uri for attempt in called.attempts] == ["700", "701", "799"]  # type: ignore[union-attr]  # else it fails, as it should


def test_holidays_close_a_target_without_hours() -> None:
    one = target(holidays=["03-02"], timezone="UTC")
    assert not open_now(one, MONDAY_NOON)
    assert open_now(one, SUNDAY_NOON)


US = Ourselves(
    hosts=frozenset({"192.0.2.5", "bot.example.com"}),
    numbers=frozenset({"900", "+49 30 5550"}),
    domains=frozenset({"pbx.example.com"}),
)


@pytest.mark.parametrize(
    "destination",
    [
        "900",
        "+49305550",
        "tel:+49-30-5550",
        "sip:900@pbx.example.com",
        "sip:+49305550@PBX.example.com;user=phone",
        "sip:anything@192.0.2.5:5060",
        "sips:bot.example.com",
    ],
)
def test_a_destination_that_leads_back_to_us_is_recognised(destination: str) -> None:
    assert US.are(destination)


@pytest.mark.parametrize(
    "destination",
    ["700", "+49305551", "tel:+49301", "sip:900@elsewhere.example.com", "sip:700@pbx.example.com", "9-00x"],
)
def test_a_destination_elsewhere_is_not_ours(destination: str) -> None:
    assert not US.are(destination)


def test_a_transfer_to_ourselves_leaves_only_the_other_destinations() -> None:
    found = chosen(target(uri=["900", "700"]), ourselves=US)
    assert found == Selection("sales", (Attempt("warm", "700"),), Reason.OURSELVES)
    assert chosen(target(uri="900"), ourselves=US) == Refusal("sales", Reason.OURSELVES)
    assert chosen(target(uri="700", last_resort={"uri": "900"}), ourselves=US) == Selection(
        "sales", (Attempt("warm", "700"),), Reason.OURSELVES
    )
