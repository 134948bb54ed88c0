"""Counters of the SIP process, and whether they changed since they were last sent."""

from __future__ import annotations


class Counters:
    """Named counts, each with an optional label from a closed set."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._changed = False

    def add(self, name: str, label: str = "") -> None:
        """Count one event. The label must come from our own code, never from the network."""
        key = f"{name}:{label}" if label else name
        self._counts[key] = self._counts.get(key, 0) + 1
        self._changed = True

    def get(self, name: str, label: str = "") -> int:
        """The present count."""
        return self._counts.get(f"{name}:{label}" if label else name, 0)

    def all(self) -> dict[str, int]:
        """All counts."""
        return dict(self._counts)

    def take_changed(self) -> dict[str, int] | None:
        """All counts if any changed since the last call, else None."""
        if not self._changed:
            return None
        self._changed = False
        return dict(self._counts)
