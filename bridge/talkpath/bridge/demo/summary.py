"""The demo's findings as JSON, for machines."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from talkpath.bridge.demo.checks import Check
    from talkpath.bridge.demo.story import Story

Json = dict[str, Any]


def figures(story: Story) -> Json:
    """The measured times of the call."""
    heard = story.barge_in_heard
    stops = [line.facts.get("stop_ms") for line in story.barge_ins]
    return {
        "setup_ms": story.setup_ms,
        "response_gap_ms": {gap.after: gap.milliseconds for gap in story.gaps()},
        "barge_in_heard_ms": None if heard is None else round(heard * 1000),
        "barge_in_stop_ms": stops,
    }


def summarise(story: Story, checks: list[Check], seconds: float) -> Json:
    """Everything worth keeping of one demo.

    Args:
        story: the call, complete.
        checks: what was found.
        seconds: how long the whole demo took.
    """
    facts = story.facts()
    return {
        "passed": all(check.passed for check in checks),
        "seconds": round(seconds, 1),
        "checks": [dataclasses.asdict(check) for check in checks],
        "figures": figures(story),
        "turns": [_turn(turn) for turn in story.turns],
        "keys": [{"at": round(press.at, 2), "key": press.key} for press in story.presses],
        "codec": story.codec,
        "caller_stack": story.stack,
        "call_ended": {key: value for key, value in facts.items() if not key.startswith("pii_")},
    }


def _turn(turn: Any) -> Json:
    return {
        key: round(value, 2) if isinstance(value, float) else value
        for key, value in dataclasses.asdict(turn).items()
    }


def to_text(summary: Json) -> str:
    """Write it as JSON."""
    return json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
