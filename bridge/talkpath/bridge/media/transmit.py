"""The transmit half of a beat: one RTP packet of 20 ms for every lane of a phase.

A lane sends all the time, silence when there is nothing to say, so that NAT bindings and the watchdogs of
PBXs stay alive. SSRC and sequence run on for the whole call; the timestamp is the slot number of the
heartbeat, so that it runs on through hold and through slots that were skipped. Where a codec has a clock of
another rate, another stream begins (RFC 7160, section 4.1): SSRC and timestamp are new.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from talkpath.bridge.media.counters import Cause
from talkpath.bridge.media.dialling import Dialler
from talkpath.bridge.media.lane import FRAME_BYTES, PHASES, SAMPLE_RATE
from talkpath.codecs import rtp

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from random import Random

    from numpy.typing import NDArray

    from talkpath.bridge.media.counters import Counters
    from talkpath.bridge.media.downlink import Downlink
    from talkpath.bridge.media.join import Joins
    from talkpath.bridge.media.lane import MediaEvent
    from talkpath.bridge.media.latch import Address
    from talkpath.bridge.media.sounds import SoundPlayer
    from talkpath.bridge.media.taps import Taps

    SendTo = Callable[[memoryview, Any], int]

__all__ = ["Transmitter"]

_PACKET_BYTES: Final = rtp.HEADER_LENGTH + FRAME_BYTES
_MARKER: Final = 0x80
_ONE: Final = np.uint16(1)
_BLOCKED: Final = frozenset({errno.EAGAIN, errno.ENOBUFS})
_UNREACHABLE: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ECONNREFUSED, errno.EPERM})


class _Phase:
    """The lanes of one phase that send, in the form the send loop needs.

    The packets are kept from slot to slot: of their headers only what changes is written.
    """

    def __init__(self, lanes: list[int], targets: list[tuple[SendTo, Address]]) -> None:
        self.lanes = lanes
        self.targets = targets
        self.rows = np.array(lanes, np.intp)
        self.packets = np.zeros((len(lanes), _PACKET_BYTES), np.uint8)
        self.payloads = self.packets[:, rtp.HEADER_LENGTH :]
        self.views = [row.data for row in self.packets]
        self.kind = self.packets[:, 1]
        self.sequence_field = self.packets[:, 2:4].view(">u2")[:, 0]
        self.timestamp_field = self.packets[:, 4:8].view(">u4")[:, 0]
        self.payload_type = np.zeros(len(lanes), np.uint8)
        self.sequence = np.zeros(len(lanes), np.uint16)  # the next; runs over by itself
        self.timestamp = np.zeros(len(lanes), np.uint32)  # of slot 0
        self.clock: NDArray[np.uint32] | None = None  # its ticks in 1/8000 s; None: one, on all lanes
        self.talking = np.zeros(len(lanes), np.bool_)
        self.marked = False
        self.sent = 0  # slots served since this was arranged


class Transmitter:
    """Sends for all lanes.

    Args:
        lanes: Number of lanes.
        counters: Where packets and errors are counted.
        downlink: Where the audio comes from.
        sounds: What fills the time without it.
        joins: Gives the audio of other lanes.
        tap: Where followed lanes leave what they send.
        random: Source of SSRCs and first numbers (RFC 3550, sections 5.1 and 8.1).
        start: Monotonic seconds of slot 0.

    Attributes:
        dialler: The digits that lanes send.
    """

    def __init__(
        self,
        lanes: int,
        counters: Counters,
        downlink: Downlink,
        sounds: SoundPlayer,
        joins: Joins,
        *,
        tap: Taps,
        random: Random,
        start: float = 0.0,
    ) -> None:
        self.dialler = Dialler(lanes, downlink)
        self._start = start
        self._counters = counters
        self._downlink = downlink
        self._sounds = sounds
        self._joins = joins
        self._tap = tap
        self._random = random
        self._ssrc = np.zeros(lanes, np.int64)
        self._sequence = np.zeros(lanes, np.int64)
        self._first_sequence = np.zeros(lanes, np.int64)
        self._begun_at = np.zeros(lanes, np.int64)  # the same of the stream with the present SSRC
        self._timestamp = np.zeros(lanes, np.int64)
        self._payload_type = np.zeros(lanes, np.int64)
        self._clock = np.ones(lanes, np.uint32)
        self._short = np.zeros(lanes, np.int64)  # octets by which packets were shorter than a frame of G.711
        self._talking = np.zeros(lanes, np.bool_)
        self._sendto: dict[int, SendTo] = {}
        self._targets: dict[int, Address] = {}
        self._phases = [_Phase([], []) for _ in range(PHASES)]
        counters.derive(self._count_sent)

    def open(self, lane: int, sock: socket.socket) -> None:
        """Give a lane its socket and the numbers its stream starts with; nothing is sent yet."""
        # SRTP: far from its wrap, whose loss a receiver could not notice (RFC 3711, section 3.3.1).
        self._sequence[lane] = self._first_sequence[lane] = self._random.getrandbits(15)
        self._begin_stream(lane)
        self._talking[lane] = False
        self._sendto[lane] = sock.sendto

    def configure(
        self, lane: int, payload_type: int, target: Address, *, sends: bool, clock_rate: int = SAMPLE_RATE
    ) -> None:
        """Set what a lane sends and where to; `sends=False` pauses it (hold)."""
        self._payload_type[lane] = payload_type
        self._set_clock(lane, clock_rate // SAMPLE_RATE)
        before = self._targets.pop(lane, None)
        if sends:
            self._targets[lane] = target
        if sends or before is not None:
            self._arrange(lane % PHASES, paused=lane)

    def _set_clock(self, lane: int, ticks: int) -> None:
        if ticks != self._clock[lane]:
            self._clock[lane] = ticks
            self._remember(self._phases[lane % PHASES])
            self._begin_stream(lane)

    def _begin_stream(self, lane: int) -> None:
        self._ssrc[lane] = self._random.getrandbits(32)
        self._timestamp[lane] = self._random.getrandbits(32)
        self._begun_at[lane], self._short[lane] = self._sequence[lane], 0

    def secure(self, lane: int, sock: socket.socket, protect: Callable[[memoryview], bytes] | None) -> None:
        """Encrypt what a lane sends, or no longer; `configure` must follow."""
        self._sendto[lane] = _sealed(sock.sendto, protect) if protect else sock.sendto

    def aim(self, lane: int, target: Address) -> None:
        """Send to another address from now on; a paused lane stays paused."""
        if lane in self._targets:
            self._targets[lane] = target
            self._arrange(lane % PHASES)

    def close(self, lane: int) -> None:
        """Stop sending and forget the socket."""
        self.dialler.stop(lane)
        self.dialler.configure(lane, None)
        self._sendto.pop(lane, None)
        if self._targets.pop(lane, None) is not None:
            self._arrange(lane % PHASES)
        self._sequence[lane] = self._first_sequence[lane] = self._short[lane] = 0
        self._clock[lane] = 1

    def sends(self, lane: int) -> bool:
        """Whether the lane is sending."""
        return lane in self._targets

    def sender(self, lane: int, now: float) -> tuple[int, int, int, int]:
        """SSRC of a lane, its RTP timestamp at `now`, and the packets and octets of payload sent with it."""
        self._remember(self._phases[lane % PHASES])
        passed = round((now - self._start) * SAMPLE_RATE * int(self._clock[lane]))
        timestamp = (int(self._timestamp[lane]) + passed) & 0xFFFFFFFF
        packets = int(self._sequence[lane] - self._begun_at[lane])
        return int(self._ssrc[lane]), timestamp, packets, packets * FRAME_BYTES - int(self._short[lane])

    def skip(self, slots: int) -> None:
        """Note that slots were left out; the next audio is a new talkspurt to its receiver."""
        rows = np.array(list(self._targets), np.intp)
        self._counters.table[rows, Cause.FRAMES_SKIPPED] += slots
        for phase in self._phases:
            phase.talking = np.zeros(len(phase.lanes), np.bool_)

    def send(self, phase: int, slot: int, now: float, events: list[MediaEvent]) -> None:
        """Send one packet of each lane of a phase.

        Args:
            phase: 0 to 3.
            slot: Number of the 20 ms slot since the plane's start; the timestamps follow from it.
            now: Monotonic seconds.
            events: Playout's events are appended.
        """
        group = self._phases[phase]
        if not group.lanes:
            return
        talking = self._downlink.take(group.rows, group.payloads, now, events)
        talking = self._joins.take(group.rows, talking, group.payloads)
        carries = self._sounds.take(group.rows, talking, group.payloads, events)
        self._downlink.fill(group.rows, carries, group.payloads)
        short = self._downlink.encode(group.rows, group.payloads)
        if self._tap.active:
            self._tap.agent(group.rows, group.payloads, slot)
            self._tap.agent_samples(group.rows, self._downlink.wideband.samples, slot)
        begins = talking > group.talking
        group.talking = talking
        marks = bool(begins.any())
        if marks or group.marked:
            group.kind[:] = np.where(begins, group.payload_type | _MARKER, group.payload_type)
            group.marked = marks
        group.sequence_field[:] = group.sequence
        group.sequence += _ONE
        passed = np.uint32(slot * FRAME_BYTES & 0xFFFFFFFF)
        group.timestamp_field[:] = group.timestamp + (passed if group.clock is None else passed * group.clock)
        group.sent += 1
        views = self._shortened(group, short) if short else group.views
        if self.dialler.active:
            self._hand_over(group, self.dialler.replace(group.lanes, group.packets, views, now, events))
        else:
            self._hand_over(group, views)

    def _shortened(self, group: _Phase, octets: dict[int, int]) -> list[memoryview]:
        """The packets of a phase, those of some rows with fewer octets of payload."""
        views = group.views.copy()
        for number, count in octets.items():
            views[number] = views[number][: rtp.HEADER_LENGTH + count]
            self._short[group.lanes[number]] += FRAME_BYTES - count
        return views

    def _hand_over(self, group: _Phase, packets: Sequence[memoryview]) -> None:
        for (sendto, target), packet, lane in zip(group.targets, packets, group.lanes, strict=True):
            try:
                sendto(packet, target)
            except OSError as error:
                self._counters.add(lane, _cause_of(error))

    def _arrange(self, number: int, paused: int | None = None) -> None:
        """Rebuild what the send loop of a phase walks over; the audio of a lane that paused begins anew."""
        self._remember(self._phases[number])
        if paused is not None:
            self._talking[paused] = False
        lanes = sorted(lane for lane in self._targets if lane % PHASES == number)
        group = _Phase(lanes, [(self._sendto[lane], self._targets[lane]) for lane in lanes])
        rows = group.rows
        group.payload_type[:] = self._payload_type[rows]
        group.sequence[:] = self._sequence[rows] & 0xFFFF
        group.timestamp[:] = self._timestamp[rows]
        group.clock = self._clock[rows] if (self._clock[rows] > 1).any() else None
        group.talking[:] = self._talking[rows]
        rtp.write_headers(group.packets, group.payload_type, 0, 0, self._ssrc[rows], False)
        self._phases[number] = group

    def _remember(self, group: _Phase) -> None:
        self._sequence[group.rows] += group.sent
        group.sent = 0
        self._talking[group.rows] = group.talking

    def _count_sent(self) -> None:
        for group in self._phases:
            self._remember(group)
        self._counters.table[:, Cause.PACKETS_SENT] = self._sequence - self._first_sequence


def _sealed(sendto: SendTo, protect: Callable[[memoryview], bytes]) -> SendTo:
    def send_sealed(packet: memoryview, target: Address) -> int:
        return sendto(memoryview(protect(packet)), target)

    return send_sealed


def _cause_of(error: OSError) -> Cause:
    if error.errno in _BLOCKED:
        return Cause.SEND_BLOCKED
    return Cause.SEND_UNREACHABLE if error.errno in _UNREACHABLE else Cause.SEND_FAILED
