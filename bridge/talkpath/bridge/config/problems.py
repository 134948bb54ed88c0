"""What is wrong with a configuration, said so that the next step is clear."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

Path = tuple[str | int, ...]
"""Where a key stands: ``("agents", "reception", "voice")`` or ``("trunks", 0, "name")``."""


class Problem(NamedTuple):
    """One thing that is wrong.

    ``source`` is a file or an environment variable, ``line`` counts from 1 and is 0 where unknown.
    """

    source: str
    line: int
    key: str
    reason: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}" if self.line else self.source
        subject = f"{self.key}: " if self.key else ""
        head = f"{place}: {subject}{self.reason}"
        return f"{head}\n    {self.hint}" if self.hint else head


class ConfigError(Exception):
    """The configuration cannot be used. Carries every problem found, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.source, problem.line)))
        super().__init__("\n".join(map(str, self.problems)))


def spell(path: Path) -> str:
    """Write a path the way it is written in TOML, with list positions counted from 1: ``trunks[1].name``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if text else part
    return text


def nearest(word: str, known: Iterable[str]) -> str:
    """Say which known word was probably meant, or list them all when none is near."""
    choices = sorted(known)
    close = get_close_matches(word.lower(), choices, n=1, cutoff=0.6)
    if close:
        return f'Did you mean "{close[0]}"?'
    return f"Known here: {', '.join(choices)}." if choices else ""
