"""Digits that travel as SIP INFO: the two body types that telephones use, and the one that we send. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from talkpath.sip.headers import HeaderError, parse_message

MAX_DURATION = 60_000
KIND = "application/dtmf-relay"
"""Content type of the digits that we send: the one that nearly everybody reads."""

_SIGNAL = re.compile(r"^\s*signal\s*=\s*([0-9A-Da-d*#]|1[0-5])\s*$", re.IGNORECASE | re.MULTILINE)
_BY_NUMBER = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
"""Some gateways write the event codes of RFC 4733."""

_DURATION = re.compile(r"^\s*duration\s*=\s*(\d{1,6})\s*$", re.IGNORECASE | re.MULTILINE)
_PLAIN = re.compile(r"^\s*([0-9A-Da-d*#])\s*$")


@dataclass(frozen=True, slots=True)
class InfoDigit:
    """A digit, and its duration in milliseconds or 0."""

    digit: str
    duration_ms: int


def info_body(digit: str, duration_ms: int) -> str:
    """Write the body of an INFO request of type `KIND`.

    Args:
        digit: One of 0 to 9, ``*``, ``#``, A to D.
        duration_ms: Milliseconds the key is held.

    Raises:
        ValueError: it is not such a digit.
    """
    if not _PLAIN.fullmatch(digit):
        raise ValueError("There is no such key on a telephone; use 0 to 9, *, # or A to D.")
    return f"Signal={digit.strip().upper()}\r\nDuration={min(max(duration_ms, 1), MAX_DURATION)}\r\n"


def parse_info_digit(message: str) -> InfoDigit | None:
    """Read the digit of an INFO request.

    Args:
        message: The whole request. ``application/dtmf-relay`` has lines ``Signal=`` and ``Duration=``;
            ``application/dtmf`` is the digit alone.

    Returns:
        None when the request carries no digit.
    """
    try:
        request = parse_message(message)
    except HeaderError:
        return None
    kind = request.first("Content-Type").partition(";")[0].strip().lower()
    if kind == "application/dtmf":
        found, duration = _PLAIN.match(request.body[:32]), None
    elif kind == KIND:
        body = request.body[:256]
        found, duration = _SIGNAL.search(body), _DURATION.search(body)
    else:
        return None
    if found is None:
        return None
    digit = _BY_NUMBER.get(found[1], found[1].upper())
    return InfoDigit(digit, min(int(duration[1]), MAX_DURATION) if duration else 0)
