"""The worker's side of listening: taps a lane while somebody listens to its call, and not a moment longer."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.listening.mixer import LiveMixer
from talkpath.sip import messages as m

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.media.recording_tap import Piece
    from talkpath.bridge.media.taps import Taps

__all__ = ["MOST_WAITING", "Ears"]

MOST_WAITING: Final = 200
"""Messages to the supervisor that may wait before sound is dropped: calls go first."""


class _Ear:
    """A call that somebody listens to."""

    def __init__(self, lane: int) -> None:
        self.lane = lane
        self.listeners: set[int] = set()
        self.mixer = LiveMixer()


class Ears:
    """The calls of a worker that somebody listens to.

    Args:
        taps: Those of the media plane.
        send: Sends a message to the supervisor.
        backlog: How many messages to it wait.
        dropped: Told of each piece that is dropped.
    """

    def __init__(
        self,
        taps: Taps,
        send: Callable[[m.Message], None],
        backlog: Callable[[], int],
        dropped: Callable[[], None],
    ) -> None:
        self._taps = taps
        self._send = send
        self._backlog = backlog
        self._dropped = dropped
        self._ears: dict[str, _Ear] = {}

    def __len__(self) -> int:
        """Calls that somebody listens to."""
        return len(self._ears)

    def join(self, call: str, lane: int, listener: int) -> None:
        """Somebody listens to a call, too; `CallSound` follows until nobody does."""
        ear = self._ears.get(call)
        if ear is None:
            ear = self._ears[call] = _Ear(lane)
            self._taps.listen(lane, functools.partial(self._tell, call, ear))
        ear.listeners.add(listener)

    def leave(self, call: str, listener: int) -> None:
        """Somebody listens no more; who never did, or whose call is over, changes nothing."""
        ear = self._ears.get(call)
        if ear is not None:
            ear.listeners.discard(listener)
            if not ear.listeners:
                del self._ears[call]
                self._taps.listen_no_more(ear.lane)

    def over(self, call: str) -> None:
        """The call is over, and its lane may be another's already."""
        self._ears.pop(call, None)

    def _tell(self, call: str, ear: _Ear, piece: Piece) -> None:
        both = ear.mixer.add(*piece.decoded())
        if not len(both):
            return
        if self._backlog() > MOST_WAITING:
            self._dropped()
            return
        self._send(m.CallSound(call=call, samples=np.ascontiguousarray(both, "<i2").tobytes()))
