"""Draining the RTP sockets of all lanes into the rows of one array."""

from __future__ import annotations

import select
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from talkpath.bridge.media.counters import Cause

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from talkpath.bridge.media.counters import Counters

    _Receive = Callable[[memoryview], tuple[int, Any]]

__all__ = ["PACKET_BYTES", "Arrivals", "SocketSet"]

PACKET_BYTES: Final = 1_024
"""Room for a packet: 100 ms of G.711 with a long header; what fills it was cut short and is refused."""
MAX_PACKETS_PER_BEAT: Final = 8
"""Packets taken from one socket per beat: 32 times real time, so that a flood cannot hold the beat."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """One packet of each of some lanes; valid until the next round is asked for.

    Attributes:
        lanes: The lanes (k,), each once.
        packets: The datagrams (k, PACKET_BYTES), uint8.
        lengths: Bytes received, k of them.
        sources: Source address of each, as `recvfrom` gives it.
    """

    lanes: list[int]
    packets: NDArray[np.uint8]
    lengths: tuple[int, ...]
    sources: tuple[Any, ...]

    def select(self, index: NDArray[np.intp]) -> Arrivals:
        """The packets at `index`."""
        chosen = index.tolist()
        return Arrivals(
            [self.lanes[number] for number in chosen],
            self.packets[index],
            tuple(self.lengths[number] for number in chosen),
            tuple(self.sources[number] for number in chosen),
        )


class SocketSet:
    """Sockets of all lanes behind one epoll.

    Args:
        lanes: Number of lanes.
        counters: Where receive errors are counted.

    Attributes:
        drained: Whether the last `rounds` took everything there was.
        noticed: Other sockets that were ready in the last `rounds`; see `notice`.
    """

    def __init__(self, lanes: int, counters: Counters) -> None:
        self.drained = True
        self.noticed: list[int] = []
        self._others: dict[int, int] = {}
        # An epoll within the epoll: one descriptor stands for all that is rarely ready.
        self._rare = select.epoll()
        self._rare_descriptor = self._rare.fileno()
        self._counters = counters
        self._lanes = lanes
        self._epoll = select.epoll()
        self._epoll.register(self._rare.fileno(), select.EPOLLIN)
        self._rows = np.zeros((lanes, PACKET_BYTES), np.uint8)
        self._views = [row.data for row in self._rows]
        self._lanes_by_descriptor: dict[int, int] = {}
        self._receivers: dict[int, _Receive] = {}

    def add(self, lane: int, sock: socket.socket) -> None:
        """Listen to a lane's socket; it must not block."""
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        self._lanes_by_descriptor[sock.fileno()] = lane
        self._receivers[sock.fileno()] = _plain(sock)

    def secure(self, sock: socket.socket, unprotect: Callable[[bytes], bytes | None] | None) -> None:
        """Open what a socket receives from now on; `None` from `unprotect`: refused, and counted there.

        Args:
            sock: A socket that was added.
            unprotect: From SRTP to RTP; without it packets are taken as they come.
        """
        receive = _plain(sock)
        self._receivers[sock.fileno()] = _opened(receive, unprotect) if unprotect else receive

    def remove(self, sock: socket.socket) -> None:
        """Stop listening; the socket stays open."""
        self._epoll.unregister(sock.fileno())
        del self._lanes_by_descriptor[sock.fileno()]
        del self._receivers[sock.fileno()]

    def notice(self, lane: int, sock: socket.socket) -> None:
        """Say in `noticed` when this socket has something; it is not read here."""
        self._rare.register(sock.fileno(), select.EPOLLIN)
        self._others[sock.fileno()] = lane

    def ignore(self, sock: socket.socket) -> None:
        """Undo `notice`."""
        self._rare.unregister(sock.fileno())
        del self._others[sock.fileno()]

    def close(self) -> None:
        """Close the epoll; the sockets stay open."""
        self._rare.close()
        self._epoll.close()

    def rounds(self) -> Iterator[Arrivals]:
        """Read what is there, one packet per socket and round.

        A socket that becomes ready meanwhile waits for the next beat: a round for one packet costs as much
        as a round for all.
        """
        self.drained = True
        self.noticed = []
        ready = [descriptor for descriptor, _ in self._epoll.poll(0, self._lanes + 1)]
        if self._rare_descriptor in ready:
            ready.remove(self._rare_descriptor)
            self.noticed = [self._others[descriptor] for descriptor, _ in self._rare.poll(0)]
        if not ready:
            return
        first = set(ready)
        for _ in range(MAX_PACKETS_PER_BEAT):
            yield self._read(ready)
            again = self._epoll.poll(0, self._lanes + 1)
            if not again:
                return
            ready = [descriptor for descriptor, _ in again if descriptor in first]
            if not ready:
                return
        self.drained = False

    def _read(self, ready: list[int]) -> Arrivals:
        receivers, taken = self._receivers, []
        try:
            for descriptor, view in zip(ready, self._views, strict=False):
                taken.append(receivers[descriptor](view))
        except OSError as error:
            self._failed(ready[len(taken)], error)
            return self._read_rest(ready, taken)
        lengths, sources = zip(*taken, strict=True)
        lanes = self._lanes_by_descriptor
        return Arrivals(
            [lanes[descriptor] for descriptor in ready], self._rows[: len(ready)], lengths, sources
        )

    def _read_rest(self, ready: list[int], taken: list[tuple[int, Any]]) -> Arrivals:
        """Go on after the first socket that had nothing after all, or an error."""
        served = ready[: len(taken)]
        for descriptor in ready[len(taken) + 1 :]:
            try:
                taken.append(self._receivers[descriptor](self._views[len(taken)]))
            except OSError as error:
                self._failed(descriptor, error)
            else:
                served.append(descriptor)
        lanes = [self._lanes_by_descriptor[descriptor] for descriptor in served]
        lengths, sources = tuple(length for length, _ in taken), tuple(source for _, source in taken)
        return Arrivals(lanes, self._rows[: len(taken)], lengths, sources)

    def _failed(self, descriptor: int, error: OSError) -> None:
        # Blocking means that the kernel found a bad checksum after it had promised a packet, or SRTP did.
        if not isinstance(error, BlockingIOError):
            self._counters.add(self._lanes_by_descriptor[descriptor], Cause.RECEIVE_ERRORS)


def _plain(sock: socket.socket) -> _Receive:
    return _without_scope(sock) if sock.family == socket.AF_INET6 else sock.recvfrom_into


def _opened(receive: _Receive, unprotect: Callable[[bytes], bytes | None]) -> _Receive:
    """Receive SRTP as RTP; a packet that is refused is as if it had not come."""

    def receive_into(buffer: memoryview) -> tuple[int, Any]:
        length, source = receive(buffer)
        packet = unprotect(bytes(buffer[:length]))
        if packet is None:
            raise BlockingIOError
        buffer[: len(packet)] = packet
        return len(packet), source

    return receive_into


def _without_scope(sock: socket.socket) -> _Receive:
    """Receive so that an IPv6 source is host and port, as SDP names it, without flow and scope."""
    receive = sock.recvfrom_into

    def receive_into(buffer: memoryview) -> tuple[int, Any]:
        length, source = receive(buffer)
        return length, source[:2]

    return receive_into
