"""Time of the load tools: absolute ticks, kernel timestamps, and how late the tools themselves are.

Kernel timestamps (SO_TIMESTAMPNS) are taken where a datagram enters the receiving socket. On loopback that is
inside the sender's system call, so that a late reader does not count against the sender.
"""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SO_TIMESTAMPNS: Final = 35
"""Linux, asm-generic/socket.h; not in the socket module. Also the type of the control message."""
TICK: Final = 0.001
ANCILLARY_BYTES: Final = 64
_TIMESPEC = struct.Struct("qq")


def ask_for_timestamps(sock: socket.socket) -> None:
    """Let the kernel note when each datagram, or piece of a stream, arrived."""
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


def kernel_time(ancillary: list[tuple[int, int, Any]], now_ns: int) -> int:
    """Nanoseconds (CLOCK_REALTIME) at which something came to the kernel; ``now_ns`` if it did not say."""
    if not ancillary:
        return now_ns
    seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
    return int(seconds) * 1_000_000_000 + int(nanoseconds)


@dataclass(frozen=True, slots=True)
class Effort:
    """What a load tool needed in a window.

    Attributes:
        share: Share of one core.
        late_ms: Lateness of its ticks in milliseconds, at 50, 99 and 99.9 %.
    """

    share: float
    late_ms: tuple[float, float, float]


class Ticker:
    """Absolute ticks of 1 ms, with a record of the lateness."""

    def __init__(self) -> None:
        self.number = 0
        self._origin = time.monotonic()
        self._late: list[float] = []
        self._cpu = time.process_time()
        self._since = self._origin

    def wait(self) -> int:
        """Sleep until the next tick; returns its number. Ticks that were missed are made up for."""
        self.number += 1
        deadline = self._origin + self.number * TICK
        pause = deadline - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        self._late.append(time.monotonic() - deadline)
        return self.number

    def begin(self) -> None:
        """Begin a window."""
        self._late.clear()
        self._cpu, self._since = time.process_time(), time.monotonic()

    def effort(self) -> Effort:
        """The figures since `begin`."""
        late = np.percentile(self._late or [0.0], [50, 99, 99.9]) * 1000
        share = (time.process_time() - self._cpu) / max(time.monotonic() - self._since, 1e-9)
        return Effort(share, (float(late[0]), float(late[1]), float(late[2])))


class Log:
    """Rows of int64 that grow; a few hundred thousand a run.

    Args:
        columns: Numbers per row.
    """

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._pieces: list[NDArray[np.int64]] = []

    def add(self, *columns: Any) -> None:
        """Append rows; each argument is a column (k,) or one number for all."""
        self._pieces.append(np.column_stack(np.broadcast_arrays(*columns)).astype(np.int64))

    def clear(self) -> None:
        """Forget everything."""
        self._pieces.clear()

    def rows(self) -> NDArray[np.int64]:
        """All rows (n, columns)."""
        return np.concatenate(self._pieces) if self._pieces else np.zeros((0, self._columns), np.int64)
