"""RTP ports: UDP sockets on even ports of a configured range."""

from __future__ import annotations

import errno
import socket
from collections import deque
from random import SystemRandom
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

__all__ = ["NoFreePort", "RtpPorts"]

QUARANTINE_SECONDS: Final = 5.0
"""How long a closed port rests: late packets of the old call must not reach a new one."""

_DSCP_EXPEDITED: Final = 46 << 2  # RFC 4594, section 4.1: telephony bearer
_BUSY: Final = frozenset({errno.EADDRINUSE, errno.EACCES})


class NoFreePort(RuntimeError):  # noqa: N818 - an ordinary outcome of a full host, not a failure
    """No RTP port can be bound in the configured range."""


class RtpPorts:
    """Opens and closes the RTP sockets of one worker.

    Each call takes an even port; the odd one above it is for its RTCP (RFC 3550, section 11).

    Args:
        first: Lowest port; rounded up to an even one.
        last: Highest port; the odd partner of the last even port lies within.
        address: Address to bind, by default every address of the family that a call needs.
        random: Source of the starting point; a guessable port invites injected audio.

    Raises:
        ValueError: The range holds no pair of ports.
    """

    def __init__(self, first: int, last: int, address: str = "0.0.0.0", random: Random | None = None) -> None:  # noqa: S104 - RTP must arrive on every address unless configured
        self._even = range(first + first % 2, last, 2)
        if not self._even or first < 1 or last > 65_535:
            raise ValueError(
                f"RTP ports {first} to {last}: give a range with an even port and the odd one above."
            )
        self._range = f"{first} to {last}"
        self._address = address
        self._next = (random or SystemRandom()).randrange(len(self._even))
        self._open: set[int] = set()
        self._rtcp: dict[int, socket.socket] = {}
        self._resting: deque[tuple[float, int]] = deque()

    def __len__(self) -> int:
        """How many ports are open."""
        return len(self._open)

    def open(self, now: float, *, ipv6: bool = False) -> socket.socket:
        """Bind a non-blocking socket to a free even port.

        Args:
            now: Monotonic seconds.
            ipv6: Bind to every IPv6 address, and no IPv4 one, whatever address was configured.

        Raises:
            NoFreePort: Every port is open, resting or taken by another program.
            OSError: The address cannot be bound at all.
        """
        self._release(now)
        address = "::" if ipv6 else self._address
        resting = {port for _, port in self._resting}
        for _ in range(len(self._even)):
            port = self._even[self._next]
            self._next = (self._next + 1) % len(self._even)
            if port in self._open or port in resting:
                continue
            sock = _bind(address, port)
            if sock is not None:
                self._open.add(port)
                return sock
        raise NoFreePort(
            f"No free RTP port in {self._range} on {address}: {len(self._open)} are in use by calls, "
            f"{len(resting)} rest after a call. Widen the range of RTP ports or allow fewer calls."
        )

    def open_rtcp(self, sock: socket.socket) -> socket.socket | None:
        """Bind the odd port above a socket that `open` returned; `None` if another program has it.

        `close` closes both.
        """
        address, port = sock.getsockname()[:2]
        rtcp = _bind(address, port + 1)
        if rtcp is not None:
            self._rtcp[port] = rtcp
        return rtcp

    def close(self, sock: socket.socket, now: float) -> None:
        """Close a socket that `open` returned, with its RTCP, and let its port rest."""
        port = sock.getsockname()[1]
        sock.close()
        if rtcp := self._rtcp.pop(port, None):
            rtcp.close()
        self._open.discard(port)
        self._resting.append((now + QUARANTINE_SECONDS, port))

    def _release(self, now: float) -> None:
        while self._resting and self._resting[0][0] <= now:
            self._resting.popleft()


def _bind(address: str, port: int) -> socket.socket | None:
    """Bind a UDP socket marked as telephony; `None` if another program has the port."""
    ipv6 = ":" in address
    sock = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _DSCP_EXPEDITED)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _DSCP_EXPEDITED)
        sock.bind((address, port))
    except OSError as error:
        sock.close()
        if error.errno in _BUSY:
            return None
        raise
    return sock
