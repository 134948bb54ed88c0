"""Named points in time of a machine that never reads a clock."""

from __future__ import annotations


class Timers:
    """Absolute deadlines by name. Setting a name again moves its deadline."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}

    def set(self, name: str, at: float) -> None:
        """Let ``name`` fall due at time ``at``."""
        self._at[name] = at

    def clear(self, *names: str) -> None:
        """Forget the names; unknown ones are fine."""
        for name in names:
            self._at.pop(name, None)

    def clear_all(self) -> None:
        """Forget everything."""
        self._at.clear()

    def __contains__(self, name: str) -> bool:
        return name in self._at

    def next(self) -> float | None:
        """The earliest deadline, or None when nothing is set."""
        return min(self._at.values(), default=None)

    def take_due(self, now: float) -> list[str]:
        """Remove and return the names whose time has come, earliest first."""
        due = sorted((at, name) for name, at in self._at.items() if at <= now)
        for _, name in due:
            del self._at[name]
        return [name for _, name in due]
