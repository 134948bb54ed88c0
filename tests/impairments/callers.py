"""The callers of some rows, in one loop: SIP calls at the same time, each with its own bad network.

A process of their own (`place`), so that neither the model nor whoever scores holds up their clock.
"""

from __future__ import annotations

import heapq
import selectors
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from talkpath.bridge.benchmark.clock import ANCILLARY_BYTES, ask_for_timestamps, kernel_time
from talkpath.bridge.benchmark.uac import Call, CallState
from talkpath.codecs import rtp
from tests.harness.dialler import PAYLOAD_TYPES, Dialler
from tests.impairments.impair import arrivals
from tests.impairments.signal import RATE, SPARED_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tests.impairments.rows import Row
    from tests.impairments.signal import Signal

_LEAD_S: Final = 0.6
"""From the answer to the first packet: the clock fills the stream."""
_TAIL_S: Final = 2.4
"""From the last packet to the BYE: the clock fills again, nothing is on its way any more, and the model has
come to its end, even if the daemon was held up."""
_DIAL_EVERY_S: Final = 0.05
_GIVE_UP_S: Final = 60.0
_ROOM: Final = 2048


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What one caller has to tell. Times are monotonic seconds.

    Attributes:
        call_id: SIP Call-ID.
        status: Of the answer.
        first: When the first packet was due.
        last: When the last packet arrived.
        sent: Packets that arrived.
        late_ms: How late packets were sent, 99th percentile.
        received: (n, 3) arrival in ns, sequence number, timestamp of each packet from the daemon.
        heard: What was in these packets, 160 octets each.
    """

    call_id: str
    status: int
    first: float
    last: float
    sent: int
    late_ms: float
    received: NDArray[np.int64]
    heard: bytes


class _Caller:
    """One call, from its INVITE to its BYE."""

    def __init__(self, row: Row, signal: Signal, seed: int) -> None:
        self.row = row
        self.sock = socket.socket(type=socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)
        ask_for_timestamps(self.sock)
        self.call: Call | None = None
        self.received: list[tuple[int, bytes]] = []
        self.late: list[float] = []
        self.first = self.last = 0.0
        self._packets = _packets(row, signal, seed)
        span = row.offer.packet_time / 1000
        spared = SPARED_MS // row.offer.packet_time
        self.pattern = arrivals(len(self._packets), span, row.impairment, seed=seed, spared=spared)

    def begin(self, now: float) -> None:
        """The call was answered."""
        self.first = now + _LEAD_S
        self.last = self.first + self.pattern[-1][0]

    def send(self, place: int, now: float) -> float | None:
        """Send a packet of the pattern; returns when the next one is due."""
        at, number = self.pattern[place]
        self.late.append(now - self.first - at)
        assert self.call is not None
        self.sock.sendto(self._packets[number], self.call.remote)
        return self.first + self.pattern[place + 1][0] if place + 1 < len(self.pattern) else None

    def drain(self) -> None:
        """Take what came."""
        while True:
            try:
                data, ancillary, _, _ = self.sock.recvmsg(_ROOM, ANCILLARY_BYTES)
            except OSError:
                return
            self.received.append((kernel_time(ancillary, time.time_ns()), data))

    def tell(self) -> Told:
        """Sum up, when the call is over."""
        self.drain()
        self.sock.close()
        assert self.call is not None
        rows = [
            (at, int.from_bytes(packet[2:4], "big"), int.from_bytes(packet[4:8], "big"))
            for at, packet in self.received
        ]
        return Told(
            call_id=self.call.call_id,
            status=self.call.status,
            first=self.first,
            last=self.last,
            sent=len(self.late),
            late_ms=float(np.percentile(self.late or [0.0], 99)) * 1000,
            received=np.array(rows, np.int64).reshape(-1, 3),
            heard=b"".join(packet[rtp.HEADER_LENGTH :] for _, packet in self.received),
        )


class _Callers:
    """All callers and their one SIP socket."""

    def __init__(self, peer: tuple[str, int], callers: Sequence[_Caller]) -> None:
        self._callers = callers
        self._peer = peer
        self._sip = socket.socket(type=socket.SOCK_DGRAM)
        self._sip.bind(("127.0.0.1", 0))
        self._sip.setblocking(False)
        self._dialler = Dialler(peer, self._sip.getsockname())
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._sip, selectors.EVENT_READ, self._listen)
        for caller in callers:
            self._selector.register(caller.sock, selectors.EVENT_READ, caller.drain)
        self._due: list[tuple[float, int, Any]] = []  # time, tie-breaker, action
        self._ties = 0

    def run(self) -> None:
        """Make all calls to their end."""
        begun = time.monotonic()
        for index, caller in enumerate(self._callers):
            self._at(begun + index * _DIAL_EVERY_S, self._dial, caller)
        self._at(begun, self._retransmit)
        while any(
            caller.call is None or caller.call.state is not CallState.ENDED for caller in self._callers
        ):
            now = time.monotonic()
            if now - begun > _GIVE_UP_S:
                break
            while self._due and self._due[0][0] <= now:
                _, _, (action, arguments) = heapq.heappop(self._due)
                action(now, *arguments)
            pause = max(self._due[0][0] - time.monotonic(), 0.0) if self._due else 0.01
            for key, _ in self._selector.select(pause):
                key.data()
        self._selector.close()
        self._sip.close()

    def _at(self, due: float, action: Any, *arguments: Any) -> None:
        self._ties += 1
        heapq.heappush(self._due, (due, self._ties, (action, arguments)))

    def _dial(self, now: float, caller: _Caller) -> None:
        port = int(caller.sock.getsockname()[1])
        caller.call, invite = self._dialler.call(port, now, caller.row.offer)
        self._send(invite)
        self._at(now, self._await_answer, caller)

    def _await_answer(self, now: float, caller: _Caller) -> None:
        if caller.call is None or caller.call.state is CallState.ENDED:
            return
        if caller.call.state is CallState.INVITED:
            self._at(now + 0.005, self._await_answer, caller)
            return
        caller.begin(now)
        self._at(caller.first, self._talk, caller, 0)

    def _talk(self, now: float, caller: _Caller, place: int) -> None:
        due = caller.send(place, now)
        if due is not None:
            self._at(due, self._talk, caller, place + 1)
        else:
            self._at(now + _TAIL_S, self._hang_up, caller)

    def _hang_up(self, now: float, caller: _Caller) -> None:
        if caller.call is not None and caller.call.state is CallState.TALKING:
            self._send(self._dialler.bye(caller.call, now))

    def _retransmit(self, now: float) -> None:
        for datagram in self._dialler.due(now):
            self._send(datagram)
        self._at(now + 0.05, self._retransmit)

    def _listen(self) -> None:
        while True:
            try:
                datagram = self._sip.recv(8192)
            except OSError:
                return
            for answer in self._dialler.receive(datagram, time.monotonic()):
                self._send(answer)

    def _send(self, datagram: bytes) -> None:
        self._sip.sendto(datagram, self._peer)


def place(peer: tuple[str, int], rows: Sequence[Row], signal: Signal, seed: int) -> list[Told]:
    """Call ``peer`` once per row, all at the same time, and say the signal.

    Args:
        peer: SIP address of the daemon.
        rows: What each call offers and suffers.
        signal: What all of them say.
        seed: Of the patterns; each row has its own.
    """
    callers = [_Caller(row, signal, seed + index) for index, row in enumerate(rows)]
    _Callers(peer, callers).run()
    return [caller.tell() for caller in callers]


def _packets(row: Row, signal: Signal, seed: int) -> list[bytes]:
    size = RATE * row.offer.packet_time // 1000
    codes = signal.codes(row.offer.codec).reshape(-1, size)
    numbers = np.arange(len(codes))
    # First numbers near their ends, so that both wrap within the call.
    sequence = (numbers + 65_400) & 0xFFFF
    timestamp = (numbers * size + 0xFFFF_8000) & 0xFFFF_FFFF
    payload_type = PAYLOAD_TYPES[row.offer.codec]
    packets = rtp.build(codes, payload_type, sequence, timestamp, seed + 1, numbers == 0)
    return [packet.tobytes() for packet in packets]
