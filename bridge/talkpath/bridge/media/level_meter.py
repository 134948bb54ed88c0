"""How loud both sides of each lane are, for whoever watches the calls.

Costs nothing while nobody does; otherwise one table look-up per round, for all its lanes at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.g711_law import ALAW, LAWS, ULAW
from talkpath.codecs.levels import SILENCE_LEVEL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import PhoneCodec

    Rows = NDArray[np.intp]

__all__ = ["LevelMeter"]

_CODES: Final = np.arange(256, dtype=np.uint8)
_FULL_SCALE: Final = 32768.0
_POWER: Final = np.stack(
    [np.square(law.decode(_CODES).astype(np.float32) / _FULL_SCALE) for law in (ULAW, ALAW)]
)
"""Power of each code, full scale is 1: (2 laws, 256)."""
_LEAST: Final = 10.0 ** (SILENCE_LEVEL / 10.0)
CALLER: Final = 0
AGENT: Final = 1


class LevelMeter:
    """Keeps the power of the loudest frame of each side of each lane since it was read last.

    Args:
        lanes: Number of lanes.

    Attributes:
        on: Whether somebody reads the levels.
        wide: Which lanes are wide-band (lanes,).
    """

    def __init__(self, lanes: int) -> None:
        self.on = False
        self._law = np.zeros(lanes, np.intp)
        self.wide = np.zeros(lanes, np.bool_)
        self._power = np.zeros((2, lanes), np.float32)

    def recode(self, lane: int, codec: PhoneCodec) -> None:
        """The lane's frames are in another codec from now on."""
        self._law[lane] = 1 if codec == "PCMA" else 0
        self.wide[lane] = codec not in LAWS
        self.forget(lane)

    def forget(self, lane: int) -> None:
        """What the lane has heard so far was another call's, or in another codec."""
        self._power[:, lane] = 0.0

    def codes(self, side: int, rows: Rows, frames: NDArray[np.uint8]) -> None:
        """Measure a frame of some lanes; wide-band ones are left out.

        Args:
            side: `CALLER` or `AGENT`.
            rows: The lanes (k,), each at most once.
            frames: Codes in each lane's law (k, 160).
        """
        narrow = ~self.wide[rows]
        if not narrow.all():
            rows, frames = rows[narrow], frames[narrow]
        power = _POWER[self._law[rows][:, None], frames].mean(axis=1)
        self._power[side, rows] = np.maximum(self._power[side, rows], power)

    def samples(self, side: int, rows: Rows, samples: NDArray[np.int16]) -> None:
        """The same for wide-band lanes, as int16 (k, 320)."""
        power = np.square(samples.astype(np.float32) / _FULL_SCALE).mean(axis=1)
        self._power[side, rows] = np.maximum(self._power[side, rows], power)

    def read(self, lane: int) -> tuple[float, float]:
        """The levels of caller and agent in dBov, at least -127, since the last time."""
        caller, agent = (10.0 * np.log10(np.maximum(self._power[:, lane], _LEAST))).tolist()
        self._power[:, lane] = 0.0
        return round(caller, 1), round(agent, 1)
