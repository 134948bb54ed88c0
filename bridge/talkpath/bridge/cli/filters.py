"""What people write to say which calls they mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic_core import PydanticCustomError

from talkpath.bridge.config.problems import nearest
from talkpath.bridge.config.values import parse_duration
from talkpath.bridge.observe.call_record import CAUSES, OUTCOMES
from talkpath.bridge.records.read import CallFilter

from .exits import Exit, complain


def call_filter(
    *, since: str, until: str, cause: str = "", outcome: str = "", **texts: str
) -> CallFilter | Exit:
    """A filter from options, empty ones left out; or the exit code after saying what is wrong."""
    for name, value, known in (("cause", cause, CAUSES), ("outcome", outcome, OUTCOMES)):
        if value and value not in known:
            complain(f'there is no {name} "{value}". {nearest(value, known)}')
            return Exit.USAGE
    moments: dict[str, datetime] = {}
    for name, value in (("since", since), ("until", until)):
        if value:
            moment = parse_moment(value, datetime.now(UTC))
            if moment is None:
                complain(f'"{value}" is not a time. Write --{name} 2h, 7d, 2026-11-20 or 2026-11-20T14:00.')
                return Exit.USAGE
            moments[name] = moment
    given = {name: value for name, value in (("cause", cause), ("outcome", outcome), *texts.items()) if value}
    return CallFilter(**moments, **given)  # type: ignore[arg-type]  # each name has its type


def parse_moment(text: str, now: datetime) -> datetime | None:
    """``2h`` before now, or a date with or without time, in this machine's zone; None: neither."""
    try:
        return now - timedelta(seconds=parse_duration(text))
    except (PydanticCustomError, OverflowError):
        pass
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def age_of(text: str) -> float | Exit | None:
    """Seconds of an age like ``30d``; None: none was given."""
    if not text:
        return None
    try:
        return parse_duration(text)
    except PydanticCustomError:
        complain(f'"{text}" is not an age. Write it like 30d.')
        return Exit.USAGE
