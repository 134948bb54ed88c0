"""The SIP process's end of the channel to the supervisor: a non-blocking ``SOCK_SEQPACKET`` socket."""

from __future__ import annotations

import collections
import socket
from typing import TYPE_CHECKING

import msgspec

from talkpath.sip import messages, parts

if TYPE_CHECKING:
    from talkpath.sip.counters import Counters

MAX_QUEUED = 20_000
"""Messages that may wait for a supervisor that does not read; more and it is taken for lost."""

READS_PER_TURN = 64
"""Messages taken at once, so that a flood of them cannot keep SIP waiting."""


class Link:
    """Sends and receives messages; never blocks.

    Args:
        fd: Descriptor of the socket. The link owns it from now on.
        counters: Where datagrams that are no messages are counted.
    """

    def __init__(self, fd: int, counters: Counters) -> None:
        self.open = True
        self._counters = counters
        self._socket = socket.socket(fileno=fd)
        self._socket.setblocking(False)
        # Received into, again and again, instead of a fresh 128 KiB for each message.
        self._buffer = memoryview(bytearray(messages.MAX_MESSAGE))
        self._assembler = parts.Assembler()
        self._queue: collections.deque[bytes] = collections.deque()

    def fileno(self) -> int:
        """The descriptor, to wait on."""
        return self._socket.fileno()

    @property
    def waits_to_write(self) -> bool:
        """Whether messages wait because the supervisor does not read fast enough."""
        return bool(self._queue)

    def send(self, message: messages.Message) -> None:
        """Send a message now, or queue it."""
        if len(self._queue) >= MAX_QUEUED:
            self.open = False
            return
        self._queue.append(messages.encode(message))
        self.flush()

    def flush(self) -> None:
        """Send what is queued, as far as the kernel takes it."""
        try:
            while self._queue and self.open:
                self._socket.send(self._queue[0])
                self._queue.popleft()
        except BlockingIOError:
            return
        except OSError:
            self.open = False

    def receive(self, limit: int = READS_PER_TURN) -> list[messages.AnyMessage]:
        """Take what has arrived, at most ``limit``; ``open`` turns False when the supervisor is gone."""
        received: list[messages.AnyMessage] = []
        for _ in range(limit):
            try:
                size = self._socket.recv_into(self._buffer)
            except BlockingIOError:
                break
            except OSError:
                size = 0
            if not size:
                self.open = False
                break
            try:
                message = self._assembler.take(self._buffer[:size])
            except msgspec.MsgspecError:
                self._counters.add("undecodable_message")
                continue
            if message is not None:
                received.append(message)
        return received
