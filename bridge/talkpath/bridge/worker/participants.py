"""Who talks through a worker: by the id of their dialog, and by their lane of the media plane."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from talkpath.bridge.worker.live import Lane

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.bridge.call.runner import CallRunner
    from talkpath.bridge.call.services import Participant
    from talkpath.bridge.media.lane import Beat


class Participants:
    """The calls of one worker, and their second legs.

    Args:
        lanes: Number of lanes.

    Attributes:
        calls: The calls by id.
        consults: Second legs of the calls, towards humans, by the id of their dialog.
        by_lane: Who is on each lane; None: nobody.
    """

    def __init__(self, lanes: int) -> None:
        self.calls: dict[str, CallRunner] = {}
        self.consults: dict[str, Participant] = {}
        self.by_lane: list[Participant | None] = [None] * lanes

    def get(self, call: str) -> Participant | None:
        """Whose dialog this is; None: nobody's any more."""
        return self.calls.get(call) or self.consults.get(call)

    def connect(self, runner: CallRunner) -> None:
        """Give a call what comes by the lane that it has taken."""
        self.by_lane[runner.lane] = runner

    def remove(self, call: str) -> None:
        """A call is over."""
        self._free(self.calls.pop(call, None))

    def attach(self, call: str, participant: Participant) -> None:
        """Give messages about a second dialog, and what comes by its lane, to a participant."""
        self.consults[call] = participant
        self.by_lane[participant.lane] = participant

    def detach(self, call: str) -> None:
        """End that."""
        self._free(self.consults.pop(call, None))

    def _free(self, participant: Participant | None) -> None:
        if participant is not None and participant.lane >= 0:
            self.by_lane[participant.lane] = None

    def beat(self, beat: Beat) -> None:
        """Hand what one heartbeat brought to those on its lanes."""
        by_lane = self.by_lane
        uplink = iter(beat.uplink)
        while self._append(uplink):
            pass
        for event in beat.events:
            participant = by_lane[event.lane]
            if participant is not None:
                participant.guarded(functools.partial(participant.media_event, event))

    def _append(self, uplink: Iterator[tuple[int, bytes]]) -> bool:
        """Pass audio on until a call fails; True: there may be more. One ``try`` for all: a hot path."""
        by_lane = self.by_lane
        participant = None
        try:
            for lane, audio in uplink:
                participant = by_lane[lane]
                if participant is not None:
                    participant.append(audio)
        except Exception as error:  # noqa: BLE001 - one bad call must not end the others
            if participant is not None:
                participant.broke(error)
            return True
        return False

    def live_lanes(self) -> Iterator[Lane]:
        """The calls that have a lane now."""
        for runner in self.calls.values():
            if runner.lane >= 0:
                yield Lane(runner.record, runner.lane)
