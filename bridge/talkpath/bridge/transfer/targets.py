"""Where a call may be transferred to, now. Pure: the configuration, the time and the call are passed in.

What the model says chooses among the configured targets and nothing else: a number that it makes up, or that
a caller dictates, is never called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple
from zoneinfo import ZoneInfo

from talkpath.bridge.transfer.hours import is_open, parse_holiday, parse_span
from talkpath.bridge.transfer.vocabulary import Reason
from talkpath.sip.headers import uri_host, uri_user

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from talkpath.bridge.config.transfer import TargetConfig

Mode = Literal["blind", "warm", "bridge"]


@dataclass(frozen=True, slots=True)
class Ourselves:
    """By which addresses and numbers a call would come back to us.

    Attributes:
        hosts: Addresses and names, lower case, under which we listen or are known.
        numbers: User parts that lead here: our registrations, and the number of the present call.
        domains: Hosts, lower case, at which those numbers are ours: registrars, trunks.
    """

    hosts: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    def are(self, destination: str) -> bool:
        """Whether a call to the destination would come back to us, as far as one can tell before calling."""
        host = uri_host(destination) if ":" in destination else ""
        if destination.lower().startswith(("sip:", "sips:")):
            number = uri_user(destination)
            return host in self.hosts or (host in self.domains and _digits(number) in self._plain())
        number = uri_user(destination) if ":" in destination else destination
        return _digits(number) in self._plain()

    def _plain(self) -> set[str]:
        return {_digits(number) for number in self.numbers}


def _digits(number: str) -> str:
    """A number without the marks that people put into it; other names stay as they are."""
    plain = "".join(character for character in number if character not in " ().-")
    return plain if plain.lstrip("+").isdigit() else number


class Attempt(NamedTuple):
    """One thing to try. ``announcement`` is set where nobody is called."""

    mode: Mode
    uri: str = ""
    trunk: str | None = None
    ring_timeout: float = 25.0
    announcement: Path | None = None


class Selection(NamedTuple):
    """What will be tried, in order; ``reason`` says what is already known to be in the way."""

    target: str
    attempts: tuple[Attempt, ...]
    reason: Reason | None = None


class Refusal(NamedTuple):
    """Nothing will be tried: the agent is told at once and the caller is not put on hold."""

    target: str
    reason: Reason


def open_now(target: TargetConfig, now: dt.datetime) -> bool:
    """Whether the target has opening hours now.

    Args:
        target: Its hours are those of its own time zone.
        now: With a time zone.
    """
    if not target.hours and not target.holidays:
        return True
    spans = map(parse_span, target.hours)
    holidays = map(parse_holiday, target.holidays)
    return is_open(spans, holidays, ZoneInfo(target.timezone or "UTC"), now)


def select(
    targets: Iterable[TargetConfig],
    allowed: Sequence[str],
    name: str,
    now: dt.datetime,
    ourselves: Ourselves | None = None,
) -> Selection | Refusal:
    """Decide what is tried for a target that the model has named.

    Args:
        targets: The ``[[targets]]``.
        allowed: Names that the agent may use.
        name: What the model said.
        now: With a time zone.
        ourselves: How calls come to us; a destination that leads here is left out.
    """
    target = next((one for one in targets if one.name == name), None) if name in allowed else None
    if target is None:
        return Refusal(name, Reason.UNKNOWN_TARGET)
    is_reachable_now = open_now(target, now)
    wanted = [_attempt(target, uri) for uri in target.uri] if is_reachable_now else []
    wanted += _last_resort(target)
    attempts = tuple(
        attempt
        for attempt in wanted
        if attempt.announcement is not None or ourselves is None or not ourselves.are(attempt.uri)
    )
    if not is_reachable_now:
        reason: Reason | None = Reason.CLOSED
    else:
        reason = None if len(attempts) == len(wanted) else Reason.OURSELVES
    if not attempts:
        return Refusal(name, reason or Reason.OURSELVES)
    return Selection(name, attempts, reason)


def _attempt(target: TargetConfig, uri: str) -> Attempt:
    return Attempt(target.mode, uri, target.trunk, target.ring_timeout)


def _last_resort(target: TargetConfig) -> list[Attempt]:
    last = target.last_resort
    if last == "agent":
        return []
    if last.uri is not None:
        return [_attempt(target, last.uri)]
    return [Attempt(target.mode, announcement=last.announcement)]
