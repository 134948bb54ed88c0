"""How loud the agent is: a gain and a soft limiter for the lanes that want them.

Both work on samples, so that a lane that passes G.711 through pays for decoding and encoding its codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from talkpath.bridge.media.g711_law import ALAW, ULAW
from talkpath.codecs.limiter import SoftLimiter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.codecs.types import Codes, Rows, Samples

__all__ = ["Loudness"]


class Loudness:
    """Gain and limiter of all lanes.

    Args:
        lanes: Number of lanes.

    Attributes:
        any_wanted: Whether any lane wants something; otherwise nothing here need be called.
    """

    def __init__(self, lanes: int) -> None:
        self.any_wanted = False
        self._wanted = np.zeros(lanes, np.bool_)
        self._gain = np.ones(lanes, np.float32)
        self._limiter = SoftLimiter(lanes)

    def configure(self, lane: int, gain_db: float, *, limits: bool) -> None:
        """Set what a lane wants; a gain in dB other than 0 brings the limiter with it."""
        self._wanted[lane] = limits or gain_db != 0
        self._gain[lane] = 10.0 ** (gain_db / 20)
        self._limiter.reset(np.array([lane], np.intp))
        self.any_wanted = bool(self._wanted.any())

    def samples(self, rows: Rows, frames: Samples) -> Samples:
        """Return the next frames of some lanes (k, n) as loud as they want them; the rate does not matter."""
        wanted = self._wanted[rows]
        if not wanted.any():
            return frames
        if wanted.all():
            return self._limiter.process(rows, frames, self._gain[rows])
        frames = frames.copy()
        frames[wanted] = self._limiter.process(rows[wanted], frames[wanted], self._gain[rows[wanted]])
        return frames

    def codes(self, rows: Rows, frames: Codes, is_ulaw: NDArray[np.bool_], ready: NDArray[np.bool_]) -> None:
        """Change the codes (k, 160) of those of some lanes that are `ready`, in place.

        Args:
            rows: The lanes (k,).
            frames: Their codes, each in its own law.
            is_ulaw: Which law that is (k,).
            ready: Which of them carry the agent (k,).
        """
        wanted = self._wanted[rows] & ready
        for law, chosen in ((ULAW, wanted & is_ulaw), (ALAW, wanted & ~is_ulaw)):
            if chosen.any():
                lanes = rows[chosen]
                louder = self._limiter.process(lanes, law.decode(frames[chosen]), self._gain[lanes])
                frames[chosen] = law.encode(louder)
