"""The callers: hundreds of telephones in one process, on its own core.

Ticks of 1 ms at absolute deadlines; each call has its tick of every twenty. Packets carry marks
(`talkpath.bridge.benchmark.marks`), and everything is written down: when each frame was sent, and when each
packet of the other side came, by the kernel's clock.
"""

from __future__ import annotations

import os
import select
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from talkpath.bridge.benchmark import marks, wire_codec
from talkpath.bridge.benchmark.clock import (
    ANCILLARY_BYTES,
    Effort,
    Log,
    Ticker,
    ask_for_timestamps,
    kernel_time,
)
from talkpath.bridge.benchmark.uac import Call, CallState, UserAgentClient
from talkpath.bridge.benchmark.wire_codec import WideWire
from talkpath.bridge.benchmark.wire_srtp import SecureWire
from talkpath.codecs import rtp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    from numpy.typing import NDArray

TICKS_PER_FRAME: Final = 20
_PACKET_ROOM: Final = 256
_HEADER: Final = rtp.HEADER_LENGTH
_SIP_EVERY: Final = 50  # ticks between looks at the SIP timers
_ORDERS_EVERY: Final = 10
_FIRST_RTCP, _LAST_RTCP = 192, 223  # second byte (RFC 5761, section 4)
_RECEIVE_BUFFER: Final = 1 << 18


# Orders, and what answers them -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dial:
    """Place ``count`` calls, ``rate`` a second. Answered by `Dialled` when the last has its answer."""

    count: int
    rate: float
    hang_up_at_once: bool = False


@dataclass(frozen=True, slots=True)
class Aim:
    """Talk to these addresses without any SIP, one call each."""

    addresses: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Talk:
    """Send RTP from now on."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin a window: forget what was written down."""


@dataclass(frozen=True, slots=True)
class Report:
    """End the window. Answered by `Heard`."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End all calls. Answered by `Dialled` when each BYE has its answer."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """How the calls came about: seconds from INVITE to 200 of those answered, and the other outcomes."""

    setup: list[float]
    failed: dict[int, int]
    retransmissions: int


@dataclass(frozen=True, slots=True)
class Heard:
    """What happened in a window.

    Attributes:
        sent: (n, 3) call, frame number, time in ns.
        received: (n, 6) call, sequence number, time in ns, marked call, marked frame, audible.
        effort: What this process needed.
    """

    sent: NDArray[np.int64]
    received: NDArray[np.int64]
    effort: Effort


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to call, how often the audio is converted on its round trip, the core to live on, G.722, SRTP."""

    peer: tuple[str, int]
    conversions: int
    core: int | None = None
    wide: bool = False
    secure: bool = False


# The process -----------------------------------------------------------------------------------------


