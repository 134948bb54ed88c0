"""An hour of telephones whose clocks are wrong by 200 ppm, through the media plane, in its own time.

Each says a tone by its own clock, so that after an hour it has said 0.72 s more or less than time has passed.
What the model hears must be that tone, octet by octet: nothing left out, nothing made up, nothing that waits.
"""

from __future__ import annotations

from random import Random
from typing import Final

import numpy as np
import pytest

from talkpath.bridge.media.lane import FRAME_BYTES, FRAME_SECONDS, TICK_SECONDS
from talkpath.codecs import tones
from talkpath.codecs.g711 import linear_to_ulaw
from tests.bridge.media.phone import Line, packet

HOUR: Final = 3600.0
TELEPHONES: Final = ((200e-6, 0.0), (-200e-6, 0.0), (200e-6, 0.012), (-200e-6, 0.012))
"""How fast the clock of each is, and by how much the network delays its packets at most, in seconds."""
SECOND: Final = linear_to_ulaw(tones.sine(1004, 1.0, 8_000)).tobytes()
"""A second of a tone that ends where it begins."""


class Telephone:
    """One that says the tone; a packet is due by its own clock and comes a little later."""

    def __init__(self, line: Line, drift: float, jitter: float) -> None:
        self.lane = line.open()
        self.said = 0
        self._line = line
        self._interval = FRAME_SECONDS / (1 + drift)
        self._jitter = jitter
        self._chance = Random(self.lane)  # noqa: S311 - a fixed seed is the point
        self._next = self._delayed()

    def _delayed(self) -> float:
        return self.said * self._interval + self._jitter * self._chance.random()

    def say(self, now: float) -> None:
        """Send what comes by now; what comes later never overtakes."""
        while self._next <= now:
            first = self.said * FRAME_BYTES % len(SECOND)
            payload = SECOND[first : first + FRAME_BYTES]
            self._line.say(self.lane, packet(payload, self.said, self.said * FRAME_BYTES))
            self.said += 1
            self._next = self._delayed()


@pytest.mark.soak
def test_an_hour_of_drift_neither_grows_nor_clicks() -> None:
    line = Line()
    telephones = [Telephone(line, *each) for each in TELEPHONES]
    for _ in range(round(HOUR / TICK_SECONDS)):
        for telephone in telephones:
            telephone.say(line.now)
        line.tick()
        line.frames.clear()
    for telephone, (drift, _) in zip(telephones, TELEPHONES, strict=True):
        heard = bytes(line.uplink[telephone.lane])
        assert telephone.said == pytest.approx(HOUR * (1 + drift) * 50, abs=2)
        assert 0 <= telephone.said * FRAME_BYTES - len(heard) <= FRAME_BYTES, "something waits"
        tone = np.resize(np.frombuffer(SECOND, np.uint8), len(heard)).tobytes()
        assert heard == tone
    totals = line.plane.counters.totals()
    for cause in (
        "frames_lost_filled",
        "frames_gap_filled",
        "frames_concealed",
        "late",
        "overrun",
        "realigned",
    ):
        assert totals[cause] == 0, cause
    line.close()
