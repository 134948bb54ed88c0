"""Both sides of a call on one clock: that of the caller.

The caller's samples follow one another as their telephone counted them. The agent's were sent by our clock,
which runs some parts in a million faster or slower. The mixer measures how the two move against each other,
and now and then leaves out or repeats a sample of the agent where it is quietest, so that what sounded at the
same time stands at the same place, after hours too.

Pure: arrays in, arrays out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.int16]

__all__ = ["StereoMixer"]

_SMOOTHING: Final = 16
"""Pieces over which the offset of the clocks is averaged: 8 s, far longer than jitter lasts, and short enough
that 200 ppm are 1.6 ms behind."""
_JUMP_SECONDS: Final = 0.06
_JUMP_PIECES: Final = 3
"""A measure so far off, so many times in a row, is no jitter: one of the streams was interrupted."""
_GENTLE_SECONDS: Final = 0.0025
"""The most that is left out or repeated of a piece with sound."""
_WAITING_SECONDS: Final = 2.0
"""The most of the agent that waits for a caller whose stream does not advance."""


class StereoMixer:
    """The alignment of one recording.

    Args:
        rate: Samples per second of both sides.
    """

    def __init__(self, rate: int = 8_000) -> None:
        self._rate = rate
        self._caller = np.zeros(0, np.int16)  # waits for the agent's side
        self._agent = np.zeros(0, np.int16)  # waits for the caller's side
        self._written = 0  # samples of the caller that have left
        self._came = 0  # samples of the caller that have come
        self._consumed = 0  # the agent's samples that have left, been left out, or (negative) been repeated
        self._origin: float | None = None  # of the agent's sample 0 on the caller's clock, without the offset
        self._offset: float | None = None  # smoothed
        self._measures = 0
        self._strange = 0

    def add(self, caller: Samples, agent: Samples, *, arrived: float, sent_at: float) -> Samples:
        """Take the next piece of both sides.

        Args:
            caller: The caller's next samples (n,).
            agent: The agent's next samples (m,).
            arrived: Mean time at which the caller's frames came, weighted by samples; NaN if unknown.
            sent_at: When the first sample of `agent` was sent, on the same clock.

        Returns:
            What can be written now (k, 2): caller, agent.
        """
        if self._origin is None:
            self._origin = sent_at * self._rate
        self._measure(len(caller), arrived)
        self._came += len(caller)
        self._caller = np.concatenate([self._caller, caller])
        self._agent = np.concatenate([self._agent, agent])
        self._correct()
        return self._take(min(len(self._caller), len(self._agent)))

    def finish(self) -> Samples:
        """What is left (k, 2); a side that ends earlier is completed with silence."""
        size = max(len(self._caller), len(self._agent) if self._offset is not None else 0)
        self._caller = _padded(self._caller, size)
        self._agent = _padded(self._agent, size)
        return self._take(size)

    def _take(self, size: int) -> Samples:
        both = np.column_stack([self._caller[:size], self._agent[:size]])
        self._caller, self._agent = self._caller[size:], self._agent[size:]
        self._written += size
        self._consumed += size
        return both

    def _measure(self, size: int, arrived: float) -> None:
        """Learn where the caller's clock stands against ours."""
        if not size or math.isnan(arrived):
            return
        # A frame has come when its last sample was said, so the middle of a piece is half a frame later.
        middle = self._came + (size + self._rate // 50) / 2
        found = middle - arrived * self._rate
        if self._offset is None:
            self._offset = found
        strange = abs(found - self._offset) > _JUMP_SECONDS * self._rate
        self._strange = self._strange + 1 if strange else 0
        if self._strange >= _JUMP_PIECES:
            self._offset, self._measures, self._strange = found, 0, 0
        self._measures += 1
        self._offset += (found - self._offset) / min(self._measures, _SMOOTHING)

    def _correct(self) -> None:
        """Make the agent's next sample the one that was sent when the caller's next one was said."""
        self._forget_what_waits_too_long()
        if self._offset is None or self._origin is None:
            return
        ahead = round(self._written - self._offset - self._origin) - self._consumed
        if abs(ahead) <= _JUMP_SECONDS * self._rate and self._written:
            most = int(_GENTLE_SECONDS * self._rate)
            ahead = max(-most, min(ahead, most))
        ahead = min(ahead, len(self._agent))
        if ahead > 0:
            place = quietest(self._agent, ahead)
            self._agent = np.delete(self._agent, slice(place, place + ahead))
        elif ahead < 0:
            place = quietest(self._agent, 1) if self._written else 0
            value = self._agent[place] if self._written and len(self._agent) else 0
            self._agent = np.insert(self._agent, place, np.full(-ahead, value, np.int16))
        self._consumed += ahead

    def _forget_what_waits_too_long(self) -> None:
        excess = len(self._agent) - len(self._caller) - int(_WAITING_SECONDS * self._rate)
        if excess > 0:
            self._agent = self._agent[excess:]
            self._consumed += excess


def quietest(samples: Samples, size: int) -> int:
    """Where `size` samples in a row are quietest; the first such place."""
    if len(samples) <= size:
        return 0
    loudness = np.concatenate([[0], np.cumsum(np.abs(samples.astype(np.int64)))])
    return int(np.argmin(loudness[size:] - loudness[:-size]))


def _padded(samples: Samples, size: int) -> Samples:
    return np.concatenate([samples, np.zeros(size - len(samples), np.int16)])
