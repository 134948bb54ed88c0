"""A list of bounded size that keeps the beginning and the end, and counts what fell out in between."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Item = TypeVar("Item")


class Bounded(Generic[Item]):
    """Keeps items within a budget: half of it for the first ones, half for the latest.

    The beginning of a call says how it came to be, the end why it ended; hours between them may go.

    Args:
        octets: Budget for all items.
        size: Octets of one item, estimated when it is added.

    Attributes:
        left_out: Items that are no longer there.
    """

    def __init__(self, octets: int, size: Callable[[Item], int]) -> None:
        self.left_out = 0
        self._size = size
        self._half = octets // 2
        self._first: list[Item] = []
        self._first_octets = 0
        self._latest: deque[tuple[Item, int]] = deque()
        self._latest_octets = 0

    def add(self, item: Item) -> None:
        """Keep an item, and let go of the oldest of the latest ones where it needs their room."""
        octets = self._size(item)
        if not self._latest and self._first_octets + octets <= self._half:
            self._first.append(item)
            self._first_octets += octets
            return
        self._latest.append((item, octets))
        self._latest_octets += octets
        while self._latest_octets > self._half:
            self._latest_octets -= self._latest.popleft()[1]
            self.left_out += 1

    @property
    def gap(self) -> int:
        """Where in `items` something was left out, if it was."""
        return len(self._first)

    def items(self) -> list[Item]:
        """What is kept, in the order in which it came."""
        return [*self._first, *(item for item, _ in self._latest)]
