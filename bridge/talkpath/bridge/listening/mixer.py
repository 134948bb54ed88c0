"""Both sides of a live call on the clock of our heartbeat, without ever waiting for either.

A recording waits until it knows where a sample belongs (`talkpath.bridge.recording.mixer`); who listens live
hears what there is, now. The agent's side has a frame for each slot of the heartbeat, so it is the clock. The
caller's frames come as the network brings them: a small cushion carries them over its unsteadiness, silence
takes the place of what does not come, and what is too much is left out.

Pure: arrays in, arrays out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.int16]

__all__ = ["LiveMixer"]

_CUSHION_SECONDS: Final = 0.04
_MOST_SECONDS: Final = 0.2
"""The most of the caller that waits: more is a burst, or a clock that runs faster than ours."""


class LiveMixer:
    """The two sides of one call.

    Args:
        rate: Samples per second of both sides.
    """

    def __init__(self, rate: int = 8_000) -> None:
        self._cushion = int(_CUSHION_SECONDS * rate)
        self._most = int(_MOST_SECONDS * rate)
        self._caller = np.zeros(0, np.int16)
        self._flows = False

    def add(self, caller: Samples, agent: Samples) -> Samples:
        """Take the next piece of both sides.

        Args:
            caller: What has come of the caller since the last piece (n,).
            agent: What was sent in the meantime (m,), as long as that time was.

        Returns:
            As much as of the agent (m, 2): caller, agent.
        """
        self._caller = np.concatenate([self._caller, caller])
        size = len(agent)
        both = np.zeros((size, 2), np.int16)
        both[:, 1] = agent
        self._flows = self._flows or len(self._caller) >= size + self._cushion
        if self._flows:
            there = self._caller[:size]
            both[: len(there), 0] = there
            self._caller = self._caller[size:]
            self._flows = len(there) == size
        if len(self._caller) > self._most:
            self._caller = self._caller[-self._cushion :]
        return both
