"""The voices of all callers: their RTP sockets, and the pace at which they send.

Packets carry marks (`talkpath.bridge.benchmark.marks`), and everything is written down: when each frame was
sent, and when each packet of the other side came, by the kernel's clock.
"""

from __future__ import annotations

import select
import socket
import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from talkpath.bridge.benchmark import marks, wire_codec
from talkpath.bridge.benchmark.clock import ANCILLARY_BYTES, Log, ask_for_timestamps, kernel_time
from talkpath.codecs import rtp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from talkpath.bridge.benchmark.wire_codec import WideWire
    from talkpath.bridge.benchmark.wire_srtp import SecureWire

TICKS_PER_FRAME: Final = 20
_PACKET_ROOM: Final = 256
_HEADER: Final = rtp.HEADER_LENGTH
_FIRST_RTCP, _LAST_RTCP = 192, 223  # second byte (RFC 5761, section 4)
_RECEIVE_BUFFER: Final = 1 << 18


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
