"""The loopback way between a browser's call and its lane: one UDP socket, connected to the lane's port."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable

LOOPBACK: Final = "127.0.0.1"
_MAX_DATAGRAM: Final = 2_048
_READS_PER_WAKE: Final = 32


class LaneSocket:
    """Sends to a lane and hears nobody else: the kernel drops what comes from other addresses.

    Args:
        rtp_port: The lane's.
        heard: Called with each datagram.

    Attributes:
        failed: Datagrams that could not be sent, or were answered by "nobody listens there".
    """

    def __init__(self, rtp_port: int, heard: Callable[[bytes], None]) -> None:
        self.failed = 0
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._sock.setblocking(False)
            self._sock.bind((LOOPBACK, 0))
            self._sock.connect((LOOPBACK, rtp_port))
        except OSError:
            self._sock.close()
            raise
        self._loop.add_reader(self._sock, self._read)

    @property
    def port(self) -> int:
        """Our own port."""
        return cast("int", self._sock.getsockname()[1])

    def send(self, packet: bytes) -> None:
        """Send a packet to the lane, or count that it went nowhere."""
        try:
            self._sock.send(packet)
        except OSError:
            self.failed += 1

    def close(self) -> None:
        """Close the socket; again: nothing happens."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            self._sock.close()

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(_READS_PER_WAKE):
                if self._sock.fileno() < 0:
                    return
                try:
                    datagram = self._sock.recv(_MAX_DATAGRAM)
                except ConnectionRefusedError:
                    self.failed += 1
                    continue
                self._heard(datagram)
