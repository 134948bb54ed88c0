"""What the doctor says: one finding for each thing looked at."""

from __future__ import annotations

from typing import Literal, NamedTuple

Level = Literal["ok", "warn", "fail"]


class Finding(NamedTuple):
    """One thing that was looked at.

    Attributes:
        area: where: ``sip stack``, ``addresses``, ``ports``, ``limits``, ``model``,
            ``trunks``, ``clock``.
        level: ``ok``; ``warn``: calls work, or may not; ``fail``: calls will not work.
        message: what was found.
        fix: what to do about it; empty when all is well.
    """

    area: str
    level: Level
    message: str
    fix: str = ""


def worst(findings: list[Finding]) -> Level:
    """The most serious level of all findings."""
    order: tuple[Level, ...] = ("fail", "warn", "ok")
    levels = {finding.level for finding in findings}
    return next((level for level in order if level in levels), "ok")
