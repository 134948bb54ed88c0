"""Responses that are wanted but not asked for yet, in line."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from talkpath.bridge.realtime.response_state import Wish

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.realtime.outbox import Outbox

MAX_WISHES = 16
"""Wishes in line; one more pushes the oldest out."""


class Wishes:
    """A short line of wishes, each with its number."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._line: deque[Wish] = deque()
        self._last = 0

    def __bool__(self) -> bool:
        return bool(self._line)

    def clear(self) -> None:
        """Forget them all."""
        self._line.clear()

    def append(self, wish: Wish) -> None:
        """Number a new wish and put it at the end."""
        self._last += 1
        if len(self._line) >= MAX_WISHES:
            self._outbox.counts["response_wish_dropped"] += 1
            self._line.popleft()
        self._line.append(replace(wish, number=self._last))

    def put_back(self, wish: Wish | None) -> None:
        """Put a wish that was not fulfilled at the head; None is the caller's turn, which had no wish."""
        if wish is None:
            self._last += 1
            wish = Wish("turn", number=self._last)
        self._line.appendleft(wish)

    def take_next(self, held: Callable[[Wish], bool]) -> Wish | None:
        """Remove and return the first wish that need not wait."""
        wish = next((wish for wish in self._line if not held(wish)), None)
        if wish:
            self._line.remove(wish)
        return wish

    def take_number(self, number: str) -> Wish | None:
        """Remove and return the wish with this number, as it was written into metadata."""
        wish = next((wish for wish in self._line if str(wish.number) == number), None)
        if wish:
            self._line.remove(wish)
        return wish

    def want_turn(self) -> None:
        """The server did not respond to the caller's turn: any response will do, if none is in line."""
        if all(wish.fixed for wish in self._line):
            self.append(Wish("turn"))

    def drop_outdated(self) -> None:
        """The caller speaks again: repetitions that are about nothing in particular are out of date."""
        self._line = deque(wish for wish in self._line if wish.fixed or wish.needs)

    def drop_fulfilled(self, mark: int) -> None:
        """A response began at ``mark``: it fulfils what the server knew about by then."""
        known = self._outbox.known_before
        self._line = deque(wish for wish in self._line if wish.fixed or not known(wish.needs, mark))
