"""The callers: hundreds of telephones in one process, on its own core.

One loop with ticks of 1 ms at absolute deadlines: what the callers say and hear (`caller_voices`), their SIP,
and the orders that come by a pipe.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from talkpath.bridge.benchmark.caller_voices import Sockets, Talker
from talkpath.bridge.benchmark.clock import (
    Log,
    Ticker,
)
from talkpath.bridge.benchmark.orders import Aim, Begin, Dial, Dialled, HangUp, Heard, Report, Talk
from talkpath.bridge.benchmark.uac import Call, CallState, UserAgentClient
from talkpath.bridge.benchmark.wire_codec import WideWire
from talkpath.bridge.benchmark.wire_srtp import SecureWire

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


_SIP_EVERY: Final = 50  # ticks between looks at the SIP timers
_ORDERS_EVERY: Final = 10


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to call, how often the audio is converted on its round trip, the core to live on, G.722, SRTP."""

    peer: tuple[str, int]
    conversions: int
    core: int | None = None
    wide: bool = False
    secure: bool = False


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
