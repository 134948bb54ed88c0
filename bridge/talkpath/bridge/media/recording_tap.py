"""What the media plane collects of some lanes, for recordings or for listeners: both directions, in pieces.

Collecting is two array assignments per round, for these lanes alone; without any, it is one test
(`talkpath.bridge.media.taps`). All that costs more (decoding, aligning, writing) happens to whole pieces,
somewhere else.

Each direction keeps its own clock. The agent's frames stand in their 20 ms slot of the heartbeat, so that
slots without a frame (hold, a late process) are silence of the right length. The caller's frames follow one
another as they left the jitter ring; `Piece.arrived` tells how that stream relates to the heartbeat.

What is collected is of the telephone band, 8 kHz. Wide-band lanes are narrowed for it, in mu-law.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.g711_law import LAWS, ULAW
from talkpath.bridge.media.lane import FRAME_BYTES, PHASES, TICK_SECONDS
from talkpath.codecs.resample import ResamplerBank

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import PhoneCodec

    Rows = NDArray[np.intp]
    Codes = NDArray[np.uint8]
    Samples = NDArray[np.int16]

__all__ = ["PIECE_FRAMES", "Piece", "RecordingTap"]

PIECE_FRAMES: Final = 25
"""Frames of a usual piece of a recording: half a second."""
_CAPACITY: Final = 64
"""Frames that a lane can hold: a piece, a late beat, and a burst of what the network held up."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some audio of one lane.

    Attributes:
        codec: What the codes of both directions are.
        caller: Codes of the caller, frames of 160.
        caller_frames: How many frames these are.
        arrived: Mean of the frames' arrival, in seconds of the heartbeat's clock; NaN without frames.
        agent: Codes that were sent, from `sent_at` on without a gap.
        agent_frames: How many 20 ms slots the piece covers; those beyond `agent` were silence.
        sent_at: When the first of these slots was due, in seconds of the heartbeat's clock.
        silenced: Keep the time of this piece, not its sound (the recording is paused).
    """

    codec: PhoneCodec
    caller: bytes
    caller_frames: int
    arrived: float
    agent: bytes
    agent_frames: int
    sent_at: float
    silenced: bool = False

    def decoded(self) -> tuple[Samples, Samples]:
        """The samples of caller and agent, as long as the piece covers; what no codes cover is silence."""
        return (
            self._decode(self.caller, self.caller_frames),
            self._decode(self.agent, self.agent_frames),
        )

    def _decode(self, codes: bytes, frames: int) -> Samples:
        samples = np.zeros(frames * FRAME_BYTES, np.int16)
        if not self.silenced:
            samples[: len(codes)] = LAWS[self.codec].decode(np.frombuffer(codes, np.uint8))
        return samples


class _Lane:
    """A lane whose sound is collected."""

    def __init__(self, deliver: Callable[[Piece], None], slot: int) -> None:
        self.deliver = deliver
        self.slot = slot  # the first of the piece
        self.silenced = False


class RecordingTap:
    """Collects from some lanes.

    Args:
        lanes: Number of lanes.
        start: Monotonic seconds of tick 0.
        piece_frames: Frames of a usual piece.

    Attributes:
        active: Whether there are such lanes.
        tick: The last tick whose phase has sent; kept by the plane.
    """

    def __init__(self, lanes: int, start: float = 0.0, *, piece_frames: int = PIECE_FRAMES) -> None:
        self.active = False
        self.tick = -1
        self._start = start
        self._count = lanes
        self._lanes: dict[int, _Lane] = {}
        self._codec: list[PhoneCodec] = ["PCMU"] * lanes
        self._on = np.zeros(lanes, np.bool_)
        self._wide = np.zeros(lanes, np.bool_)
        self._narrow_caller = ResamplerBank(lanes, 1, 2)
        self._narrow_agent = ResamplerBank(lanes, 1, 2)
        self._first_slot = np.zeros(lanes, np.int64)
        self._said = np.zeros(lanes, np.int64)  # frames of the caller in the piece
        self._came = np.zeros(lanes)  # sum of their arrivals since the plane's start
        self._caller: Codes | None = None
        self._agent: Codes | None = None
        self._due: list[list[int]] = [[] for _ in range(piece_frames * PHASES)]

    # --- a lane ----------------------------------------------------------------------------------

    def start(self, lane: int, deliver: Callable[[Piece], None]) -> None:
        """Collect from a lane from its next frame on; `deliver` gets every piece and must not block."""
        if self._caller is None:  # most workers never do: the memory is taken for the first lane
            self._caller = np.zeros((self._count, _CAPACITY, FRAME_BYTES), np.uint8)
            self._agent = np.zeros((self._count, _CAPACITY, FRAME_BYTES), np.uint8)
        self._lanes[lane] = _Lane(deliver, self._next_slot(lane))
        self._on[lane] = self.active = True
        self._begin_piece(lane, self._next_slot(lane))
        self._due[lane % len(self._due)].append(lane)

    def silence(self, lane: int, *, silenced: bool) -> None:
        """Keep only the time of a lane from its next frame on, or its sound again; others are left alone."""
        recorded = self._lanes.get(lane)
        if recorded is not None:
            self._cut(lane, self._next_slot(lane))
            recorded.silenced = silenced

    def recode(self, lane: int, codec: PhoneCodec) -> None:
        """The lane's frames are in another codec from now on."""
        if lane in self._lanes:
            self._cut(lane, self._next_slot(lane))
        self._wide[lane] = codec not in LAWS
        self._codec[lane] = codec if codec in LAWS else "PCMU"
        for bank in (self._narrow_caller, self._narrow_agent):
            bank.reset(np.array([lane], np.intp))
        if lane in self._lanes:
            self._begin_piece(lane, self._next_slot(lane))

    def stop(self, lane: int) -> None:
        """Deliver what is left of a lane and leave it alone from then on, as other lanes are."""
        if lane in self._lanes:
            self._cut(lane, self._next_slot(lane))
            del self._lanes[lane]
            self._on[lane] = False
            self._due[lane % len(self._due)].remove(lane)
            self.active = bool(self._lanes)

    def stop_all(self) -> None:
        """Deliver what is left of every lane."""
        for lane in list(self._lanes):
            self.stop(lane)

    # --- from the plane --------------------------------------------------------------------------

    def caller(self, rows: Rows, frames: Codes, now: float) -> None:
        """Collect a frame of some callers; wide-band ones are left out.

        Args:
            rows: The lanes (k,), each at most once.
            frames: Their codes (k, 160), in each lane's law.
            now: When the frames left the jitter ring.
        """
        chosen = self._on[rows] & ~self._wide[rows]
        if not chosen.all():
            rows, frames = rows[chosen], frames[chosen]
        self._collect_caller(rows, frames, now)

    def caller_samples(self, rows: Rows, samples: Samples, now: float) -> None:
        """The same for wide-band callers, as int16 at 16 kHz (k, 320)."""
        chosen = self._on[rows]
        if chosen.any():
            rows, samples = rows[chosen], samples[chosen]
            self._collect_caller(rows, ULAW.encode(self._narrow_caller.process(rows, samples)), now)

    def _collect_caller(self, rows: Rows, frames: Codes, now: float) -> None:
        if self._caller is None:
            return
        places = self._said[rows]
        if (full := places >= _CAPACITY).any():
            for lane in rows[full].tolist():
                self._cut(lane, self._next_slot(lane))
            places = self._said[rows]
        self._caller[rows, places] = frames
        self._said[rows] = places + 1
        self._came[rows] += now - self._start

    def agent(self, rows: Rows, frames: Codes, slot: int) -> None:
        """Collect a frame that was sent to some callers; wide-band ones are left out.

        Args:
            rows: The lanes (k,), each at most once.
            frames: Their codes (k, 160), in each lane's law.
            slot: Number of the 20 ms slot since the plane's start.
        """
        chosen = self._on[rows] & ~self._wide[rows]
        if not chosen.all():
            rows, frames = rows[chosen], frames[chosen]
        self._collect_agent(rows, frames, slot)

    def agent_samples(self, rows: Rows, samples: Samples, slot: int) -> None:
        """The same for the wide-band ones of some lanes, as int16 at 16 kHz (lanes, 320) of all lanes."""
        rows = rows[self._wide[rows] & self._on[rows]]
        if rows.size:
            narrow = self._narrow_agent.process(rows, samples[rows])
            self._collect_agent(rows, ULAW.encode(narrow), slot)

    def _collect_agent(self, rows: Rows, frames: Codes, slot: int) -> None:
        if self._agent is None:
            return
        places = slot - self._first_slot[rows]
        if (full := places >= _CAPACITY).any():
            for lane in rows[full].tolist():
                self._cut(lane, slot)
            places = slot - self._first_slot[rows]
        self._agent[rows, places] = frames

    def deliver_due(self) -> None:
        """Deliver the pieces that are long enough; the lanes take turns, tick by tick."""
        for lane in self._due[self.tick % len(self._due)]:
            self._cut(lane, self._next_slot(lane))

    # --- pieces ----------------------------------------------------------------------------------

    def _next_slot(self, lane: int) -> int:
        return (self.tick - lane % PHASES) // PHASES + 1

    def _begin_piece(self, lane: int, slot: int) -> None:
        self._first_slot[lane] = slot
        self._said[lane] = 0
        self._came[lane] = 0.0
        if self._agent is not None:
            self._agent[lane] = LAWS[self._codec[lane]].silence

    def _cut(self, lane: int, slot: int) -> None:
        """Deliver what a lane has up to a slot, and begin its next piece there."""
        first, frames = int(self._first_slot[lane]), int(self._said[lane])
        slots = slot - first
        if self._caller is None or self._agent is None or not (slots or frames):
            return
        recorded = self._lanes[lane]
        piece = Piece(
            codec=self._codec[lane],
            caller=self._caller[lane, :frames].tobytes(),
            caller_frames=frames,
            arrived=float(self._came[lane]) / frames if frames else float("nan"),
            agent=self._agent[lane, : min(slots, _CAPACITY)].tobytes(),
            agent_frames=slots,
            sent_at=(first * PHASES + lane % PHASES) * TICK_SECONDS,
            silenced=recorded.silenced,
        )
        self._begin_piece(lane, slot)
        recorded.deliver(piece)
