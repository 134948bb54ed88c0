"""Which agent answers a call. A pure function of the configuration and the call."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from talkpath.bridge.transfer.hours import is_open, parse_holiday, parse_span
from talkpath.sip.phone_messages import CONSOLE

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from talkpath.bridge.config.model import Config, RouteConfig


class RouteRequest(NamedTuple):
    """What a route may look at.

    ``to`` and ``caller`` are user parts of SIP addresses (numbers, extensions); ``headers`` are those of
    the INVITE, in order.
    """

    to: str
    caller: str = ""
    trunk: str = ""
    headers: tuple[tuple[str, str], ...] = ()


class Rejection(NamedTuple):
    """The call is refused with a SIP status and a plain sentence."""

    status: int
    reason: str
    retry_after: int = 0
    """Seconds; 0: say nothing about another attempt."""


def route(config: Config, call: RouteRequest, now: dt.datetime) -> str | Rejection:
    """Find the agent for a call: first matching route, else the trunk's agent, else the only agent.

    Args:
        config: Routes, trunks and agents.
        call: What is known about the call.
        now: With a time zone, for routes with hours.

    Returns:
        Name of an agent, or the refusal.
    """
    if call.trunk == CONSOLE:  # whoever calls from a browser has chosen
        return call.to if call.to in config.agents else Rejection(404, f"There is no agent {call.to}.")
    for candidate in config.routes:
        if _matches(candidate, call) and _holds(candidate, now):
            if candidate.agent is not None:
                return candidate.agent
            reason = candidate.reason or "This number does not take calls."
            return Rejection(candidate.reject or 404, reason, candidate.retry_after)
    for trunk in config.trunks:
        if trunk.name == call.trunk and trunk.agent is not None:
            return trunk.agent
    if len(config.agents) == 1 and not config.routes:
        return next(iter(config.agents))
    return Rejection(404, "No route leads from this number to an agent.")


def _matches(candidate: RouteConfig, call: RouteRequest) -> bool:
    if candidate.trunk is not None and candidate.trunk != call.trunk:
        return False
    if candidate.to is not None and not matches_pattern(candidate.to, call.to):
        return False
    if candidate.caller is not None and not matches_pattern(candidate.caller, call.caller):
        return False
    return all(_header_matches(name, pattern, call.headers) for name, pattern in candidate.header.items())


def _holds(candidate: RouteConfig, now: dt.datetime) -> bool:
    """Whether a route holds at this time."""
    if not candidate.hours and not candidate.holidays:
        return True
    spans, holidays = map(parse_span, candidate.hours), map(parse_holiday, candidate.holidays)
    return is_open(spans, holidays, ZoneInfo(candidate.timezone or "UTC"), now)


def _header_matches(name: str, pattern: str, headers: Iterable[tuple[str, str]]) -> bool:
    """Header names are case-insensitive (RFC 3261, section 7.3.1); any of several values will do."""
    wanted = name.lower()
    return any(key.lower() == wanted and matches_pattern(pattern, value) for key, value in headers)


def matches_pattern(pattern: str, text: str) -> bool:
    """Match a whole text: exactly, with ``*`` and ``?``, or by the regular expression in ``/…/``.

    Raises:
        re.error: the regular expression is wrong; loading the configuration has checked that.
    """
    if is_expression(pattern):
        return _compile(pattern[1:-1]).fullmatch(text) is not None
    return fnmatchcase(text, pattern)


def is_expression(pattern: str) -> bool:
    """Whether a pattern is a regular expression between slashes."""
    return len(pattern) > 1 and pattern.startswith("/") and pattern.endswith("/")


@lru_cache(maxsize=1024)
def _compile(expression: str) -> re.Pattern[str]:
    return re.compile(expression)
