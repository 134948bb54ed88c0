"""RTP ports: UDP sockets on even ports of a configured range.

A far end that missed our BYE goes on sending. What it says must not reach the next call, so a port that was
used rests first, and is then listened to for a moment: only one that is quiet is given again.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from dataclasses import dataclass
from random import SystemRandom
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

__all__ = ["NoFreePort", "NoisyPort", "RtpPorts"]

QUARANTINE_SECONDS: Final = 5.0
"""How long a closed port rests: late packets of the old call must not reach a new one."""
LISTENING_SECONDS: Final = 1.0
"""How long nothing must come to it after that: no codec that we speak pauses longer between two packets,
unless it suppresses silence."""

_DSCP_EXPEDITED: Final = 46 << 2  # RFC 4594, section 4.1: telephony bearer
_BUSY: Final = frozenset({errno.EADDRINUSE, errno.EACCES})


class NoFreePort(RuntimeError):  # noqa: N818 - an ordinary outcome of a full host, not a failure
    """No RTP port can be bound in the configured range."""


@dataclass(frozen=True, slots=True)
class NoisyPort:
    """Somebody still sends to a port whose call is over; said once.

    Attributes:
        port: The port.
        source: Where it comes from.
    """

    port: int
    source: str


@dataclass(slots=True)
class _Resting:
    """A port between two calls.

    Attributes:
        port: The port.
        address: What it was bound to.
        until: When it has rested, or when it has been listened to for long enough.
        ear: Listens; None while it rests.
        noisy: Something came.
    """

    port: int
    address: str
    until: float
    ear: socket.socket | None = None
    noisy: bool = False


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
        self._resting: deque[_Resting] = deque()
        self._listening: deque[_Resting] = deque()

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
        address = "::" if ipv6 else self._address
        between = {each.port for each in (*self._resting, *self._listening)}
        for _ in range(len(self._even)):
            port = self._even[self._next]
            self._next = (self._next + 1) % len(self._even)
            if port not in self._open and port not in between and (sock := self._bound(address, port)):
                return sock
        if sock := self._rested(address, now):
            return sock
        raise NoFreePort(
            f"No free RTP port in {self._range} on {address}: {len(self._open)} are in use by calls, "
            f"{len(between)} rest after a call. Widen the range of RTP ports or allow fewer calls."
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
        address, port = sock.getsockname()[:2]
        sock.close()
        if rtcp := self._rtcp.pop(port, None):
            rtcp.close()
        self._open.discard(port)
        self._resting.append(_Resting(port, address, now + QUARANTINE_SECONDS))

    def tend(self, now: float) -> list[NoisyPort]:
        """Look after the ports between two calls; to be called every second or so.

        Returns:
            The ports that somebody still sends to, each once.
        """
        found = []
        while self._listening and self._listening[0].until <= now:
            port = self._listening.popleft()
            source = _deafened(port)
            if source is not None:
                found += [] if port.noisy else [NoisyPort(port.port, source)]
                port.noisy, port.until = True, now + QUARANTINE_SECONDS
                self._resting.append(port)
        while self._resting and self._resting[0].until <= now:
            port = self._resting.popleft()
            port.ear = _bind(port.address, port.port)
            if port.ear is not None:  # else another program has it: nothing to listen to
                port.until = now + LISTENING_SECONDS
                self._listening.append(port)
        return found

    def close_all(self) -> None:
        """Look after no port any more: the worker ends."""
        self._resting.clear()
        while self._listening:
            _deafened(self._listening.popleft())

    def _bound(self, address: str, port: int) -> socket.socket | None:
        sock = _bind(address, port)
        if sock is not None:
            self._open.add(port)
        return sock

    def _rested(self, address: str, now: float) -> socket.socket | None:
        """When no other is left: a port that has rested and may not be quiet, the quiet ones first."""
        candidates = [*self._listening, *(each for each in self._resting if each.until <= now or each.noisy)]
        for each in sorted(candidates, key=lambda each: each.noisy):
            (self._listening if each in self._listening else self._resting).remove(each)
            _deafened(each)
            if sock := self._bound(address, each.port):
                return sock
        return None


def _deafened(port: _Resting) -> str | None:
    """Close the ear of a port; returns where something came from."""
    ear, port.ear = port.ear, None
    if ear is None:
        return None
    try:
        return str(ear.recvfrom(1)[1][0])
    except OSError:  # nothing came
        return None
    finally:
        ear.close()


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
