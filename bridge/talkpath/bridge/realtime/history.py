"""What was said, in order: the seed of the next session, and the words for the call record.

It is what was *heard*: of an interrupted item only the estimated beginning stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from talkpath.bridge.realtime.effects import SeedMessage

if TYPE_CHECKING:
    from collections.abc import Mapping

Speaker = Literal["user", "assistant", "system", "tool"]

MAX_ENTRIES = 400
"""Lines kept; an hour of talk has about 300. The oldest go first."""
MAX_TEXT = 20_000
"""Characters kept of one line."""


@dataclass(slots=True)
class _Line:
    role: Speaker
    text: str = ""
    share_heard: float = 1.0
    most_heard: int | None = None


class History:
    """Lines by item id, in the order in which their items were opened."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    def open(self, item_id: str, role: Speaker) -> None:
        """Reserve the place of an item; its words may come later, and out of order."""
        if not item_id or item_id in self._lines:
            return
        self._lines[item_id] = _Line(role)
        if len(self._lines) > MAX_ENTRIES:
            del self._lines[next(iter(self._lines))]

    def add(self, item_id: str, text: str) -> None:
        """Append a piece to an item that is open."""
        line = self._lines.get(item_id)
        if line and len(line.text) < MAX_TEXT:
            line.text += text

    def set(self, item_id: str, role: Speaker, text: str) -> None:
        """Put the whole text of an item."""
        self.open(item_id, role)
        line = self._lines.get(item_id)
        if line:
            line.text = text[:MAX_TEXT]

    def truncate(self, item_id: str, share: float, most: int | None = None) -> None:
        """Only this share of an item (0 to 1) was heard, and no more than ``most`` characters."""
        line = self._lines.get(item_id)
        if line:
            line.share_heard, line.most_heard = max(0.0, min(share, 1.0)), most

    def remove(self, item_id: str) -> None:
        """Nothing of an item was heard. Its place stays, so that late words do not bring it back."""
        self.truncate(item_id, 0.0)

    def seed(self, unfinished: Mapping[str, int]) -> list[SeedMessage]:
        """The conversation as heard, without empty lines.

        Args:
            unfinished: Items whose sound has not come to its end, and how many characters there can have
                been in what has come.
        """
        lines = (
            (line.role, _beginning(line.text, line.share_heard, unfinished.get(item_id, line.most_heard)))
            for item_id, line in self._lines.items()
        )
        return [SeedMessage(role, text) for role, text in lines if text]


def _beginning(text: str, share: float, most: int | None) -> str:
    """About this share of the text, cut between words, with a mark where it was broken off."""
    text = text.strip()
    if share >= 1.0 and most is None:
        return text
    cut = text[: min(int(len(text) * share), len(text) if most is None else most)]
    if len(cut) < len(text) and not text[len(cut)].isspace():
        cut = cut.rpartition(" ")[0]
    return f"{cut.rstrip()}…" if cut.strip() else ""
