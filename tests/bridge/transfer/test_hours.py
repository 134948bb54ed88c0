from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.bridge.transfer.hours import HoursError, Span, is_open, parse_holiday, parse_span

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = (parse_span("mon-fri 09:00-17:30"),)


def local(text: str, zone: ZoneInfo = BERLIN) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("mon-fri 09:00-17:30", Span(frozenset(range(5)), 540, 1050)),
        ("Sat,Sun 9:00 - 12:00", Span(frozenset({5, 6}), 540, 720)),
        ("fri 22:00-02:00", Span(frozenset({4}), 1320, 1560)),
        ("sat-mon 08:00-09:00", Span(frozenset({5, 6, 0}), 480, 540)),
        ("mon-tue, fri 08:00-09:00", Span(frozenset({0, 1, 4}), 480, 540)),
        ("daily 00:00-24:00", Span(frozenset(range(7)), 0, 1440)),
        ("wed 00:00-00:01", Span(frozenset({2}), 0, 1)),
    ],
)
def test_hours_are_read_as_people_write_them(text: str, span: Span) -> None:
    assert parse_span(text) == span


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mon",
        "09:00-17:00",
        "mon 9-17",
        "mon 25:00-26:00",
        "mon 09:60-10:00",
        "mon 09:00-09:00",
        "mon 24:00-08:00",
        "monday 09:00-10:00",
        "mon 09:00-17:00 or so",
        "mon-fri-sun 09:00-10:00",
    ],
)
def test_what_cannot_be_hours_is_refused(text: str) -> None:
    with pytest.raises(HoursError):
        parse_span(text)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-03-02T08:59:59", False),  # a Monday
        ("2026-03-02T09:00:00", True),
        ("2026-03-02T17:29:59", True),
        ("2026-03-02T17:30:00", False),
        ("2026-02-28T12:00:00", False),
    ],
)
def test_the_office_is_open_from_the_first_minute_until_before_the_last(when: str, expected: bool) -> None:
    assert is_open(OFFICE, (), BERLIN, local(when)) is expected


def test_the_clock_hangs_in_the_zone_of_the_target() -> None:
    now = dt.datetime(2026, 3, 2, 8, 30, tzinfo=dt.UTC)
    assert is_open(OFFICE, (), BERLIN, now)
    assert not is_open(OFFICE, (), ZoneInfo("America/New_York"), now)


def test_summer_time_moves_the_hours_with_the_clock_on_the_wall() -> None:
    half_past_seven = dt.time(7, 30, tzinfo=dt.UTC)
    winter = dt.datetime.combine(dt.date(2026, 3, 27), half_past_seven)
    summer = dt.datetime.combine(dt.date(2026, 3, 30), half_past_seven)
    assert not is_open(OFFICE, (), BERLIN, winter)
    assert is_open(OFFICE, (), BERLIN, summer)


def test_a_night_belongs_to_the_day_on_which_it_began() -> None:
    night = (parse_span("fri 22:00-02:00"),)
    assert is_open(night, (), BERLIN, local("2026-03-07T01:59"))
    assert not is_open(night, (), BERLIN, local("2026-03-07T02:00"))
    assert not is_open(night, (), BERLIN, local("2026-03-06T01:00"))
    friday = (parse_holiday("2026-03-06"),)
    saturday = (parse_holiday("2026-03-07"),)
    assert not is_open(night, friday, BERLIN, local("2026-03-07T01:00"))
    assert is_open(night, saturday, BERLIN, local("2026-03-07T01:00"))


def test_nobody_is_there_on_a_holiday() -> None:
    every_year, once = (parse_holiday("12-25"),), (parse_holiday("2026-12-25"),)
    noon = local("2026-12-25T12:00")
    later = local("2028-12-25T12:00")
    assert not is_open(OFFICE, every_year, BERLIN, noon)
    assert not is_open(OFFICE, once, BERLIN, noon)
    assert not is_open(OFFICE, every_year, BERLIN, later)
    assert is_open(OFFICE, once, BERLIN, later)


def test_without_hours_it_is_open_except_on_holidays() -> None:
    assert is_open((), (), BERLIN, local("2026-03-01T03:00"))
    assert not is_open((), (parse_holiday("03-01"),), BERLIN, local("2026-03-01T03:00"))


@pytest.mark.parametrize("text", ["", "25.12.", "2026-02-29", "13-01", "00-10", "2026-1-1"])
def test_what_is_no_date_is_no_holiday(text: str) -> None:
    with pytest.raises(HoursError):
        parse_holiday(text)


def test_the_leap_day_may_be_a_yearly_holiday() -> None:
    assert parse_holiday("02-29").falls_on(dt.date(2028, 2, 29))


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        is_open(OFFICE, (), BERLIN, dt.datetime(2026, 3, 2, 12))  # noqa: DTZ001 - the point of the test


@given(st.datetimes(timezones=st.just(dt.UTC)))
def test_round_the_clock_is_always(now: dt.datetime) -> None:
    if dt.datetime(2, 1, 1, tzinfo=dt.UTC) < now < dt.datetime(9998, 1, 1, tzinfo=dt.UTC):
        assert is_open((parse_span("daily 00:00-24:00"),), (), BERLIN, now)