class Sockets:
    """The RTP sockets of all calls, and packets received as rows of one array."""

    def __init__(
        self, conversions: int, wire: WideWire | None = None, secure: SecureWire | None = None
    ) -> None:
        self._wire = wire
        self._secure = secure
        self.sockets: list[socket.socket] = []
        self._epoll = select.epoll()
        self._by_descriptor: dict[int, tuple[int, socket.socket]] = {}
        self._rows = np.zeros((4096, _PACKET_ROOM), np.uint8)
        self._views = [row.data for row in self._rows]
        self._places = _HEADER + (marks.places(conversions) if wire is None else wire_codec.PLACES)

    def open(self) -> int:
        """Add a call; returns its port."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        ask_for_timestamps(sock)
        self._by_descriptor[sock.fileno()] = (len(self.sockets), sock)
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        self.sockets.append(sock)
        return int(sock.getsockname()[1])

    def drain(self, log: Log) -> None:
        """Write down one packet of each call that has one."""
        calls: list[int] = []
        times: list[int] = []
        now = time.time_ns()
        for descriptor, _ in self._epoll.poll(0, len(self._views)):
            call, sock = self._by_descriptor[descriptor]
            try:
                size, ancillary, _, _ = sock.recvmsg_into([self._views[len(calls)]], ANCILLARY_BYTES)
            except OSError:  # nothing there after all, or the far end's port is closed
                continue
            if self._secure is not None:
                self._secure.open(call, self._views[len(calls)][:size])
            calls.append(call)
            times.append(kernel_time(ancillary, now))
        if calls:
            self._note(np.array(calls, np.int64), np.array(times, np.int64), log)

    def _note(self, calls: NDArray[np.int64], times: NDArray[np.int64], log: Log) -> None:
        packets = self._rows[: len(calls)]
        # Our RTP ports stand where the system put them: RTCP for a neighbour comes to the port above its own.
        voice = (packets[:, 1] < _FIRST_RTCP) | (packets[:, 1] > _LAST_RTCP)
        if not voice.all():
            packets, calls, times = packets[voice], calls[voice], times[voice]
        if self._wire is not None:
            payloads = packets[:, _HEADER : _HEADER + marks.FRAME_SAMPLES]
            payloads[:] = self._wire.decode(calls, payloads)
        sequence = (packets[:, 2].astype(np.int64) << 8) | packets[:, 3]
        marked, frame = marks.read(packets[:, self._places])
        audible = marks.audible(packets[:, _HEADER : _HEADER + marks.FRAME_SAMPLES : 8])
        log.add(calls, sequence, times, marked, frame, audible)

    def close(self) -> None:
        """Close everything."""
        for sock in self.sockets:
            sock.close()
        self._epoll.close()


class Talker:
    """Sends one packet of each call every 20 ms, the calls spread over the ticks."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        targets: Sequence[tuple[str, int]],
        wire: WideWire | None,
        secure: SecureWire | None = None,
    ) -> None:
        self._wire = wire
        self._seal = secure.seal if secure is not None else memoryview
        self._phases: list[list[tuple[Any, tuple[str, int]]]] = []
        self._calls: list[NDArray[np.intp]] = []
        for phase in range(TICKS_PER_FRAME):
            # 7 and 20 have no common divisor: neighbours are far apart, and few calls are spread too.
            own = range(len(targets))
            calls = [call for call in own if call * 7 % TICKS_PER_FRAME == phase and targets[call][1]]
            self._calls.append(np.array(calls, np.intp))
            self._phases.append([(sockets[call].sendto, targets[call]) for call in calls])

    def send(self, tick: int, log: Log) -> None:
        """Send what is due at a tick."""
        frame, phase = divmod(tick, TICKS_PER_FRAME)
        calls = self._calls[phase]
        if not calls.size:
            return
        payloads, kind = marks.stamp(calls, frame), 0
        if self._wire is not None:
            payloads, kind = self._wire.encode(calls, payloads), wire_codec.PAYLOAD_TYPE
        packets = rtp.build(payloads, kind, frame & 0xFFFF, frame * 160, calls + 1, frame == 0)
        times = []
        for (sendto, target), packet in zip(self._phases[phase], packets, strict=True):
            times.append(time.time_ns())
            sendto(self._seal(packet.data), target)
        log.add(calls, frame % marks.FRAMES, np.array(times))


@dataclass(slots=True)
class Dialling:
    """A `Dial` that is being carried out."""

    order: Dial
    began: float
    placed: list[Call] = field(default_factory=list)


