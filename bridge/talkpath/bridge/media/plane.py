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
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Final

from talkpath.bridge.media.control import ControlChannels
from talkpath.bridge.media.counters import Cause, Counters, LatenessHistogram
from talkpath.bridge.media.downlink import Downlink
from talkpath.bridge.media.join import Joins
from talkpath.bridge.media.lane import (
    FRAME_SECONDS,
    PHASES,
    TICK_SECONDS,
    Beat,
    LaneStatistics,
    Latched,
    NoFreeLane,
)
from talkpath.bridge.media.receive import Receiver
from talkpath.bridge.media.recording_tap import RecordingTap
from talkpath.bridge.media.sounds import SoundPlayer
from talkpath.bridge.media.srtp import Srtp
from talkpath.bridge.media.transmit import Transmitter
from talkpath.bridge.media.watchdog import DEFAULT_RTP_TIMEOUT, RtpWatchdog

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import LaneMedia, ModelFormat, PhoneCodec, Played, UplinkMode

__all__ = ["MediaPlane"]

MAX_CATCH_UP_TICKS: Final = 12
"""Ticks made up for after a late beat: 60 ms, three packets per lane, what a phone's jitter buffer takes.
Beyond that the slots are skipped: audio continues later instead of in a burst."""
_ROUNDING: Final = 1e-6
_FIRST_CODEC: Final = "PCMU"  # what the arrays of a lane hold before it is configured


class _Call:
    """What the plane remembers of one open lane besides the arrays."""

    def __init__(
        self,
        sock: socket.socket,
        rtcp_sock: socket.socket | None,
        model_format: ModelFormat,
        opened_at: float,
    ) -> None:
        self.sock = sock
        self.rtcp_sock = rtcp_sock
        self.model_format = model_format
        self.opened_at = opened_at
        self.codec: PhoneCodec = _FIRST_CODEC
        self.srtp: Srtp | None = None


