"""Draining the RTP sockets of all lanes into the rows of one array."""

from __future__ import annotations

import select
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from talkpath.bridge.media.counters import Cause

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from talkpath.bridge.media.counters import Counters

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
        lengths: Bytes received (k,).
        sources: Source address of each, as `recvfrom` gives it.
    """

    lanes: NDArray[np.intp]
    packets: NDArray[np.uint8]
    lengths: NDArray[np.intp]
    sources: list[Any]


class SocketSet:
    """Sockets of all lanes behind one epoll.

    Args:
        lanes: Number of lanes.
        counters: Where receive errors are counted.

    Attributes:
        drained: Whether the last `rounds` took everything there was.
    """

    def __init__(self, lanes: int, counters: Counters) -> None:
        self.drained = True
        self._counters = counters
        self._lanes = lanes
        self._epoll = select.epoll()
        self._rows = np.zeros((lanes, PACKET_BYTES), np.uint8)
        self._views = [row.data for row in self._rows]
        self._by_descriptor: dict[int, tuple[int, Callable[[memoryview], tuple[int, Any]]]] = {}

    def add(self, lane: int, sock: socket.socket) -> None:
        """Listen to a lane's socket; it must not block."""
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        self._by_descriptor[sock.fileno()] = (lane, sock.recvfrom_into)

    def remove(self, sock: socket.socket) -> None:
        """Stop listening; the socket stays open."""
        self._epoll.unregister(sock.fileno())
        del self._by_descriptor[sock.fileno()]

    def close(self) -> None:
        """Close the epoll; the sockets stay open."""
        self._epoll.close()

    def rounds(self) -> Iterator[Arrivals]:
        """Read what is there, one packet per socket and round.

        A socket that becomes ready meanwhile waits for the next beat: a round for one packet costs as much
        as a round for all.
        """
        self.drained = True
        ready = [descriptor for descriptor, _ in self._epoll.poll(0, self._lanes)]
        if not ready:
            return
        first = set(ready)
        for _ in range(MAX_PACKETS_PER_BEAT):
            yield self._read(ready)
            again = self._epoll.poll(0, self._lanes)
            ready = [descriptor for descriptor, _ in again if descriptor in first]
            if not ready:
                return
        self.drained = False

    def _read(self, ready: list[int]) -> Arrivals:
        lanes: list[int] = []
        lengths: list[int] = []
        sources: list[Any] = []
        views = self._views
        for descriptor in ready:
            lane, receive = self._by_descriptor[descriptor]
            try:
                length, source = receive(views[len(lanes)])
            except BlockingIOError:  # the kernel found a bad checksum after it had promised a packet
                continue
            except OSError:
                self._counters.add(lane, Cause.RECEIVE_ERRORS)
                continue
            lanes.append(lane)
            lengths.append(length)
            sources.append(source)
        count = len(lanes)
        return Arrivals(np.array(lanes, np.intp), self._rows[:count], np.array(lengths, np.intp), sources)
