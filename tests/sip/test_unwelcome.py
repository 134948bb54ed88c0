from __future__ import annotations

import configparser
import json
import re
from pathlib import Path

import pytest

from talkpath.sip.admission import Verdict
from talkpath.sip.unwelcome import CAUSES, LINES_PER_SECOND, UnwelcomeLog

FILTER = Path(__file__).parents[2] / "deploy" / "fail2ban" / "filter.d" / "talkpath.conf"
ADDR = r"(?P<ip>[0-9a-fA-F:.]+)"
SCANNER = Verdict(-1, "", "scanner")


def patterns() -> list[re.Pattern[str]]:
    """The expressions of the filter as fail2ban would read them."""
    filter_ = configparser.ConfigParser(interpolation=None)
    filter_.read(FILTER)
    lines = filter_["Definition"]["failregex"].strip().splitlines()
    return [re.compile(line.replace("<ADDR>", ADDR)) for line in lines]


def caught(line: str) -> str:
    found = [match["ip"] for pattern in patterns() if (match := pattern.search(line))]
    return found[0] if found else ""


@pytest.mark.parametrize("cause", sorted(CAUSES))
@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("203.0.113.5:5060", "203.0.113.5"),
        ("[2001:db8::7]:5060", "2001:db8::7"),
        ("[::ffff:203.0.113.5]:5060", "203.0.113.5"),
    ],
)
def test_the_filter_finds_the_address_in_both_formats(cause: str, source: str, address: str) -> None:
    line = UnwelcomeLog().line(source, Verdict(403, "", cause), 0.0)
    as_json = json.dumps({"event": line, "process": "sip", "level": "warning"})
    as_text = f"2026-11-21T12:00:00.000000Z [warning  ] {line:<30} [talkpath.sip.endpoint] process=sip"
    journal = f"pbx talkpath[812]: {as_text}"
    assert [caught(text) for text in (as_json, as_text, journal)] == [address] * 3


@pytest.mark.parametrize(
    "line",
    [
        json.dumps({"event": "call_ended", "reason": '"event": "unwelcome request from 192.0.2.1: scanner"'}),
        "2026-11-21T12:00:00Z [info     ] end reason='[warning ] unwelcome request from 192.0.2.1: scanner'",
        "2026-11-21T12:00:00Z [warning  ] x unwelcome request from 192.0.2.1: scanner",
    ],
)
def test_words_of_a_stranger_in_another_line_ban_nobody(line: str) -> None:
    assert not caught(line)


def test_friends_and_busy_lines_are_no_strangers() -> None:
    log = UnwelcomeLog()
    for counter in ("admitted", "capacity", "rate", "challenged", "offer", "draining"):
        assert not log.line("203.0.113.5:5060", Verdict(503, "", counter), 0.0)


def test_one_source_gets_one_line_a_second_and_all_together_some() -> None:
    log = UnwelcomeLog()
    assert [bool(log.line("203.0.113.5:1", SCANNER, now)) for now in (0.0, 0.5, 1.0)] == [True, False, True]
    flood = [log.line(f"198.51.100.{number}:1", SCANNER, 2.0) for number in range(100)]
    assert sum(bool(line) for line in flood) == LINES_PER_SECOND
