"""The socket of a Realtime session: the module that knows the ``websockets`` library.

Frames are written and text messages are read without a task switch: the media heartbeat of hundreds of calls
appends audio every few milliseconds, and ``await connection.send()`` costs more than the frame itself.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from talkpath.bridge.realtime.connect_errors import explain
from talkpath.bridge.realtime.frames import LONGEST, SHORTEST, ClientFrames
from talkpath.bridge.realtime.server_frames import ServerFrames

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.realtime.settings import SessionSettings

MAX_FRAME = 8 * 1024 * 1024
"""Bytes of the largest frame accepted. A normal audio delta has 16 to 30 KiB."""
AUDIO_BACKLOG = 256 * 1024
"""Bytes waiting to be written above which caller audio is dropped: old audio is worse than none."""
CONTROL_BACKLOG = 4 * 1024 * 1024
"""Bytes waiting above which the connection is given up: the server has stopped reading."""
MAX_QUEUE = 64
"""Fragmented messages read ahead; then the socket is not read until they are handled."""

log = logging.getLogger(__name__)
_library_log = logging.getLogger(f"{__name__}.websockets")
_library_log.setLevel(logging.INFO)
"""The library's own never goes down to DEBUG, where it writes the headers with the key."""

_frames = ClientFrames()
_END_OF_HEAD = b"\r\n\r\n"


class DirectConnection(ClientConnection):
    """The library's connection, with a short way for text messages in one frame (`ServerFrames`)."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._frames = ServerFrames(MAX_FRAME)
        self._opening = True
        self._tail = b""
        self._early: list[bytes] = []
        self._listener: Callable[[bytes], None] | None = None

    def listen(self, listener: Callable[[bytes], None]) -> None:
        """Give every text message to ``listener``, those first that came before; it must not raise."""
        self._listener = listener
        early, self._early = self._early, []
        for message in early:
            listener(message)

    def data_received(self, data: bytes) -> None:
        """Called by the transport."""
        if self._opening:
            data = self._after_opening(data)
        messages, others = self._frames.cut(data)
        deliver = self._listener or self._early.append
        for message in messages:
            deliver(message)
        if others:
            super().data_received(others)

    def _after_opening(self, data: bytes) -> bytes:
        """Give the library the handshake, and return what follows it."""
        joined = self._tail + data
        end = joined.find(_END_OF_HEAD)
        if end < 0:
            self._tail = joined[-len(_END_OF_HEAD) + 1 :]
            super().data_received(data)
            return b""
        length = end + len(_END_OF_HEAD) - len(self._tail)
        super().data_received(data[:length])
        self._opening = False
        self._frames.handed_over = self.protocol.state is not State.OPEN
        return data[length:]


class RealtimeConnection:
    """One open socket. Make it with :func:`open_connection`.

    Args:
        websocket: the connected socket.
        on_frame: gets every frame as bytes, in order.
        on_close: called once, with the close code (1006: none was received) and the reason, when the
            socket has gone, also when we closed it.
    """

    def __init__(
        self,
        websocket: DirectConnection,
        on_frame: Callable[[bytes], None],
        on_close: Callable[[int, str], None],
    ) -> None:
        self.counts: Counter[str] = Counter()
        """``audio_dropped``, ``control_lost`` and ``callback_failed``."""
        self._websocket = websocket
        self._protocol = websocket.protocol
        self._transport = websocket.transport
        self._on_frame = on_frame
        self._on_close = on_close
        self._verdict: tuple[int, str] | None = None
        self._reader = asyncio.create_task(self._read(), name="realtime-reader")

    @property
    def open(self) -> bool:
        """Whether frames can be sent."""
        return self._protocol.state is State.OPEN and not self._transport.is_closing()

    @property
    def backlog(self) -> int:
        """Bytes that the operating system has not taken yet."""
        return self._transport.get_write_buffer_size() if self.open else 0

    def send_soon(self, data: bytes) -> bool:
        """Write a control frame now. It is never dropped while the socket is open.

        Returns:
            False when the socket is closed or had to be given up; ``on_close`` tells the owner.
        """
        if not self.open:
            self.counts["control_lost"] += 1
            return False
        if self._transport.get_write_buffer_size() > CONTROL_BACKLOG:
            self.counts["control_lost"] += 1
            self._give_up("The server stopped reading.")
            return False
        self._write(data)
        return True

    def send_audio_soon(self, data: bytes) -> bool:
        """Write an audio frame now, or drop it when too much is waiting already.

        Returns:
            False when it was dropped.
        """
        if not self.open or self._transport.get_write_buffer_size() > AUDIO_BACKLOG:
            self.counts["audio_dropped"] += 1
            return False
        if SHORTEST <= len(data) <= LONGEST:
            # A whole frame in one write: it cannot come between the parts of another one.
            self._transport.write(_frames.text(data))
        else:
            self._write(data)
        return True

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close in good manners, for at most the close timeout, and wait until all is gone."""
        await self._websocket.close(code, reason)
        await self._reader

    def _write(self, data: bytes) -> None:
        # What Connection.send() does for a whole message, without its lock and its task switches: nothing
        # else writes data frames on this socket, and none of ours is fragmented.
        self._protocol.send_text(data)
        self._websocket.send_data()

    def _give_up(self, reason: str) -> None:
        self._verdict = self._verdict or (1006, reason)
        self._transport.abort()

    async def _read(self) -> None:
        self._websocket.listen(self._deliver)
        try:
            while True:
                # Only what does not go the short way: fragmented and binary messages.
                frame = await self._websocket.recv(decode=False)
                self._deliver(frame)
        except ConnectionClosed as closed:
            code, reason = self._verdict or _close_of(closed)
        self._on_close(code, reason)

    def _deliver(self, frame: bytes) -> None:
        try:
            self._on_frame(frame)
        except Exception:  # the root of the reader: one bad frame must not end a call
            self.counts["callback_failed"] += 1
            log.exception("A frame of the model server could not be handled")


