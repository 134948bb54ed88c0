"""The jitter ring: the caller's audio of all lanes, indexed by RTP timestamp.

G.711 and G.722 are one byte per tick of their 8 kHz RTP clock (RFC 3551, sections 4.5.14 and 4.5.2), so a
byte's place in the ring is its timestamp, whatever codec and packet time. A mask says which bytes are there.
What is in order leaves at once; only a hole waits, at most `target` seconds beyond the moment it was
expected, and is then concealed. When nothing arrives for longer (`patience`; silence suppression, mute)
the clock fills with silence, because the model's voice detection measures time in the audio it is given.

A packet that is exactly next and one frame long never touches the ring.

Pure arrays and `now` as an argument; no socket, no clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.allowance import Allowance
from talkpath.bridge.media.counters import Cause
from talkpath.bridge.media.delay import LARGEST_TARGET
from talkpath.bridge.media.lane import FRAME_BYTES, FRAME_SECONDS, SAMPLE_RATE
from talkpath.bridge.media.packets import LOST, PAUSE, THERE, FrameRound
from talkpath.bridge.media.patience import Patience
from talkpath.bridge.media.sequence import DROP, NEXT, OLD, RESTART

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.bridge.media.counters import Counters
    from talkpath.bridge.media.packets import AudioPackets
    from talkpath.bridge.media.repair import LossRepair

    Rows = NDArray[np.intp]
    Frames = list[FrameRound]

__all__ = ["RING_BYTES", "JitterRing"]

RING_BYTES: Final = 8_192
"""1.024 s per lane; a power of two, so that it divides the 32-bit timestamp."""

_MASK: Final = RING_BYTES - 1
_JUMP_BYTES: Final = SAMPLE_RATE // 2  # this far ahead of the clock is a jump, not a gap
_CROWDED: Final = round((LARGEST_TARGET + 0.06) * SAMPLE_RATE)
"""As much is never there behind a hole that may still be filled: the longest wait, and a long packet."""
_MAX_ROUNDS: Final = RING_BYTES // FRAME_BYTES
_FRAME: Final = np.arange(FRAME_BYTES)
_MISSING, _HERE, _QUIET = 0, 1, 2  # what a place of the ring holds: quiet is silence that we put there


class JitterRing:
    """Rings of all lanes.

    Args:
        lanes: Number of lanes.
        counters: Where arrivals and fillings are counted.
        repair: Conceals losses; without it they become silence.

    Attributes:
        patience: When what is missing is given up.
        target: Seconds a hole waits beyond the moment it was expected, per lane (lanes,); see `delay`.
        silence: The code of silence of each lane's codec (lanes,), uint8.
    """

    def __init__(self, lanes: int, counters: Counters, repair: LossRepair | None = None) -> None:
        self._repair = repair
        self.patience = Patience(lanes)
        self.target = self.patience.target
        self.silence = np.full(lanes, 0xFF, np.uint8)
        self._wide = np.zeros(lanes, np.bool_)  # lanes whose codec conceals by itself
        self._any_wide = False
        self._counters = counters
        self._bytes = np.zeros((lanes, RING_BYTES), np.uint8)
        self._there = np.zeros((lanes, RING_BYTES), np.uint8)  # _MISSING, _HERE or _QUIET
        self._read = np.zeros(lanes, np.int64)  # timestamp of the next byte to leave
        self._end = np.zeros(lanes, np.int64)  # bytes from there to the last that is there
        self._span = np.full(lanes, FRAME_SECONDS)  # how long a packet lasts, at least one frame
        self._heard = np.zeros(lanes, np.bool_)  # whether a stream has begun
        self._allowance = Allowance(lanes, counters)
        self._frames = np.zeros(lanes, np.int64)
        counters.derive(self._count_frames)

    def start(self, lane: int, now: float) -> None:
        """Start the lane's stream: from now on it advances by 8,000 samples a second."""
        self._clear(lane)
        if self._repair:
            self._repair.reset(lane)
        self._heard[lane] = False
        self.patience.start(lane, now)
        self._allowance.reset(lane)
        self._span[lane] = FRAME_SECONDS

    def stop(self, lane: int) -> None:
        """Stop the lane's stream, drop what it holds and begin to count anew."""
        self._clear(lane)
        self._frames[lane] = 0
        self.patience.stop(lane)

    def recode(self, lane: int, table: NDArray[np.uint8], silence: int) -> None:
        """Translate what waits in the ring to another law, at a change of codec."""
        self._bytes[lane] = table[self._bytes[lane]]
        if self._repair:
            self._repair.recode(lane, table, silence)
        self.silence[lane] = silence

    def change_codec(self, lane: int, silence: int, *, wide: bool) -> Frames:
        """Go over to a codec that cannot be translated to; the stream runs on.

        Args:
            lane: The lane.
            silence: The code of silence of the new codec.
            wide: It conceals by itself, and is told what is missing.

        Returns:
            What waited, as the old codec has it; holes are given up.
        """
        frames: Frames = []
        rows = np.array([lane], np.intp)
        while self._end[lane]:
            frames.append(self._conceal(rows))
            frames += self._pull(rows)
        self.silence[lane], self._wide[lane] = silence, wide
        self._any_wide = bool(self._wide.any())
        if self._repair:
            self._repair.change_codec(lane, silence, wide=wide)
        return frames

    def buffered(self, lane: int) -> int:
        """Bytes from the read position to the newest byte."""
        return int(self._end[lane])

    def follow(self, rows: Rows, steps: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Take note of `steps` frames (k,) that passed by these rings, which hold nothing.

        Returns:
            Which lanes brought more than time allows and must be looked at packet by packet (k,).
        """
        passed = steps * FRAME_BYTES
        self._read[rows] = (self._read[rows] + passed) & 0xFFFFFFFF
        self._span[rows] = FRAME_SECONDS
        self._frames[rows] += steps
        self._allowance.charge(rows, passed)
        return self._allowance.used_up(rows)

    def pass_by(self, rows: Rows, frames: NDArray[np.uint8], now: float) -> None:
        """Packets of one frame (k, 160) pass by; `follow` tells later how many they were."""
        if self._repair:
            self._repair.remember(rows, frames)
        self.patience.passed(rows, now)

    def empty(self, rows: Rows) -> NDArray[np.bool_]:
        """Which rings hold nothing and may take more (k,)."""
        empty: NDArray[np.bool_] = self._end[rows] == 0
        empty &= ~self._allowance.used_up(rows)
        return empty

    def next_timestamp(self, rows: Rows) -> NDArray[np.int64]:
        """The timestamps that leave next (k,)."""
        return self._read[rows]

    def offer(self, packets: AudioPackets, now: float) -> Frames:
        """Take one packet of each of some lanes and return what is in order.

        Args:
            packets: The packets; those of kind `DROP` are ignored.
            now: Monotonic seconds.

        Returns:
            Rounds; a lane appears once in each.
        """
        self._allowance.forgive(now)
        if (dropped := packets.kinds == DROP).any():
            packets = packets.select(~dropped)
        rows = packets.rows
        keep = self._allowance.spend(rows, packets.length)
        ahead = ((packets.timestamp - self._read[rows] + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        direct = keep & (packets.kinds == NEXT) & (ahead == 0)
        direct &= (packets.length == FRAME_BYTES) & (self._end[rows] == 0)
        frames: Frames = []
        if direct.any():
            passing = rows[direct]
            self._advance(passing)
            self._span[passing] = FRAME_SECONDS
            self.patience.heard(passing, now)
            self.patience.passed(passing, now)
            frames.append(FrameRound(passing, self._good(passing, packets.payload[direct, :FRAME_BYTES])))
        rest = np.flatnonzero(keep & ~direct)
        if rest.size:
            stored = self._store(packets.select(rest), ahead[rest], now)
            frames += self._pull(stored)
            frames += self._relieve(stored)
            self.patience.settle(stored, self._end[stored] >= FRAME_BYTES)
        return frames

    def _relieve(self, rows: Rows) -> Frames:
        """Give up holes behind which so much is there that what they wait for is on its way no more.

        After a stall of ours, seconds of audio come at once, and no time passes for a hole among them.
        """
        frames: Frames = []
        while (rows := rows[self._end[rows] > _CROWDED]).size:
            frames.append(self._conceal(rows))
            frames += self._pull(rows)
        return frames

    def overdue(self, now: float) -> Rows:
        """The lanes that `expire` would do something about."""
        self._allowance.forgive(now)
        return self.patience.overdue(now)

    def expire(self, now: float) -> Frames:
        """Give up what has waited long enough, fill it with silence, and return what follows."""
        frames: Frames = []
        for _ in range(_MAX_ROUNDS):
            rows = self.overdue(now)
            if not rows.size:
                break
            frames.append(self._conceal(rows))
            frames += self._pull(rows)
            self.patience.settle(rows, self._end[rows] >= FRAME_BYTES)
        return frames

    def _advance(self, rows: Rows) -> None:
        """A frame of each row leaves."""
        self._read[rows] = (self._read[rows] + FRAME_BYTES) & 0xFFFFFFFF
        self._frames[rows] += 1
        self.patience.advance(rows)

    def _count_frames(self) -> None:
        self._counters.table[:, Cause.FRAMES_UPLINK] = self._frames

    def _store(self, packets: AudioPackets, ahead: NDArray[np.int64], now: float) -> Rows:
        """Put packets into the ring; return the lanes whose packet was taken."""
        ahead = self._realign(packets, ahead, now)
        self._span[packets.rows] = np.maximum(packets.length / SAMPLE_RATE, FRAME_SECONDS)
        late = (ahead < 0) | (ahead + packets.length > RING_BYTES)
        if late.any():
            self._counters.add_rows(packets.rows[late], Cause.LATE)
            self._allowance.charge(packets.rows[late], -packets.length[late])  # they bring nothing
            packets, ahead = packets.select(~late), ahead[~late]
        rows = packets.rows
        for index in np.flatnonzero((packets.kinds == NEXT) & (ahead > self._end[rows])):
            self._fill_pause(int(rows[index]), int(ahead[index]))
        self._counters.add_rows(rows[packets.kinds == OLD], Cause.REORDERED)
        self._write(packets)
        self._end[rows] = np.maximum(self._end[rows], ahead + packets.length)
        self._expect(rows[packets.kinds >= NEXT], now)
        return rows

    def _expect(self, rows: Rows, now: float) -> None:
        """Say when the next frame was expected, judged by the newest packet, which arrived now.

        What lies before it was expected earlier by as much; so holes one after the other do not add up.
        """
        self.patience.heard(rows, now + self._span[rows] - self._end[rows] / SAMPLE_RATE)

    def _realign(self, packets: AudioPackets, ahead: NDArray[np.int64], now: float) -> NDArray[np.int64]:
        """Move the read position to packets that begin a stream, jumped, or were delayed.

        The newest packet behind the read position was delayed while the clock filled, so its audio
        still follows on what was sent; one far beyond what the clock allows is a jump of the source.
        """
        rows = packets.rows
        newest = packets.kinds >= NEXT
        since = self.patience.late(rows, now) + self._span[rows]
        possible = self._end[rows] + np.maximum(since, 0.0) * SAMPLE_RATE + _JUMP_BYTES
        possible = np.minimum(possible, RING_BYTES // 2)
        jumped = (packets.kinds == RESTART) | (newest & (ahead > possible))
        delayed = newest & (ahead < 0) & ~jumped
        if not (jumped.any() or delayed.any()):
            return ahead
        heard = self._heard[rows]
        self._counters.add_rows(rows[jumped & heard], Cause.RESYNCHRONISED)
        self._counters.add_rows(rows[delayed & heard], Cause.REALIGNED)
        self._heard[rows] = True
        moved = jumped | delayed
        for lane in rows[moved].tolist():
            self._clear(lane)
        self._read[rows[moved]] = packets.timestamp[moved]
        return np.where(moved, 0, ahead)

    def _clear(self, lane: int) -> None:
        if self._end[lane]:
            self._there[lane] = _MISSING
            self._end[lane] = 0

    def _fill_pause(self, lane: int, ahead: int) -> None:
        """The source left out audio between two consecutive packets: silence, nothing to wait for."""
        first = int(self._end[lane])
        place = (int(self._read[lane]) + np.arange(first, ahead)) & _MASK
        self._bytes[lane, place] = self.silence[lane]
        self._there[lane, place] = _QUIET
        self._allowance.charge(lane, ahead - first)
        self._counters.add(lane, Cause.DTX_FILLED_BYTES, ahead - first)

    def _write(self, packets: AudioPackets) -> None:
        if not packets.rows.size:
            return
        longest = int(packets.length.max())
        columns = np.arange(longest)
        place = ((packets.timestamp[:, None] + columns) & _MASK) + packets.rows[:, None] * RING_BYTES
        data = packets.payload[:, :longest]
        within = columns < packets.length[:, None]
        if not within.all():
            place, data = place[within], data[within]
        self._bytes.reshape(-1)[place] = data
        self._there.reshape(-1)[place] = _HERE

    def _pull(self, rows: Rows) -> Frames:
        """Take whole frames that are there from the read position on."""
        frames: Frames = []
        for _ in range(_MAX_ROUNDS):
            rows = rows[self._end[rows] >= FRAME_BYTES]
            if not rows.size:
                break
            place = self._places(rows)
            there = self._there.reshape(-1)[place]
            whole = there.all(axis=1)
            rows, place = rows[whole], place[whole]
            if not rows.size:
                break
            good = self._good(rows, self._bytes.reshape(-1)[place])
            frames.append(FrameRound(rows, good, self._holes(there[whole], PAUSE)))
            self._there.reshape(-1)[place] = _MISSING
            self._end[rows] -= FRAME_BYTES
            self._advance(rows)
        return frames

    def _conceal(self, rows: Rows) -> FrameRound:
        """Frames at the read position with what is missing made up; the position advances."""
        waited = self._end[rows] > 0
        lost = waited | ~self.patience.give_up(rows, self._end[rows] >= FRAME_BYTES)
        self._counters.add_rows(rows[waited], Cause.FRAMES_LOST_FILLED)
        self._counters.add_rows(rows[~waited], Cause.FRAMES_GAP_FILLED)
        place = self._places(rows)
        there = self._there.reshape(-1)[place]
        frames, lost = self._filled(rows, lost, self._bytes.reshape(-1)[place], there > 0)
        holes = self._holes(there, np.where(lost, LOST, PAUSE)[:, None])
        self._there.reshape(-1)[place] = _MISSING
        self._end[rows] = np.maximum(self._end[rows] - FRAME_BYTES, 0)
        self._advance(rows)
        self._allowance.charge(rows, FRAME_BYTES)
        return FrameRound(rows, frames, holes)

    def _holes(self, there: NDArray[np.uint8], missing: NDArray[np.intp] | int) -> NDArray[np.uint8] | None:
        """What wide-band lanes are to know of the octets of frames (k, 160)."""
        if not self._any_wide:
            return None
        holes = np.where(there == _QUIET, PAUSE, missing).astype(np.uint8)
        holes[there == _HERE] = THERE
        return holes

    def _good(self, rows: Rows, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return self._repair.good(rows, frames) if self._repair else frames

    def _filled(
        self, rows: Rows, lost: NDArray[np.bool_], octets: NDArray[np.uint8], there: NDArray[np.bool_]
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Fill the holes of frames: concealed where there was to be audio, for as long as it can be heard.

        Args:
            rows: The lanes (k,).
            lost: Whose source is not known to be silent (k,).
            octets: The frames (k, 160).
            there: What of them has come (k, 160).

        Returns:
            The frames (k, 160), and which of them are lost rather than silent (k,).
        """
        frames = np.where(there, octets, self.silence[rows][:, None])
        if not self._repair:
            return frames, lost
        lost = lost | self._repair.repairing(rows)
        part = there.any(axis=1) & ~self._wide[rows]
        if part.any():
            frames[part] = self._repair.mend(rows[part], octets[part], there[part])
        if (whole := lost & ~part).any():
            frames[whole] = np.where(there[whole], octets[whole], self._repair.lost(rows[whole]))
        self._counters.add_rows(rows[lost], Cause.FRAMES_CONCEALED)
        self._repair.silent(rows[~lost])
        return frames, lost

    def _places(self, rows: Rows) -> NDArray[np.int64]:
        return ((self._read[rows][:, None] + _FRAME) & _MASK) + rows[:, None] * RING_BYTES