class MediaPlane:
    """RTP, jitter, playout and conversion of up to `lanes` calls.

    Args:
        lanes: The most calls at once.
        start: Monotonic seconds of the first tick; every deadline is counted from it.
        random: Source of SSRCs and first numbers; by default the operating system's.
        rtp_timeout: Seconds without RTP from a caller until `RtpStopped`.

    Attributes:
        counters: Counters by cause, per lane and in total.
        lateness: How late beats began, and how many ticks were skipped.
        tap: Collects the audio of recorded lanes.
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
        self.counters = Counters(lanes)
        self.lateness = LatenessHistogram()
        self.on_first_lane: Callable[[], None] | None = None
        self._start = start
        self._now = start
        self._next_tick = 0
        self._calls: dict[int, _Call] = {}
        self._free = [list(range(phase, lanes, PHASES))[::-1] for phase in range(PHASES)]
        self._lanes = lanes
        self.tap = RecordingTap(lanes, start)
        self._receiver = Receiver(lanes, self.counters, self.tap)
        self._downlink = Downlink(lanes, self.counters)
        self._sounds = SoundPlayer(self.counters, self._downlink.wideband)
        self._joins = Joins(self.counters, self._downlink.wideband)
        self._receiver.uplink.joined = self._joins.put
        random = random or SystemRandom()
        self._transmitter = Transmitter(
            lanes,
            self.counters,
            self._downlink,
            self._sounds,
            self._joins,
            tap=self.tap,
            random=random,
            start=start,
        )
        self._control = ControlChannels(
            lanes,
            self.counters,
            self._transmitter,
            self._receiver.reception,
            self._receiver.latch,
            random=random,
        )
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
        self._calls[lane] = _Call(sock, rtcp_sock, model_format, now)
        self._downlink.configure(lane, model_format, _FIRST_CODEC)
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
        self._downlink.configure(lane, call.model_format, media.codec)
        self._watchdog.watch(lane, now, receives=media.receives)
        if not receiver.jitter.running(lane):
            receiver.jitter.start(lane, now)
        target = receiver.latch.target(lane)
        sends = media.sends and target is not None and target[1] > 0
        self._transmitter.configure(lane, media.payload_type, target or ("", 0), sends=sends)
        self._transmitter.dialler.configure(lane, media.dtmf_payload_type)
        self._control.configure(lane, media, now)

    def _secure(self, lane: int, call: _Call, media: LaneMedia) -> None:
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
        self.tap.stop(lane)
        self._control.close(lane, self._now)
        self.part(lane)
        call = self._calls.pop(lane)
        self.counters.retire(lane)
        self._receiver.sockets.remove(call.sock)
        if call.rtcp_sock is not None:
            self._receiver.sockets.ignore(call.rtcp_sock)
        self._transmitter.close(lane)
        self._watchdog.watch(lane, self._now, receives=False)
        self._sounds.stop(lane)
        self._change_codec(lane, call, _FIRST_CODEC)
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
            packets_lost=lost,
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
        self._downlink.report_overflow(beat.events)
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

    # --- what the caller hears -------------------------------------------------------------------

    def play(self, lane: int, item_id: str, audio: bytes, now: float) -> None:
        """Queue model audio, in the lane's model format and in pieces of any size.

        Pieces of one item come together; a new item follows the one before without a gap and finishes it.
        """
        self._downlink.playout(lane).play(lane, item_id, audio, now)

    def finish_item(self, lane: int, item_id: str) -> None:
        """No more audio of the item will come; `PlayoutDrained` follows when all of it went out."""
        self._downlink.playout(lane).finish(lane, item_id)

    def flush(self, lane: int, now: float) -> list[Played]:
        """Stop now (barge-in): drop what is queued, with a fade of 5 ms.

        Returns:
            Every item that was queued or playing, oldest first; `played_ms` counts the frames handed to the
            socket, the fade does not.
        """
        self._now = now
        fade = self._downlink.fade if self._transmitter.sends(lane) else None
        return self._downlink.playout(lane).flush(lane, fade)

    def position(self, lane: int) -> Played | None:
        """The item being played, or next to be, and how much of it went out."""
        return self._downlink.playout(lane).position(lane)

    def queued_ms(self, lane: int) -> int:
        """Milliseconds of model audio still to be sent."""
        return self._downlink.playout(lane).queued_ms(lane)

    def jitter_target_ms(self, lane: int) -> float:
        """Milliseconds that a hole in the caller's audio may wait at present."""
        return float(self._receiver.jitter.target[lane]) * 1000

    def idle(self, lane: int) -> bool:
        """Whether no model audio is queued, playing or expected."""
        return self._downlink.playout(lane).idle(lane)

    def play_sound(self, lane: int, samples: NDArray[np.int16], loop: bool, now: float) -> None:
        """Play 8 kHz samples whenever there is no model audio; `SoundFinished` follows unless it loops."""
        self._now = now
        self._sounds.start(lane, samples, self._calls[lane].codec, loop=loop)

    def stop_sound(self, lane: int) -> None:
        """Stop the lane's sound, if there is one."""
        self._sounds.stop(lane)

    def dial(self, lane: int, digits: str, now: float) -> None:
        """Send digits (RFC 4733) after the speech that is queued; later speech waits for `DigitsSent`.

        Raises:
            ValueError: A character is neither a key nor a pause, or digits are being sent already.
        """
        self._transmitter.dialler.dial(lane, digits, now)

    def stop_dialling(self, lane: int) -> None:
        """Send no more digits."""
        self._transmitter.dialler.stop(lane)

    def set_uplink(self, lane: int, mode: UplinkMode) -> None:
        """Choose what the model hears: the caller, silence in stream time, or nothing at all."""
        self._receiver.uplink.set_mode(lane, mode)

    def join(self, one: int, other: int) -> None:
        """Let the far ends of two lanes talk to each other; no model hears them any more.

        Raises:
            ValueError: It is one and the same lane, or one of them is joined already.
        """
        self._joins.join((one, self._calls[one].codec), (other, self._calls[other].codec))
        for lane in (one, other):
            self.set_uplink(lane, "joined")

    def part(self, lane: int) -> None:
        """End what `join` began, for both lanes; their models hear nothing. Not joined: nothing happens."""
        partner = self._joins.part(lane)
        if partner is not None:
            for each in (lane, partner):
                self.set_uplink(each, "nothing")

    def _change_codec(self, lane: int, call: _Call, codec: PhoneCodec) -> None:
        """Take what the lane holds over to another codec."""
        if codec != call.codec:
            self._receiver.change_codec(lane, call.codec, codec)
            self._sounds.change_codec(lane, codec)
            self._joins.change_codec(lane, codec)
            self.tap.recode(lane, codec)
            call.codec = codec


def _check(media: LaneMedia) -> None:
    """Refuse what would make `sendto` resolve a name or raise anything but `OSError`."""
    for address, port in filter(None, [(media.remote_address, media.remote_port), media.remote_rtcp]):
        ipaddress.ip_address(address)
        if not 0 <= port <= 65_535:
            raise ValueError(f"Remote RTP port {port}: it must be 0 to 65535.")
    for payload_type in (media.payload_type, media.dtmf_payload_type):
        if payload_type is not None and not 0 <= payload_type <= 127:
            raise ValueError(f"RTP payload type {payload_type}: it must be 0 to 127 (RFC 3550, section 5.1).")
