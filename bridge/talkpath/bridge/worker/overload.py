"""Whether a worker keeps up with its calls. Pure; the time is an argument.

What tells is how late beats begin. One pause, however long, is one late beat among many; a worker that has
more to do than time begins most of its beats late, and then one call more is worse for all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from talkpath.bridge.media.counters import LatenessHistogram

LATE: Final = 0.020
"""Seconds: a packet that comes a packet later. One of the edges of the histogram."""
LATE_FOR: Final = 3.0
"""Seconds of lateness after which no more calls are taken."""
IN_TIME_FOR: Final = 10.0
"""Seconds without it after which they are taken again."""

OVERLOADED: Final = (
    f"For {LATE_FOR:.0f} s, most beats of this worker have begun more than {LATE * 1000:.0f} ms late: "
    f"callers hear gaps. It takes no new calls (503) until beats are in time for {IN_TIME_FOR:.0f} s. Lower "
    "workers.lanes, add workers or processors, or find out what else runs on this machine."
)


class OverloadWatch:
    """Follows the lateness of a plane.

    Args:
        lateness: Where the plane counts its beats.

    Attributes:
        overloaded: Whether the worker should get no more calls.
    """

    def __init__(self, lateness: LatenessHistogram) -> None:
        self.overloaded = False
        self._lateness = lateness
        self._seen = (0, 0)
        self._since: float | None = None

    def look(self, now: float) -> bool:
        """Look at the beats since the last look, about once a second.

        Args:
            now: Monotonic seconds.

        Returns:
            Whether `overloaded` has changed.
        """
        late = self._mostly_late()
        if late == self.overloaded:
            self._since = None
            return False
        if self._since is None:
            self._since = now
        if now - self._since < (LATE_FOR if late else IN_TIME_FOR):
            return False
        self.overloaded, self._since = late, None
        return True

    def _mostly_late(self) -> bool:
        """Whether more than half of the beats were late; a worker without calls has no beats and is not."""
        first = self._lateness.edges.index(LATE) + 1
        beats, late = sum(self._lateness.counts), sum(self._lateness.counts[first:])
        new, new_late = beats - self._seen[0], late - self._seen[1]
        self._seen = (beats, late)
        return new_late * 2 > new
