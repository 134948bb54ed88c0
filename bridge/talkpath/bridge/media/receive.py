"""The receive half of a beat: from the sockets of all lanes to the frames their models read.

Each round holds at most one packet per lane, so every step is one array operation over the round. A packet
that is exactly what its lane expects (`in_order`) goes straight to the model's encoder. All others go the
long way: parse, tell payload types apart, check the source, follow the sequence, and hand audio to the jitter
ring. What does not belong is counted by cause and dropped.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from talkpath.bridge.media.counters import Cause
from talkpath.bridge.media.digits import DigitReader
from talkpath.bridge.media.g711_law import LAWS
from talkpath.bridge.media.in_order import InOrder, placed
from talkpath.bridge.media.jitter import JitterRing
from talkpath.bridge.media.lane import FRAME_BYTES, SAMPLE_RATE, Latched
from talkpath.bridge.media.latch import Claim, Latch
from talkpath.bridge.media.packet_stream import RingClock
from talkpath.bridge.media.packets import AudioPackets, MediaRound
from talkpath.bridge.media.reception_log import ReceptionLog
from talkpath.bridge.media.repair import LossRepair
from talkpath.bridge.media.sequence import DROP, RESTART, SequenceTracker
from talkpath.bridge.media.sockets import PACKET_BYTES, SocketSet
from talkpath.bridge.media.uplink import UplinkEncoder
from talkpath.bridge.media.wideband import FAMILIES
from talkpath.codecs import rtp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.bridge.media.counters import Counters
    from talkpath.bridge.media.jitter import Frames
    from talkpath.bridge.media.lane import Beat, LaneMedia, PhoneCodec
    from talkpath.bridge.media.sockets import Arrivals
    from talkpath.bridge.media.taps import Taps

__all__ = ["Receiver"]

_UNSET: Final = -1
_FRAME_PACKET: Final = rtp.HEADER_LENGTH + FRAME_BYTES
_SETTLE_INTERVAL: Final = 0.25
_COMFORT_NOISE: Final = 13  # RFC 3551, table 4
_AUDIO, _EVENT, _NOISE, _FOREIGN = 0, 1, 2, 3


class Receiver:
    """The receive half of all lanes.

    Args:
        lanes: Number of lanes.
        counters: Where everything that arrives is counted.
        tap: Where followed lanes leave what the caller says.

    Attributes:
        sockets: The sockets it drains.
        latch: The source of each lane.
        jitter: The jitter ring.
        uplink: The encoder towards the models.
        digits: The key presses.
        reception: The statistics.
    """

    def __init__(self, lanes: int, counters: Counters, tap: Taps) -> None:
        self._tap = tap
        counters.derive(self.settle)  # before the others, who count what it tells them
        self.sockets = SocketSet(lanes, counters)
        self.latch = Latch(lanes)
        self.jitter = JitterRing(lanes, counters, LossRepair(lanes))
        self.uplink = UplinkEncoder(lanes)
        self.uplink.decoded = self._record
        self._now = 0.0
        self.digits = DigitReader(lanes)
        self.reception = ReceptionLog(lanes, counters, self.jitter.target)
        self._counters = counters
        self._sequences = SequenceTracker(lanes, counters)
        self._in_order = InOrder(lanes)
        self._all = np.arange(lanes)
        self._next_settle = 0.0
        self._left_over: list[tuple[int, bytes]] = []  # of codecs that lanes have left
        self._payload_type = np.full(lanes, _UNSET, np.int16)
        self._event_type = np.full(lanes, _UNSET, np.int16)
        self._receives = np.zeros(lanes, np.bool_)
        self._clock = RingClock(lanes)  # fast: of codecs whose packets are held until they leave the ring

    def configure(self, lane: int, media: LaneMedia) -> None:
        """Set what a lane takes."""
        self._leave_order(np.array([lane], np.intp))
        self._payload_type[lane] = media.payload_type
        self._event_type[lane] = _UNSET if media.dtmf_payload_type is None else media.dtmf_payload_type
        self._receives[lane] = media.receives
        self._clock.configure(lane, fast=media.clock_rate != SAMPLE_RATE)
        self.digits.configure(lane, media.dtmf_clock_rate)

    def change_codec(self, lane: int, old: PhoneCodec, new: PhoneCodec) -> None:
        """Take what waits of the old codec along, translated or as audio for the model's next beat."""
        self._leave_order(np.array([lane], np.intp))
        if old in LAWS and new in LAWS:
            self.jitter.recode(lane, LAWS[old].to_other, LAWS[new].silence)
        else:
            wide = new in FAMILIES
            silence = FAMILIES[new].silence if wide else LAWS[new].silence
            self._encode(self.jitter.change_codec(lane, silence, wide=wide), self._now, self._left_over)

    def reset(self, lane: int) -> None:
        """Make the lane ready for another call."""
        self._leave_order(np.array([lane], np.intp))
        self._payload_type[lane] = self._event_type[lane] = _UNSET
        self._receives[lane] = False
        self._clock.configure(lane, fast=False)
        self._sequences.reset(lane)
        self.latch.reset(lane)
        self.jitter.stop(lane)
        self._left_over = [entry for entry in self._left_over if entry[0] != lane]
        self.uplink.reset(lane)
        self.digits.reset(lane)
        self.reception.reset(lane)

    def settle(self) -> None:
        """Bring the lanes whose packets are recognised up to date."""
        rows, steps = self._in_order.settle(self._all)
        if rows.size:
            self._sequences.follow(rows, steps)
            spendthrift = self.jitter.follow(rows, steps)
            if spendthrift.any():
                self._in_order.forget(rows[spendthrift])

    def receive(self, now: float, beat: Beat) -> None:
        """Drain the sockets and append uplink frames and events to the beat."""
        self._now = now
        if self._left_over:
            beat.uplink += self._left_over
            self._left_over.clear()
        for arrivals in self.sockets.rounds():
            if arrivals.lanes:
                self._take(arrivals, now, beat)
        if now >= self._next_settle:
            self._next_settle = now + _SETTLE_INTERVAL
            self.settle()
        # What a hole waits for may still be in the kernel.
        if self.sockets.drained and (overdue := self.jitter.overdue(now)).size:
            self._leave_order(overdue)
            self._encode(self.jitter.expire(now), now, beat.uplink)
        self.digits.poll(now, beat.events)
        self.reception.settle(now)

    def _take(self, arrivals: Arrivals, now: float, beat: Beat) -> None:
        """Take the packets that their lanes expect; the others go the long way."""
        count = len(arrivals.lanes)
        rows = np.array(arrivals.lanes, np.intp)
        first = arrivals.packets[:, : rtp.HEADER_LENGTH]
        head = first[:, :8].view(">u8")[:, 0].astype(np.uint64)
        expected = self._in_order.recognise(rows, head, first[:, 8:].view(">u4")[:, 0])
        locked = tuple(map(self.latch.locked.__getitem__, arrivals.lanes))
        if arrivals.lengths.count(_FRAME_PACKET) != count or locked != arrivals.sources:
            expected &= np.array(
                [
                    length == _FRAME_PACKET and source == known
                    for length, source, known in zip(arrivals.lengths, arrivals.sources, locked, strict=True)
                ]
            )
        payloads = arrivals.packets[:, rtp.HEADER_LENGTH : _FRAME_PACKET]
        if expected.all():
            self._pass(rows, head, payloads, now, beat)
            return
        if expected.any():
            self._pass(rows[expected], head[expected], payloads[expected], now, beat)
            arrivals = arrivals.select(np.flatnonzero(~expected))
            rows = rows[~expected]
        self._leave_order(rows)
        self._examine(arrivals, rows, now, beat)
        if _FRAME_PACKET in arrivals.lengths:  # phones with other packet times go the long way each time
            self._expect(rows)

    def _pass(
        self,
        rows: NDArray[np.intp],
        head: NDArray[np.uint64],
        payloads: NDArray[np.uint8],
        now: float,
        beat: Beat,
    ) -> None:
        """Packets in order leave as they came; everybody else learns of them in `settle`."""
        self._in_order.advance(rows)
        self.jitter.pass_by(rows, payloads, now)
        self.latch.heard_at[rows] = now
        self.reception.add(rows, head, now)
        if self._tap.active:
            self._tap.caller(rows, payloads, now)
        self.uplink.encode(rows, payloads, beat.uplink)

    def _leave_order(self, rows: NDArray[np.intp]) -> None:
        """Something else happens on these lanes: settle them and expect nothing."""
        if not self._in_order.expects(rows):
            return
        moved, steps = self._in_order.settle(rows)
        if moved.size:
            self._sequences.follow(moved, steps)
            self.jitter.follow(moved, steps)
        self._in_order.forget(rows)

    def _expect(self, rows: NDArray[np.intp]) -> None:
        """Recognise the next packets of those lanes that hold nothing back."""
        ready = self.jitter.empty(rows) & self._receives[rows]
        if self._clock.any_fast:
            ready &= ~self._clock.fast[rows]
        rows = rows[ready & (self._payload_type[rows] != _UNSET)]
        if rows.size:
            sequence, ssrc = self._sequences.expected(rows)
            timestamp = self.jitter.next_timestamp(rows)
            self._in_order.expect(rows, self._payload_type[rows], sequence, timestamp, ssrc)

    def _examine(self, arrivals: Arrivals, rows: NDArray[np.intp], now: float, beat: Beat) -> None:
        lengths = np.array(arrivals.lengths, np.intp)
        parsed = rtp.parse(arrivals.packets, lengths)
        locked = self.latch.locked
        known = np.array(
            [source == locked[lane] for lane, source in zip(arrivals.lanes, arrivals.sources, strict=True)]
        )
        audio = (parsed.payload_type == self._payload_type[rows]) & (parsed.reject == 0)
        audio &= known & self._receives[rows] & (lengths < PACKET_BYTES)
        if audio.all():
            self._follow(_round(rows, arrivals, parsed, np.zeros(len(rows), np.int8)), now, beat)
            return
        for index in np.flatnonzero(parsed.reject == rtp.RejectCause.RTCP).tolist():
            data = arrivals.packets[index, : arrivals.lengths[index]].tobytes()
            beat.control.append((arrivals.lanes[index], data, arrivals.sources[index]))
        kinds, valid = self._sort(rows, lengths, parsed)
        arrived = _round(rows, arrivals, parsed, kinds)
        known |= self._latched(arrived, arrivals.sources, valid & ~known, now, beat)
        valid &= known
        valid &= self._receiving(rows, valid)
        if valid.any():
            self._follow(arrived if valid.all() else arrived.select(np.flatnonzero(valid)), now, beat)

    def _sort(
        self, rows: NDArray[np.intp], lengths: NDArray[np.intp], parsed: rtp.ParsedPackets
    ) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
        """Tell audio, key presses and comfort noise apart; count and refuse everything else."""
        payload_type = parsed.payload_type
        kinds = np.full(len(rows), _FOREIGN, np.int8)
        kinds[payload_type == _COMFORT_NOISE] = _NOISE
        kinds[payload_type == self._event_type[rows]] = _EVENT
        kinds[payload_type == self._payload_type[rows]] = _AUDIO
        malformed = parsed.reject != 0
        self._counters.table[rows[malformed], parsed.reject[malformed]] += 1
        oversized = ~malformed & (lengths >= PACKET_BYTES)
        self._counters.add_rows(rows[oversized], Cause.OVERSIZED)
        sound = ~malformed & ~oversized
        unset = sound & (self._payload_type[rows] == _UNSET)
        self._counters.add_rows(rows[unset], Cause.NOT_RECEIVING)
        foreign = sound & ~unset & (kinds == _FOREIGN)
        self._counters.add_rows(rows[foreign], Cause.WRONG_PAYLOAD_TYPE)
        return kinds, sound & ~unset & ~foreign

    def _latched(
        self,
        arrived: MediaRound,
        sources: tuple[Any, ...],
        strange: NDArray[np.bool_],
        now: float,
        beat: Beat,
    ) -> NDArray[np.bool_]:
        """Which strange packets make their sender the lane's source; only negotiated media may."""
        latched = np.zeros(len(strange), np.bool_)
        for index in np.flatnonzero(strange).tolist():
            lane, source = int(arrived.rows[index]), sources[index]
            before = self.latch.locked[lane]
            if arrived.kinds[index] != _NOISE:
                ssrc, sequence = int(arrived.ssrc[index]), int(arrived.sequence[index])
                ahead = self._sequences.ahead(lane, ssrc, sequence)
                latched[index] = self.latch.admit(lane, Claim(source, ssrc, sequence, ahead), now)
            if latched[index]:
                beat.events.append(Latched(lane, *source[:2]))
                self._counters.add(lane, Cause.RELATCHED, int(before is not None))
            else:
                self._counters.add(lane, Cause.WRONG_SOURCE)
        return latched

    def _receiving(self, rows: NDArray[np.intp], valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
        receiving = self._receives[rows]
        self._counters.add_rows(rows[valid & ~receiving], Cause.NOT_RECEIVING)
        return receiving

    def _follow(self, arrived: MediaRound, now: float, beat: Beat) -> None:
        """Follow the sequence of every admitted packet, then give each kind to its reader."""
        rows = arrived.rows
        self.latch.heard_at[rows] = now
        order = self._sequences.track(rows, arrived.sequence.astype(np.int64), arrived.ssrc.astype(np.int64))
        if (restarted := order == RESTART).any():
            self.reception.begin_source(rows[restarted], arrived.ssrc[restarted])
            for lane in rows[restarted].tolist():
                self.digits.restart(lane)
        timed, in_ticks = not arrived.kinds.any(), arrived
        if self._clock.any_fast:
            arrived = replace(arrived, timestamp=self._clock.in_octets(rows, arrived.timestamp))
        self.reception.add(rows, placed(arrived.sequence, arrived.timestamp), now, timed=timed)
        if not timed:
            self._other_kinds(in_ticks, now, beat)
            audio = np.flatnonzero(arrived.kinds == _AUDIO)
            if not audio.size:
                return
            arrived, order = arrived.select(audio), order[audio]
        self._play(arrived, order, now, beat)

    def _play(self, arrived: MediaRound, order: NDArray[np.int8], now: float, beat: Beat) -> None:
        """Give audio packets to the jitter ring."""
        self.reception.delay.came(arrived.rows, arrived.timestamp, now)
        if self._clock.any_fast:
            arrived, order = self._held(arrived, order)
        packets = arrived.packets
        for number in np.flatnonzero(arrived.offset != rtp.HEADER_LENGTH).tolist():
            payload = arrived.payload(number).copy()
            packets[number, rtp.HEADER_LENGTH : rtp.HEADER_LENGTH + len(payload)] = payload
        payloads = packets[:, rtp.HEADER_LENGTH :]
        timestamp = arrived.timestamp.astype(np.int64)
        audio = AudioPackets(arrived.rows, timestamp, order, payloads, arrived.length)
        self._encode(self.jitter.offer(audio, now), now, beat.uplink)

    def _held(self, arrived: MediaRound, order: NDArray[np.int8]) -> tuple[MediaRound, NDArray[np.int8]]:
        """Put numbers in place of packets that are no octets of sound; those that are malformed drop out."""
        sound = np.ones(len(arrived.rows), np.bool_)
        for number in np.flatnonzero(self._clock.fast[arrived.rows] & (order != DROP)).tolist():
            lane, payload = int(arrived.rows[number]), arrived.payload(number).tobytes()
            held, octets = self.uplink.hold(lane, payload, int(arrived.timestamp[number]))
            arrived.packets[number, rtp.HEADER_LENGTH : rtp.HEADER_LENGTH + octets] = held
            arrived.offset[number], arrived.length[number] = rtp.HEADER_LENGTH, octets
            if not octets:
                self._counters.add(lane, Cause.BAD_PAYLOAD)
                sound[number] = False
        return (arrived, order) if sound.all() else (arrived.select(np.flatnonzero(sound)), order[sound])

    def _other_kinds(self, arrived: MediaRound, now: float, beat: Beat) -> None:
        """Read key presses; these and comfort noise say that the source is silent on purpose."""
        self.jitter.patience.pause(arrived.rows[arrived.kinds != _AUDIO])
        self._counters.add_rows(arrived.rows[arrived.kinds == _NOISE], Cause.COMFORT_NOISE)
        for number in np.flatnonzero(arrived.kinds == _EVENT).tolist():
            lane, payload = int(arrived.rows[number]), arrived.payload(number).tobytes()
            self._counters.add(lane, Cause.DTMF_PACKETS)
            self.digits.feed(lane, payload, int(arrived.timestamp[number]), now, beat.events)

    def _record(self, rows: NDArray[np.intp], samples: NDArray[np.int16]) -> None:
        """Keep what wide-band lanes decoded, if they are recorded."""
        if self._tap.active:
            self._tap.caller_samples(rows, samples, self._now)

    def _encode(self, frames: Frames, now: float, into: list[tuple[int, bytes]]) -> None:
        for rows, codes, holes in frames:
            if self._tap.active:
                self._tap.caller(rows, codes, now)
            self.uplink.encode(rows, codes, into, holes)


def _round(
    rows: NDArray[np.intp], arrivals: Arrivals, parsed: rtp.ParsedPackets, kinds: NDArray[np.int8]
) -> MediaRound:
    return MediaRound(
        rows,
        kinds,
        parsed.sequence,
        parsed.timestamp,
        parsed.ssrc,
        parsed.payload_offset,
        parsed.payload_length,
        arrivals.packets,
    )
