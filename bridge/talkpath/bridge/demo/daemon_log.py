"""The daemon's own account of the call: its log lines, on the axis of the recording."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

MOST_CHARACTERS: Final = 120
"""Characters shown of one fact."""
OF_THE_INSTALLATION: Final = frozenset({"sip_stack_limited"})
"""Warnings about what is installed: a published pjsua2 carries the demo's call as well as any."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the daemon's log.

    Attributes:
        wall: Unix time of the line.
        level: ``info``, ``warning``, …
        event: its constant name.
        facts: everything else in it.
    """

    wall: float
    level: str
    event: str
    facts: dict[str, Any]

    @property
    def words(self) -> str:
        """What was said, of a ``said`` line."""
        return str(self.facts.get("pii_text", ""))

    @property
    def is_trouble(self) -> bool:
        """Whether something went wrong with the call."""
        return self.level in {"warning", "error", "critical"} and self.event not in OF_THE_INSTALLATION

    def describe(self) -> str:
        """The line in one sentence, for a complaint; of a traceback, its last line."""
        facts = ", ".join(
            f"{key} {str(value).strip().splitlines()[-1][:MOST_CHARACTERS]}"
            for key, value in self.facts.items()
            if key not in {"call", "sip_call_id"} and str(value).strip()
        )
        return f"{self.level}: {self.event} ({facts})" if facts else f"{self.level}: {self.event}"


def parse(line: bytes) -> LogLine | None:
    """Read a line; None when it is not one of the log's."""
    try:
        facts = msgspec.json.decode(line, type=dict[str, Any])
        wall = datetime.fromisoformat(str(facts.pop("timestamp"))).timestamp()
        return LogLine(wall, str(facts.pop("level", "info")), str(facts.pop("event")), facts)
    except (msgspec.DecodeError, KeyError, ValueError):
        return None
