"""What a session wants done, and when: frames in order, timers in order of time, no clock of its own."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.simulator.reply import Heard, Turn

Json = dict[str, Any]
"""One JSON object: a frame, an item, a session."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send this frame to the client."""

    frame: Json


@dataclass(frozen=True, slots=True)
class Close:
    """Close the WebSocket with this code and reason."""

    code: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reset:
    """Drop the TCP connection without a closing handshake (the client sees 1006)."""


@dataclass(frozen=True, slots=True)
class StopReading:
    """Leave the socket unread for some seconds, so that the client feels backpressure."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Listen:
    """Find out what was said, then call ``RealtimeSession.transcribed``."""

    heard: Heard


@dataclass(frozen=True, slots=True)
class Think:
    """Find a reply, then call ``RealtimeSession.thought``."""

    turn: Turn


Output = Send | Close | Reset | StopReading | Listen | Think


class Timeline:
    """Outgoing frames, first in first out, each not before its due time; and timers.

    A frame never overtakes an earlier one: a delayed frame delays those behind it, as on the real
    server, which works on one event after the other. Times are float seconds of any monotonic clock.
    """

    def __init__(self) -> None:
        self._frames: deque[tuple[float, Output]] = deque()
        self._work: list[Output] = []
        self._timers: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = itertools.count()
        self._last_due = float("-inf")

    def put(self, output: Output, due: float) -> None:
        """Queue ``output`` behind everything queued so far, not before ``due``."""
        self._last_due = max(self._last_due, due)
        self._frames.append((self._last_due, output))

    def ask(self, work: Listen | Think) -> None:
        """Hand out work at the next ``take``, whatever waits in the queue of frames."""
        self._work.append(work)

    def at(self, due: float, action: Callable[[float], None]) -> None:
        """Call ``action(due)`` when ``take`` is called at or after ``due``."""
        heapq.heappush(self._timers, (due, next(self._order), action))

    def next_due(self) -> float | None:
        """Earliest time at which ``take`` has something to do; None when it waits for input only."""
        if self._work:
            return float("-inf")
        candidates = [self._frames[0][0]] if self._frames else []
        if self._timers:
            candidates.append(self._timers[0][0])
        return min(candidates, default=None)

    def take(self, now: float) -> list[Output]:
        """Run the timers that are due, in order, then return the outputs that are due."""
        while self._timers and self._timers[0][0] <= now:
            due, _, action = heapq.heappop(self._timers)
            action(due)
        outputs, self._work = self._work, []
        while self._frames and self._frames[0][0] <= now:
            outputs.append(self._frames.popleft()[1])
        return outputs

    def stop(self) -> None:
        """Forget timers and work; frames already queued still go out."""
        self._timers.clear()
        self._work.clear()