class Generator:
    """All calls; carries out orders."""

    def __init__(self, settings: Settings, orders: Connection) -> None:
        self._orders = orders
        self._ticker = Ticker()
        self._wire = WideWire() if settings.wide else None
        self._secure = SecureWire() if settings.secure else None
        self._sockets = Sockets(settings.conversions, self._wire, self._secure)
        self._sent, self._received = Log(3), Log(6)
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sip.bind(("127.0.0.1", 0))
        self._sip.setblocking(False)
        self._peer = settings.peer
        encoding = "9 G722/8000" if settings.wide else "0 PCMU/8000"
        crypto = self._secure.offer if self._secure is not None else ""
        local = self._sip.getsockname()
        self._agent = UserAgentClient(settings.peer, local, encoding=encoding, crypto=crypto)
        self._dialling: Dialling | None = None
        self._hanging_up = False
        self._calls: list[Call] = []
        self._targets: list[tuple[str, int]] = []
        self._talker: Talker | None = None
        self._talk_from = 0

    def run(self) -> None:
        """Work until the other end of the pipe is closed."""
        while True:
            tick = self._ticker.wait()
            if self._talker is not None:
                self._talker.send(tick - self._talk_from, self._sent)
            self._sockets.drain(self._received)
            self._signal(tick)
            if tick % _ORDERS_EVERY == 0 and self._orders.poll():
                try:
                    self._obey(self._orders.recv())
                except EOFError:
                    return

    def close(self) -> None:
        """Close every socket."""
        self._sockets.close()
        self._sip.close()

    # -- orders ------------------------------------------------------------------------------------

    def _obey(self, order: object) -> None:
        match order:
            case Dial():
                self._dialling = Dialling(order, time.monotonic())
            case Aim(addresses):
                self._targets = list(addresses)
                for _ in addresses:
                    self._sockets.open()
            case Talk():
                self._talk()
            case Begin():
                self._sent.clear()
                self._received.clear()
                self._ticker.begin()
            case Report():
                effort = self._ticker.effort()
                self._orders.send(Heard(self._sent.rows(), self._received.rows(), effort))
            case HangUp():
                self._talker, self._hanging_up = None, True
                for call in self._calls:
                    if call.state is CallState.TALKING:
                        self._send(self._agent.bye(call, time.monotonic()))

    def _talk(self) -> None:
        """Let every answered call talk; those that talk already go on."""
        if self._calls:
            self._targets = [("", 0)] * len(self._sockets.sockets)
        for call in self._calls:
            if call.state is CallState.TALKING:
                self._targets[call.index] = call.remote
                if self._secure is not None:
                    self._secure.agree(call.index, call.remote_key)
        if self._talker is None:
            # A whole number of frames, so that a call's phase is that of its tick.
            self._talk_from = self._ticker.number
        self._talker = Talker(self._sockets.sockets, self._targets, self._wire, self._secure)

    # -- SIP ---------------------------------------------------------------------------------------

    def _signal(self, tick: int) -> None:
        if self._dialling is None and not self._hanging_up and tick % _SIP_EVERY:
            return
        now = time.monotonic()
        self._listen(now)
        if self._dialling is not None:
            self._dial(self._dialling, now)
        if tick % _SIP_EVERY == 0:
            for datagram in self._agent.due(now):
                self._send(datagram)
            self._check_done()

    def _listen(self, now: float) -> None:
        while True:
            try:
                datagram = self._sip.recv(4096)
            except BlockingIOError:
                return
            for answer in self._agent.receive(datagram, now):
                self._send(answer)

    def _dial(self, dialling: Dialling, now: float) -> None:
        order = dialling.order
        while len(dialling.placed) < min(order.count, (now - dialling.began) * order.rate + 1):
            index = len(self._sockets.sockets)
            call, invite = self._agent.invite(index, self._sockets.open(), now)
            dialling.placed.append(call)
            self._send(invite)
        if order.hang_up_at_once:
            for call in dialling.placed:
                if call.state is CallState.TALKING:
                    self._send(self._agent.bye(call, now))

    def _check_done(self) -> None:
        dialling = self._dialling
        if dialling is not None and len(dialling.placed) == dialling.order.count:
            waiting = {CallState.INVITED}
            if dialling.order.hang_up_at_once:
                waiting |= {CallState.TALKING, CallState.ENDING}
            if not any(call.state in waiting for call in dialling.placed):
                self._calls = [call for call in self._calls if call.state is not CallState.ENDED]
                self._calls += dialling.placed
                self._dialling = None
                self._orders.send(_outcome(dialling.placed))
        if self._hanging_up and not any(call.state is CallState.ENDING for call in self._calls):
            self._hanging_up = False
            self._orders.send(_outcome(self._calls))

    def _send(self, datagram: bytes) -> None:
        self._sip.sendto(datagram, self._peer)


def _outcome(calls: list[Call]) -> Dialled:
    failed: dict[int, int] = {}
    for call in calls:
        if not call.answered_at:
            failed[call.status] = failed.get(call.status, 0) + 1
    setup = [call.answered_at - call.invited_at for call in calls if call.answered_at]
    return Dialled(setup, failed, sum(call.retransmissions for call in calls))


def main(settings: Settings, orders: Connection) -> None:
    """Run the callers in a process of their own."""
    if settings.core is not None:
        os.sched_setaffinity(0, {settings.core})
    generator = Generator(settings, orders)
    try:
        generator.run()
    finally:
        generator.close()
