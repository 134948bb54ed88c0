"""Who has yet to say whether new settings can be used, and what they said."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Vote:
    """Waits for the words of several children; one that dies has no say, it starts with what is in force.

    Args:
        names: Names of the children that are asked, by their number.

    Attributes:
        problems: Why the settings cannot be used, with the name of the child; empty: they can.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        self.problems: list[str] = []
        self._missing = dict(names)
        self._over = asyncio.Event()
        self._note()

    def take(self, who: int, problem: str) -> None:
        """A child has said its word; an empty problem is a yes."""
        name = self._missing.pop(who, None)
        if problem and name is not None:
            self.problems.append(f"{name}: {problem}")
        self._note()

    def lost(self, who: int) -> None:
        """A child has died."""
        self._missing.pop(who, None)
        self._note()

    async def over(self, patience: float) -> None:
        """Wait until all have spoken; who does not within ``patience`` seconds has a problem."""
        try:
            await asyncio.wait_for(self._over.wait(), patience)
        except TimeoutError:
            self.problems += [f"{name}: no answer within {patience:g} s" for name in self._missing.values()]

    def _note(self) -> None:
        if not self._missing:
            self._over.set()
