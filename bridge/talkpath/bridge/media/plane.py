"""The media plane: every call of a worker, served by one heartbeat of 5 ms.

`MediaPlane.beat` does all the work. Its transmit half comes first, because the pace of what callers hear is
the strictest deadline of the process: lane number modulo four is the phase, and each beat serves the phase
that is due. Then the receive half drains every socket, whatever its phase.

Time is an argument; sockets are given. Not thread safe: one thread owns a plane.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.counters import Cause, LatenessHistogram
from talkpath.bridge.media.lane import (
    FRAME_SECONDS,
    PHASES,
    TICK_SECONDS,
    Beat,
    LaneStatistics,
    Latched,
    NoFreeLane,
)
from talkpath.bridge.media.lane_controls import FIRST_CODEC, LaneControls, OpenLane
from talkpath.bridge.media.srtp import Srtp
from talkpath.bridge.media.watchdog import DEFAULT_RTP_TIMEOUT, RtpWatchdog

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from random import Random

    from talkpath.bridge.media.lane import LaneMedia, ModelFormat

__all__ = ["MediaPlane"]

MAX_CATCH_UP_TICKS: Final = 12
"""Ticks made up for after a late beat: 60 ms, three packets per lane, what a phone's jitter buffer takes.
Beyond that the slots are skipped: audio continues later instead of in a burst."""
_ROUNDING: Final = 1e-6


class MediaPlane(LaneControls):
    """RTP, jitter, playout and conversion of up to `lanes` calls.

    Args:
        lanes: The most calls at once.
        start: Monotonic seconds of the first tick; every deadline is counted from it.
        random: Source of SSRCs and first numbers; by default the operating system's.
        rtp_timeout: Seconds without RTP from a caller until `RtpStopped`.

    Attributes:
        counters: Counters by cause, per lane and in total.
        lateness: How late beats began, and how many ticks were skipped.
        tap: What follows the sound of lanes.
        on_first_lane: Called when a lane opens and none was open; the heartbeat rests until then.
    """

    def __init__(
        self,
        lanes: int,
        *,
        start: float,
        random: Random | None = None,
        rtp_timeout: float = DEFAULT_RTP_TIMEOUT,
    ) -> None:
        super().__init__(lanes, start, random)
        self.lateness = LatenessHistogram()
        self.on_first_lane: Callable[[], None] | None = None
        self._start = start
        self._next_tick = 0
        self._free = [list(range(phase, lanes, PHASES))[::-1] for phase in range(PHASES)]
        self._lanes = lanes
        self._watchdog = RtpWatchdog(self._receiver.latch.heard_at, rtp_timeout)

    def __len__(self) -> int:
        """How many lanes are open."""
        return len(self._calls)

    @property
    def next_deadline(self) -> float:
        """Monotonic seconds of the next tick."""
        return self._start + self._next_tick * TICK_SECONDS

    # --- lanes -----------------------------------------------------------------------------------

    def open_lane(
        self,
        sock: socket.socket,
        model_format: ModelFormat,
        now: float,
        rtcp_sock: socket.socket | None = None,
    ) -> int:
        """Take a lane for a call; it neither sends nor listens to anything until it is configured.

        Args:
            sock: A bound, non-blocking UDP socket; it stays the caller's to close, after `close_lane`.
            model_format: What the model sends and reads.
            now: Monotonic seconds.
            rtcp_sock: The same on the odd port above, for RTCP; without it there is RTCP only where it
                shares the RTP port.

        Raises:
            NoFreeLane: Every lane carries a call.
        """
        phase = max(range(PHASES), key=lambda number: len(self._free[number]))
        if not self._free[phase]:
            raise NoFreeLane(f"All {self._lanes} media lanes carry a call; allow more lanes or fewer calls.")
        if not self._calls:
            self._skip_rest(now)
        lane = self._free[phase].pop()
        self._calls[lane] = OpenLane(sock, rtcp_sock, model_format, now)
        self._downlink.configure(lane, model_format, FIRST_CODEC)
        self._receiver.sockets.add(lane, sock)
        self._transmitter.open(lane, sock)
        self._control.open(lane, sock, rtcp_sock)
        if rtcp_sock is not None:
            self._receiver.sockets.notice(lane, rtcp_sock)
        return lane

    def configure_lane(self, lane: int, media: LaneMedia, now: float) -> None:
        """Apply what SDP settled: at the first negotiation and at each one after it.

        SSRC, sequence and timestamp run on; queued audio is translated if the codec changed.

        Raises:
            ValueError: The remote address is not a numeric IP address, a number is out of range, or an
                SRTP key cannot be used.
        """
        _check(media)
        call = self._calls[lane]
        self._secure(lane, call, media)
        self._change_codec(lane, call, media.codec)
        receiver = self._receiver
        receiver.configure(lane, media)
        receiver.latch.configure(
            lane,
            media.remote_address,
            media.remote_port,
            signalling_host=media.signalling_host,
            authentic=call.srtp is not None,
        )
        receiver.uplink.configure(lane, call.model_format, media.codec)
        self._downlink.configure(lane, call.model_format, media.codec, media.codec_parameters)
        self._watchdog.watch(lane, now, receives=media.receives)
        if not receiver.jitter.patience.running(lane):
            receiver.jitter.start(lane, now)
        if not media.receives:
            receiver.jitter.patience.pause(np.array([lane], np.intp))
        target = receiver.latch.target(lane)
        sends = media.sends and target is not None and target[1] > 0
        self._transmitter.configure(
            lane, media.payload_type, target or ("", 0), sends=sends, clock_rate=media.clock_rate
        )
        self._transmitter.dialler.configure(lane, media.dtmf_payload_type, media.dtmf_clock_rate)
        self._control.configure(lane, media, now)

    def _secure(self, lane: int, call: OpenLane, media: LaneMedia) -> None:
        """Put SRTP between the lane and its sockets, or take it away; lanes without it know nothing of it."""
        before, srtp = call.srtp, None
        if media.local_crypto.value:
            srtp = before or Srtp(partial(self.counters.add, lane))
            srtp.configure(media.local_crypto, media.remote_crypto)
        if srtp is before:
            return
        call.srtp = srtp
        self._receiver.sockets.secure(call.sock, srtp.unprotect if srtp else None)
        self._transmitter.secure(lane, call.sock, srtp.protect if srtp else None)
        self._control.secure(lane, srtp)

    def close_lane(self, lane: int) -> LaneStatistics:
        """Give the lane back and return the figures of its call; its sockets stay open."""
        statistics = self.statistics(lane)
        self.tap.close(lane)
        self._control.close(lane, self._now)
        self.part(lane)
        call = self._calls.pop(lane)
        self._sounds.forget(lane)
        self._change_codec(lane, call, FIRST_CODEC)
        self.counters.retire(lane)  # nothing below counts any more
        self._receiver.sockets.remove(call.sock)
        if call.rtcp_sock is not None:
            self._receiver.sockets.ignore(call.rtcp_sock)
        self._transmitter.close(lane)
        self._watchdog.watch(lane, self._now, receives=False)
        self._downlink.reset(lane)
        self._receiver.reset(lane)
        self._free[lane % PHASES].append(lane)
        return statistics

    def statistics(self, lane: int) -> LaneStatistics:
        """The figures of an open lane up to the last beat, as `close_lane` returns them."""
        expected, lost, jitter = self._receiver.reception.of(lane)
        counters = self.counters.of(lane)
        played = counters.get(Cause.FRAMES_PLAYED.name.lower(), 0)
        return LaneStatistics(
            seconds=max(self._now - self._calls[lane].opened_at, 0.0),
            counters=counters,
            packets_expected=expected,
            packets_lost=max(lost + counters.get(Cause.DUPLICATE.name.lower(), 0), 0),
            jitter_ms=jitter * 1000,
            played_ms=round(played * FRAME_SECONDS * 1000),
            peer=replace(self._control.view(lane)),
        )

    def close(self) -> None:
        """Release the plane's own epoll; sockets stay open."""
        self._receiver.sockets.close()

    # --- the heartbeat ---------------------------------------------------------------------------

    def beat(self, now: float) -> Beat:
        """Do what is due at `now`: transmit, then receive.

        Returns:
            Audio for the models and events. Beats may come late or be left out: up to 60 ms are made
            up for, beyond that time is skipped.
        """
        self._now = now
        beat = Beat()
        if not self._calls:
            return beat
        self._transmit(now, beat)
        self._receiver.receive(now, beat)
        for event in beat.events:
            if isinstance(event, Latched):
                self._transmitter.aim(event.lane, (event.address, event.port))
        self._exchange_reports(now, beat)
        self._downlink.report_overflow(now, beat.events)
        self._watchdog.check(now, beat.events)
        if self.tap.active:
            self.tap.deliver_due()
        return beat

    def _exchange_reports(self, now: float, beat: Beat) -> None:
        for lane, data, source in beat.control:
            self._control.take(lane, data, source, now)
        for lane in self._receiver.sockets.noticed:
            self._control.read(lane, now)
        self._control.send_due(now)

    def _skip_rest(self, now: float) -> None:
        """Begin to count ticks again: those that nobody needed are neither late nor skipped."""
        self._next_tick = max(self._next_tick, int((now - self._start) / TICK_SECONDS + _ROUNDING))
        self.tap.tick = self._next_tick - 1
        if self.on_first_lane is not None:
            self.on_first_lane()

    def _transmit(self, now: float, beat: Beat) -> None:
        tick = int((now - self._start) / TICK_SECONDS + _ROUNDING)
        owed = tick - self._next_tick + 1
        if owed <= 0:
            return
        self.lateness.record(max(now - self.next_deadline, 0.0))
        self.lateness.skipped += owed - 1
        if owed > MAX_CATCH_UP_TICKS:
            slots = (owed - PHASES) // PHASES
            self._next_tick += slots * PHASES
            self._transmitter.skip(slots)
        first, self._next_tick = self._next_tick, tick + 1  # before anything can fail
        for number in range(first, tick + 1):
            self.tap.tick = number
            slot, phase = divmod(number, PHASES)
            self._transmitter.send(phase, slot, now, beat.events)


def _check(media: LaneMedia) -> None:
    """Refuse what would make `sendto` resolve a name or raise anything but `OSError`."""
    for address, port in filter(None, [(media.remote_address, media.remote_port), media.remote_rtcp]):
        ipaddress.ip_address(address)
        if not 0 <= port <= 65_535:
            raise ValueError(f"Remote RTP port {port}: it must be 0 to 65535.")
    for payload_type in (media.payload_type, media.dtmf_payload_type):
        if payload_type is not None and not 0 <= payload_type <= 127:
            raise ValueError(f"RTP payload type {payload_type}: it must be 0 to 127 (RFC 3550, section 5.1).")
