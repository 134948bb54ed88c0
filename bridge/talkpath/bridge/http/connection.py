"""One HTTP connection, from whomever: few at a time, and a request must be complete in time.

The library takes any number of connections, and waits without end for a request to be complete. Each costs a
file descriptor of the supervisor, which needs some to start a worker again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

from talkpath.bridge.http.loopback import is_loopback

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

MAX_CONNECTIONS: Final = 400
"""Connections at one time."""
MAX_REMOTE: Final = 200
"""From when on other machines get none: who works on this one must always be able to ask."""
PATIENCE: Final = 10.0
"""Seconds in which a request has to be complete, its body too."""


class Connection(H11Protocol):
    """A connection that is closed when there are too many, or when its request does not come.

    Args:
        refused: Told the cause when a connection is closed, or a request is none.
        patience: Seconds in which a request has to be complete.
        of_server: What the server gives to each protocol.
    """

    def __init__(self, refused: Callable[[str], None], patience: float, **of_server: Any) -> None:
        super().__init__(**of_server)
        self._refused = refused
        self._patience = patience
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as the library
        """Take a connection, if there is room."""
        super().connection_made(transport)
        remote = self.client is not None and not is_loopback(self.client[0])
        if len(self.connections) > (MAX_REMOTE if remote else MAX_CONNECTIONS):
            self._close("too_many")
        else:
            self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._calm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._look()

    def send_400_response(self, msg: str) -> None:
        """Say that this was no request."""
        self._refused("malformed")
        super().send_400_response(msg)

    def _look(self) -> None:
        """Run the clock while a request is awaited, in whole or in part."""
        awaited = self.cycle is None or self.cycle.response_complete or self.cycle.more_body
        if not awaited or self.transport.is_closing():
            self._calm()
        elif self._timer is None:
            self._timer = self.loop.call_later(self._patience, self._close, "slow")

    def _calm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self, cause: str) -> None:
        self._refused(cause)
        self.transport.abort()
