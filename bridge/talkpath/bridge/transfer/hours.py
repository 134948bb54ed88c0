"""Opening hours as people write them: ``"mon-fri 09:00-17:30"``, and holidays. Pure: the time is passed in.

Hours are those of a clock on the wall: in a night without an hour they are shorter, as the shop's are.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_DAY = "|".join(DAYS)
_ENTRY: Final = re.compile(
    rf"(?P<days>(?:{_DAY})(?:-(?:{_DAY}))?(?:\s*,\s*(?:{_DAY})(?:-(?:{_DAY}))?)*|daily)\s+"
    r"(?P<opens>\d{1,2}:\d{2})\s*-\s*(?P<closes>\d{1,2}:\d{2})",
    re.IGNORECASE,
)
_HOLIDAY: Final = re.compile(r"(?:(\d{4})-)?(\d{2})-(\d{2})")
_LEAP_YEAR: Final = 2024

EXAMPLE: Final = 'Write it like "mon-fri 09:00-17:30" or "sat,sun 10:00-14:00".'


class HoursError(ValueError):
    """Hours or a holiday cannot be read; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch of opening hours: it begins on these days and may end on the next.

    Attributes:
        days: 0 is Monday.
        opens: Minutes after midnight.
        closes: The same; larger than a day's when it ends on the day after.
    """

    days: frozenset[int]
    opens: int
    closes: int


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day without opening hours; ``year`` is None for one that comes every year."""

    month: int
    day: int
    year: int | None = None

    def falls_on(self, date: dt.date) -> bool:
        """Whether the date is this holiday."""
        same_day = (date.month, date.day) == (self.month, self.day)
        return same_day and self.year in {None, date.year}


def parse_span(text: str) -> Span:
    """Read ``"mon-fri 09:00-17:30"``; ``"fri 22:00-02:00"`` ends on Saturday, ``"daily 00:00-24:00"`` never.

    Raises:
        HoursError: it is not written like that.
    """
    match = _ENTRY.fullmatch(text.strip())
    if match is None:
        raise HoursError(f'"{text}" are no opening hours')
    opens, closes = _minutes(match["opens"]), _minutes(match["closes"])
    if opens in {closes, 24 * 60}:
        raise HoursError(f'"{text}" is never open')
    if closes < opens:
        closes += 24 * 60
    return Span(_days(match["days"].lower()), opens, closes)


def parse_holiday(text: str) -> Holiday:
    """Read ``"2026-04-03"``, or ``"12-25"`` for every year.

    Raises:
        HoursError: it is no date.
    """
    match = _HOLIDAY.fullmatch(text.strip())
    if match is None:
        raise HoursError(f'"{text}" is not a date')
    year, month, day = match[1], int(match[2]), int(match[3])
    try:
        dt.date(int(year) if year else _LEAP_YEAR, month, day)
    except ValueError:
        raise HoursError(f'"{text}" is not in the calendar') from None
    return Holiday(month, day, int(year) if year else None)


def is_open(spans: Iterable[Span], holidays: Iterable[Holiday], zone: dt.tzinfo, now: dt.datetime) -> bool:
    """Whether it is open.

    Args:
        spans: The hours; without any it is always open, holidays excepted.
        holidays: Days on which nothing opens; what opened the evening before still ends as usual.
        zone: Where the clock hangs.
        now: With a time zone.

    Raises:
        ValueError: ``now`` has no time zone, so that nobody knows when it is.
    """
    if now.tzinfo is None:
        raise ValueError("the time needs a time zone")
    local = now.astimezone(zone)
    spans, closed = tuple(spans), tuple(holidays)
    minute = local.hour * 60 + local.minute
    for days_ago in (0, 1):
        began = local.date() - dt.timedelta(days=days_ago)
        if any(holiday.falls_on(began) for holiday in closed):
            continue
        if not spans and not days_ago:
            return True
        at = minute + days_ago * 24 * 60
        if any(began.weekday() in span.days and span.opens <= at < span.closes for span in spans):
            return True
    return False


def _minutes(text: str) -> int:
    hours, minutes = (int(part) for part in text.split(":"))
    if minutes > 59 or hours * 60 + minutes > 24 * 60:
        raise HoursError(f'"{text}" is not a time of day')
    return hours * 60 + minutes


def _days(text: str) -> frozenset[int]:
    if text == "daily":
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        days |= {day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)}
    return frozenset(days)
