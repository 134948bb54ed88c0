"""How much model audio may wait: for one lane, and for all of them.

A model sends an answer in a fraction of the time that it takes to be heard, so that lanes need room. Not all
need much at the same time, unless a worker does not keep up and plays less than it is sent.
"""

from __future__ import annotations

from typing import Final

__all__ = ["MAX_QUEUE_SECONDS", "PlayoutRoom"]

MAX_QUEUE_SECONDS: Final = 300
"""Model audio a lane may queue; what comes on top is dropped and reported."""
SHARED_BYTES: Final = 256 * 2**20
"""Model audio that all lanes of a worker may queue: at 500 calls 11 s each of PCM, 67 s of G.711. When all is
taken, a lane still gets half of its part: agents that talk for minutes must not silence the others."""


class PlayoutRoom:
    """The bytes that wait in the queues of a worker's lanes.

    Args:
        lanes: Number of lanes.

    Attributes:
        waiting: Bytes in all queues; whoever holds them adds and subtracts.
    """

    def __init__(self, lanes: int) -> None:
        self.waiting = 0
        self._guaranteed = SHARED_BYTES // (2 * lanes)

    def of(self, waiting: int) -> int:
        """How many bytes more may wait in a queue in which so many wait."""
        return max(SHARED_BYTES - self.waiting, self._guaranteed - waiting, 0)