def _close_of(closed: ConnectionClosed) -> tuple[int, str]:
    """Code and reason that the server gave; 1005 when it closed without, 1006 when it did not close."""
    received = closed.rcvd
    if received is not None:
        return received.code, received.reason
    if closed.sent is not None:
        # We closed because of an error of the server (1002, 1009, 1011), or the server never answered.
        return closed.sent.code, closed.sent.reason
    return 1006, str(closed.__cause__ or "The connection was cut.")[:200]


def tls_context(url: str, ca_file: str = "") -> ssl.SSLContext | None:
    """TLS for a URL: the system's authorities, or those of a file; None for ``ws://``.

    Raises:
        OSError: the file cannot be read, or holds no certificates.
    """
    if not url.startswith("wss://"):
        return None
    return ssl.create_default_context(cafile=ca_file or None)


class _Connect(connect):
    """Connects to the given URL and to nothing else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Never follow: the key in the headers is for the server that was configured."""
        return exc


async def open_connection(
    settings: SessionSettings,
    on_frame: Callable[[bytes], None],
    on_close: Callable[[int, str], None],
    *,
    tls: ssl.SSLContext | None = None,
    proxy: str | None = None,
    open_timeout: float = 5.0,
    close_timeout: float = 2.0,
) -> RealtimeConnection:
    """Connect to the model server.

    Both callbacks run on the event loop; they must not block. Share one ``tls`` context among calls:
    loading the authorities costs milliseconds.

    Args:
        settings: where to, and with which key.
        on_frame: gets every frame as bytes.
        on_close: gets code and reason, once.
        tls: see :func:`tls_context`; None: the default for the scheme of the URL.
        proxy: URL of a proxy; never taken from the environment.
        open_timeout: seconds for TCP, TLS and the handshake.
        close_timeout: seconds for the closing handshake.

    Raises:
        ConnectError: with a sentence that names the server and the next step.
    """
    options: dict[str, Any] = {"ssl": tls} if tls else {}
    try:
        websocket = await _Connect(
            settings.request_url(),
            additional_headers=settings.headers(),
            user_agent_header="Talkpath",
            compression=None,
            proxy=proxy,
            open_timeout=open_timeout,
            close_timeout=close_timeout,
            ping_interval=20.0,
            ping_timeout=20.0,
            max_size=MAX_FRAME,
            max_queue=MAX_QUEUE,
            logger=_library_log,
            create_connection=DirectConnection,
            **options,
        )
    except Exception as error:
        raise explain(error, settings.public_url(), open_timeout) from error
    return RealtimeConnection(cast("DirectConnection", websocket), on_frame, on_close)
