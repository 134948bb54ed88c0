"""RTCP of all lanes (RFC 3550, section 6): a report every five seconds or so, and what the peer reports.

A lane's RTCP has the odd port above its RTP, or shares the RTP port (RFC 5761). Both parties are always two,
so that the interval is the least one, randomised between half and one and a half times (section 6.2); what
reconsiders and scales it for conferences is left out. NTP times are elapsed ones, as section 4 permits: they
serve the round trip, not the time of day.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from talkpath.bridge.media.counters import Cause
from talkpath.bridge.media.lane import SAMPLE_RATE, PeerView
from talkpath.codecs import rtcp

if TYPE_CHECKING:
    import socket
    from random import Random

    from talkpath.bridge.media.counters import Counters
    from talkpath.bridge.media.lane import LaneMedia
    from talkpath.bridge.media.latch import Address, Latch
    from talkpath.bridge.media.reception_log import ReceptionLog
    from talkpath.bridge.media.srtp import Srtp
    from talkpath.bridge.media.transmit import Transmitter

__all__ = ["ControlChannels"]

REPORT_INTERVAL: Final = 5.0
_MOST_BYTES: Final = 1_024
_MOST_PER_BEAT: Final = 4  # datagrams of one lane
_NEVER: Final = np.inf


@dataclass(slots=True, eq=False)
class _Channel:
    """The RTCP of one lane."""

    rtp_socket: socket.socket
    own_socket: socket.socket | None
    cname: str
    srtp: Srtp | None = None
    muxed: bool = False
    clock_rate: int = SAMPLE_RATE  # of its RTP
    media_host: str = ""  # of its RTP, by its SDP
    signalled: Address | None = None  # where the far end listens for RTCP, by its SDP
    heard: Address | None = None  # where its RTCP came from
    packets_reported: int = 0
    sender_report: int = 0  # middle of the NTP time of the peer's last one
    sender_report_at: float = 0.0
    view: PeerView = field(default_factory=PeerView)


class ControlChannels:
    """Sends and reads the reports of all lanes.

    Args:
        lanes: Number of lanes.
        counters: Where packets are counted.
        transmitter: Knows what was sent.
        reception: Knows what was received.
        latch: Knows who the far end is.
        random: Source of names and intervals.
    """

    def __init__(
        self,
        lanes: int,
        counters: Counters,
        transmitter: Transmitter,
        reception: ReceptionLog,
        latch: Latch,
        *,
        random: Random,
    ) -> None:
        self._counters = counters
        self._transmitter = transmitter
        self._reception = reception
        self._latch = latch
        self._random = random
        self._channels: dict[int, _Channel] = {}
        self._due = np.full(lanes, _NEVER)
        self._earliest = _NEVER

    def open(self, lane: int, rtp_socket: socket.socket, own_socket: socket.socket | None) -> None:
        """Give a lane its sockets; without one of its own it has RTCP only if it shares the RTP port."""
        name = base64.b64encode(self._random.randbytes(12)).decode()  # RFC 7022, section 4.2
        self._channels[lane] = _Channel(rtp_socket, own_socket, name)

    def configure(self, lane: int, media: LaneMedia, now: float) -> None:
        """Set where the far end takes RTCP: at a port of its own, or where it takes RTP; reports begin."""
        channel = self._channels[lane]
        channel.muxed = media.rtcp_mux
        channel.clock_rate = media.clock_rate
        channel.media_host = media.remote_address
        signalled = media.remote_rtcp or _next_port(media.remote_address, media.remote_port)
        if channel.signalled != signalled:
            channel.signalled, channel.heard = signalled, None
        if self._due[lane] == _NEVER and (channel.muxed or channel.own_socket is not None):
            self._schedule(lane, now, REPORT_INTERVAL / 2)  # the first comes sooner (section 6.2)

    def secure(self, lane: int, srtp: Srtp | None) -> None:
        """Encrypt the lane's RTCP; what comes to the RTP port has been opened before it comes here."""
        self._channels[lane].srtp = srtp

    def close(self, lane: int, now: float) -> None:
        """Say BYE, if anything was reported, and forget the lane; before its transmitter does."""
        channel = self._channels.pop(lane)
        self._due[lane] = _NEVER
        if channel.view.reports_sent and (target := self._target(lane, channel)):
            report = self._report(lane, channel, now)
            self._send(lane, channel, rtcp.build_goodbye(report, channel.cname), target)

    def view(self, lane: int) -> PeerView:
        """What the far end says about the call."""
        return self._channels[lane].view

    # --- sending ---------------------------------------------------------------------------------

    def send_due(self, now: float) -> None:
        """Send the reports whose time has come."""
        if now < self._earliest:
            return
        for lane in np.flatnonzero(self._due <= now).tolist():
            self._schedule(lane, now, REPORT_INTERVAL)
            channel = self._channels[lane]
            if target := self._target(lane, channel):
                report = self._report(lane, channel, now)
                self._send(lane, channel, rtcp.build_report(report, channel.cname), target)
                channel.view.reports_sent += 1
        self._earliest = float(self._due.min())

    def _schedule(self, lane: int, now: float, interval: float) -> None:
        self._due[lane] = now + interval * self._random.uniform(0.5, 1.5)
        self._earliest = min(self._earliest, float(self._due[lane]))

    def _report(self, lane: int, channel: _Channel, now: float) -> rtcp.SenderReport | rtcp.ReceiverReport:
        ssrc, timestamp, packets, octets = self._transmitter.sender(lane, now)
        blocks = self._blocks(lane, channel, now)
        sent, channel.packets_reported = packets != channel.packets_reported, packets
        if not sent:
            return rtcp.ReceiverReport(ssrc, blocks)
        return rtcp.SenderReport(ssrc, _ntp(now), timestamp, packets, octets, blocks)

    def _blocks(self, lane: int, channel: _Channel, now: float) -> tuple[rtcp.ReportBlock, ...]:
        source, figures = self._reception.report(lane)
        if source is None:
            return ()
        since = round((now - channel.sender_report_at) * 65_536) if channel.sender_report else 0
        return (
            rtcp.ReportBlock(
                ssrc=source,
                fraction_lost=int(figures.fraction_lost[0]),
                lost=int(figures.lost[0]),
                highest_sequence=int(figures.highest_sequence[0]),
                jitter=int(figures.jitter[0]) * channel.clock_rate // SAMPLE_RATE,
                last_report=channel.sender_report,
                since_last_report=min(since, 0xFFFFFFFF),
            ),
        )

    def _target(self, lane: int, channel: _Channel) -> Address | None:
        """Where reports go: where the far end's came from, else beside its RTP."""
        media = self._latch.target(lane)
        if channel.muxed or media is None:
            return media if media and media[1] else None
        if channel.heard is not None:
            return channel.heard
        if media[0] == channel.media_host:
            return channel.signalled
        return _next_port(media[0], media[1])

    def _send(self, lane: int, channel: _Channel, packet: bytes, target: Address) -> None:
        sock = channel.rtp_socket if channel.muxed else channel.own_socket
        if sock is None:
            return
        try:
            sock.sendto(channel.srtp.protect_control(packet) if channel.srtp else packet, target)
        except OSError:  # the far end need not take RTCP at all
            self._counters.add(lane, Cause.RTCP_UNSENT)
        else:
            self._counters.add(lane, Cause.RTCP_SENT)

    # --- receiving -------------------------------------------------------------------------------

    def read(self, lane: int, now: float) -> None:
        """Read what waits at the lane's own RTCP socket."""
        channel = self._channels[lane]
        if channel.own_socket is None:
            return
        for _ in range(_MOST_PER_BEAT):
            try:
                data, source = channel.own_socket.recvfrom(_MOST_BYTES)
            except BlockingIOError:
                return
            except OSError:
                self._counters.add(lane, Cause.RECEIVE_ERRORS)
                return
            self._read_separate(lane, channel, data, source, now)

    def _read_separate(self, lane: int, channel: _Channel, data: bytes, source: Any, now: float) -> None:
        media = self._latch.target(lane)
        if media is None or source[0] not in {media[0], (channel.signalled or media)[0]}:
            self._counters.add(lane, Cause.WRONG_SOURCE)
            return
        opened = channel.srtp.unprotect_control(data) if channel.srtp else data
        if opened is not None and self._understood(lane, channel, opened, now):
            channel.heard = source

    def take(self, lane: int, data: bytes, source: Any, now: float) -> None:
        """Take RTCP that came to the RTP port; only the lane's source is listened to."""
        if source == self._latch.locked[lane]:
            self._understood(lane, self._channels[lane], data, now)

    def _understood(self, lane: int, channel: _Channel, data: bytes, now: float) -> bool:
        items = rtcp.parse(data)
        if isinstance(items, rtcp.RtcpRejectCause):
            self._counters.add(lane, Cause.RTCP_MALFORMED)
            return False
        if not channel.muxed:  # those on the RTP port were counted there
            self._counters.add(lane, Cause.RTCP)
        for item in items:
            self._apply(lane, channel, item, now)
        return True

    def _apply(self, lane: int, channel: _Channel, item: rtcp.RtcpItem, now: float) -> None:
        if isinstance(item, rtcp.Goodbye):
            channel.view.said_goodbye = True
            return
        channel.view.reports_received += 1
        channel.view.said_goodbye = False
        if isinstance(item, rtcp.SenderReport):
            channel.sender_report, channel.sender_report_at = (item.ntp >> 16) & 0xFFFFFFFF, now
        ours, *_ = self._transmitter.sender(lane, now)
        for block in item.blocks:
            if block.ssrc == ours:
                _note(channel, block, now)


def _next_port(host: str, port: int) -> Address | None:
    """Where RTCP is when nothing else is said (RFC 3550, section 11)."""
    return (host, port + 1) if 0 < port < 65_535 else None


def _note(channel: _Channel, block: rtcp.ReportBlock, now: float) -> None:
    view = channel.view
    view.packets_lost = max(block.lost, 0)
    view.fraction_lost = block.fraction_lost / 256
    view.jitter_ms = block.jitter / channel.clock_rate * 1000
    seconds = rtcp.round_trip(block, _ntp(now))
    if seconds is not None:
        view.round_trip_ms = seconds * 1000


def _ntp(now: float) -> int:
    return round(now * (1 << 32)) & 0xFFFFFFFFFFFFFFFF
