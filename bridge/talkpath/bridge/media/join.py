"""Two lanes joined: what comes in on one goes out on the other, as a PBX bridges two calls.

The frames of a far end come in by its clock and go out by ours. A short queue for each direction takes up
the difference: it waits for a cushion before it begins, drops the oldest frame when the source is faster,
and fills with silence when it is slower.

A frame is what its source has: codes of a law, or samples at 16 kHz of a wide-band codec. Between the two
bands it is resampled on its way out.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.counters import Cause
from talkpath.bridge.media.g711_law import LAWS
from talkpath.codecs.resample import Resampler

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.bridge.media.counters import Counters
    from talkpath.bridge.media.lane import PhoneCodec
    from talkpath.bridge.media.wideband import WidebandEncoder

    JoinFrames = NDArray[np.uint8] | NDArray[np.int16]
    Frame = tuple[JoinFrames, PhoneCodec]

__all__ = ["Joins"]

CUSHION: Final = 2
"""Frames that wait before the first goes out: 40 ms against the jitter that the source's packets have."""
MOST: Final = 10
"""Frames that a direction may hold: 200 ms."""
SPARE: Final = 3
"""More than is needed: when a direction held so many at every beat of a window, one goes."""
WINDOW: Final = 100
"""Beats of a lane (2 s) over which the spare frames are counted."""


class _Direction:
    """Frames on their way to one lane."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque()
        self._narrowing = Resampler(1, 2)
        self._widening = Resampler(2, 1)
        self._running = False
        self._beats = 0
        self._least = MOST

    def push(self, frame: JoinFrames, codec: PhoneCodec) -> int:
        """Queue one frame; returns how many had to go for it."""
        self._frames.append((frame, codec))
        if len(self._frames) <= MOST:
            return 0
        self._frames.popleft()
        return 1

    def pop(self) -> Frame | None:
        """The next frame; None while there is none, or too few to begin with."""
        if not self._running and len(self._frames) < CUSHION:
            return None
        self._running = bool(self._frames)
        return self._frames.popleft() if self._frames else None

    def narrow(self, frame: JoinFrames, source: PhoneCodec, target: PhoneCodec) -> NDArray[np.uint8]:
        """A frame of any source in a law (160,)."""
        if source == target:
            return frame.view(np.uint8)
        if source in LAWS:
            return LAWS[source].to_other[frame]
        return LAWS[target].encode(self._narrowing.process(frame.view(np.int16)))

    def wide(self, frame: JoinFrames, source: PhoneCodec) -> NDArray[np.int16]:
        """A frame of any source at 16 kHz (320,)."""
        if source in LAWS:
            return self._widening.process(LAWS[source].decode(frame.view(np.uint8)))
        return frame.view(np.int16)

    def starved(self) -> bool:
        """Whether it ran dry just now. Said once; then the cushion is collected anew."""
        return self._running and not self._frames

    def trim(self) -> int:
        """Drop one frame when there were always more than are needed: the source is faster than we are."""
        self._beats += 1
        self._least = min(self._least, len(self._frames))
        if self._beats < WINDOW:
            return 0
        spare, self._beats, self._least = self._least >= SPARE, 0, MOST
        if spare:
            self._frames.popleft()
        return int(spare)


class Joins:
    """The joined lanes of a plane; they are few.

    Args:
        counters: Where frames are counted.
        wideband: Takes the samples of wide-band lanes.
    """

    def __init__(self, counters: Counters, wideband: WidebandEncoder) -> None:
        self._counters = counters
        self._wideband = wideband
        self._partner: dict[int, int] = {}
        self._towards: dict[int, _Direction] = {}
        self._codecs: dict[int, PhoneCodec] = {}

    def join(self, one: tuple[int, PhoneCodec], other: tuple[int, PhoneCodec]) -> None:
        """Join two lanes, each with the codec it has on the wire.

        Raises:
            ValueError: It is one and the same lane, or one of them is joined already.
        """
        if one[0] == other[0] or not self._partner.keys().isdisjoint((one[0], other[0])):
            raise ValueError(f"Lanes {one[0]} and {other[0]} cannot be joined: part what is joined first.")
        for (lane, codec), (partner, _) in ((one, other), (other, one)):
            self._partner[lane] = partner
            self._towards[lane] = _Direction()
            self._codecs[lane] = codec

    def part(self, lane: int) -> int | None:
        """Part a lane from its partner, which is returned; None: it has none."""
        partner = self._partner.get(lane)
        if partner is None:
            return None
        for each in (lane, partner):
            del self._partner[each], self._towards[each], self._codecs[each]
        return partner

    def change_codec(self, lane: int, codec: PhoneCodec) -> None:
        """The lane's codec on the wire changed."""
        if lane in self._codecs:
            self._codecs[lane] = codec

    def put(self, rows: NDArray[np.intp], frames: JoinFrames) -> None:
        """Take a frame of each of some lanes (k,), as the lane's codec has it; unjoined lanes are skipped."""
        for lane, codes in zip(rows.tolist(), frames, strict=True):
            partner = self._partner.get(lane)
            if partner is not None:
                dropped = self._towards[partner].push(codes.copy(), self._codecs[lane])
                self._drop(partner, dropped)

    def take(
        self, rows: NDArray[np.intp], talking: NDArray[np.bool_], out: NDArray[np.uint8]
    ) -> NDArray[np.bool_]:
        """Write the next frame of the joined lanes that carry no model audio.

        Args:
            rows: The lanes of the phase (k,).
            talking: Which of them carry model audio (k,).
            out: Their frames (k, 160); those of wide-band lanes go to their encoder.

        Returns:
            Which lanes carry model audio or the partner's (k,); ``talking`` itself when none is joined.
        """
        if not self._partner:
            return talking
        carries = talking.copy()
        for index in np.flatnonzero(~talking).tolist():
            lane = int(rows[index])
            direction = self._towards.get(lane)
            if direction is not None:
                carries[index] = self._next(lane, direction, out[index])
        return carries

    def _next(self, lane: int, direction: _Direction, out: NDArray[np.uint8]) -> bool:
        self._drop(lane, direction.trim())
        if direction.starved():
            self._counters.add(lane, Cause.JOIN_STARVED)
        frame = direction.pop()
        if frame is None:
            return False
        if self._wideband.wide[lane]:
            self._wideband.samples[lane] = direction.wide(*frame)
        else:
            out[:] = direction.narrow(*frame, self._codecs[lane])
        self._counters.add(lane, Cause.FRAMES_JOINED)
        return True

    def _drop(self, lane: int, frames: int) -> None:
        if frames:
            self._counters.add(lane, Cause.JOIN_DROPPED, frames)
