"""The asyncio end of a message channel between two of our processes.

One Unix-domain ``SOCK_SEQPACKET`` pair per child; one datagram is one message of
`talkpath.sip.messages`, and only settings may take several (`talkpath.sip.parts`). Sending never blocks:
what the kernel does not take at once waits in a bounded queue, and a peer that lets the queue overflow is
treated as lost, because a process that does not read for thousands of messages no longer serves calls.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import socket
from typing import TYPE_CHECKING

import msgspec
import structlog

from talkpath.sip import messages, parts

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)

MAX_QUEUED = 20_000
"""Messages that may wait for a peer: about 20 s of call set-ups at 50 calls a second."""

READS_PER_WAKE = 256
"""Messages taken per turn of the event loop, so that a busy peer cannot starve the media heartbeat."""


def channel_pair() -> tuple[socket.socket, socket.socket]:
    """Make a connected pair of non-blocking ``SOCK_SEQPACKET`` sockets."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, theirs):
        end.setblocking(False)
    return ours, theirs


class Channel:
    """Sends and receives messages on one end of a channel.

    Args:
        sock: A connected, non-blocking ``SOCK_SEQPACKET`` socket. The channel owns it from now on.
        on_message: Called with each message received.
        on_lost: Called once, when the other side is gone or no longer reads; never from within `send`.
        on_dropped: Called with the cause of each message that is lost while the channel lives:
            ``undecodable`` (it came and is none of ours: a version mismatch) or ``too_large`` to be sent.
    """

    def __init__(
        self,
        sock: socket.socket,
        on_message: Callable[[messages.AnyMessage], None],
        on_lost: Callable[[str], None],
        on_dropped: Callable[[str], None] = lambda _cause: None,
    ) -> None:
        self._sock = sock
        self._on_message = on_message
        self._on_lost = on_lost
        self._on_dropped = on_dropped
        self._loop = asyncio.get_running_loop()
        self._queue: collections.deque[bytes] = collections.deque()
        self._empty = asyncio.Event()
        self._empty.set()
        self._open = True
        self._assembler = parts.Assembler()
        self._loop.add_reader(sock, self._read)

    def send(self, message: messages.Message) -> None:
        """Send ``message`` now or as soon as the peer reads. After the loss of the peer it goes nowhere."""
        if not self._open:
            return
        try:
            datagrams = parts.datagrams(message)
        except parts.TooLarge as problem:
            self._on_dropped("too_large")
            log.error("message_too_large", problem=str(problem))  # noqa: TRY400 - the sentence says it all
            return
        for datagram in datagrams:
            if self._open:
                self._send(datagram)

    def _send(self, datagram: bytes) -> None:
        if self._queue:
            self._enqueue(datagram)
            return
        try:
            self._sock.send(datagram)
        except BlockingIOError:
            self._enqueue(datagram)
            self._loop.add_writer(self._sock, self._write)
        except OSError as error:
            self._lose(f"send failed: {error}")

    @property
    def waiting(self) -> int:
        """Messages that the peer has not taken yet."""
        return len(self._queue)

    async def emptied(self, patience: float) -> None:
        """Wait until the peer has taken everything, or is lost, for at most ``patience`` seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), patience)

    def read_rest(self) -> None:
        """Read what a peer said before it went, as far as it has arrived. For a peer that sends no more."""
        while self._open and self._read():
            pass

    def close(self) -> None:
        """Close the socket. ``on_lost`` is not called."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)
            self._queue.clear()
            self._empty.set()
            self._sock.close()

    def _enqueue(self, datagram: bytes) -> None:
        if len(self._queue) >= MAX_QUEUED:
            self._lose(f"{MAX_QUEUED} messages unread")
            return
        self._queue.append(datagram)
        self._empty.clear()

    def _write(self) -> None:
        try:
            while self._queue:
                self._sock.send(self._queue[0])
                self._queue.popleft()
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(f"send failed: {error}")
            return
        self._loop.remove_writer(self._sock)
        self._empty.set()

    def _read(self) -> bool:
        """Take some messages; whether there may be more."""
        for _ in range(READS_PER_WAKE):
            if not self._open:
                return False
            try:
                datagram = self._sock.recv(messages.MAX_MESSAGE)
            except BlockingIOError:
                return False
            except OSError as error:
                self._lose(f"receive failed: {error}")
                return False
            if not datagram:
                self._lose("closed by the other side")
                return False
            try:
                message = self._assembler.take(datagram)
            except msgspec.MsgspecError:
                self._on_dropped("undecodable")
                continue
            if message is not None:
                self._on_message(message)
        return True

    def _lose(self, reason: str) -> None:
        if self._open:
            self.close()
            # Later: whoever is in the middle of sending must not find its own world ended on return.
            self._loop.call_soon(self._on_lost, reason)
