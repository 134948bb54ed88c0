"""The operator's door: ``/metrics``, ``/healthz``, ``/readyz`` and more, in the supervisor's own loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import socket
from typing import TYPE_CHECKING, Any, Protocol, cast

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from talkpath.bridge.config.values import HostPort
from talkpath.bridge.observe.shared import exposition

from .connection import PATIENCE, Connection
from .health import report, why_not_alive, why_not_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from starlette.types import ASGIApp

    from talkpath.bridge.observe.metrics import Metrics

    from .health import DaemonSnapshot

STOP_PATIENCE = 3
"""Seconds that a slow reader gets when the daemon ends."""
TICK = 1.0
"""Seconds between two looks at the clock, for the Date header."""


class DaemonState(Protocol):
    """What the application asks of the daemon."""

    def snapshot(self) -> DaemonSnapshot:
        """Tell the state of this moment. Cheap: it is called for each request."""


class HttpServerError(Exception):
    """The address cannot be served; the text says why and what to do."""


def create_app(state: DaemonState, metrics: Metrics, parts: Mapping[str, ASGIApp] | None = None) -> FastAPI:
    """Build the application.

    Args:
        state: the daemon.
        metrics: the supervisor's metrics; in multiprocess mode those of all processes are served.
        parts: other applications, by the path below which they are.
    """
    app = FastAPI(title="Talkpath", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/metrics")
    def metrics_page() -> Response:
        body, content_type = exposition(metrics.registry)
        return Response(body, headers={"Content-Type": content_type})

    @app.get("/healthz")
    async def healthz() -> Response:
        now = state.snapshot()
        return _verdict(now, why_not_alive(now))

    @app.get("/readyz")
    async def readyz() -> Response:
        now = state.snapshot()
        return _verdict(now, why_not_ready(now))

    for path, part in (parts or {}).items():
        app.mount(path, part)
    return app


def _verdict(state: DaemonSnapshot, problems: list[str]) -> Response:
    return JSONResponse(report(state, problems), status_code=503 if problems else 200)


class _QuietServer(uvicorn.Server):
    """A server that leaves signals to the daemon, tells when it is up, and sleeps when it is idle."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self._leaving = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def main_loop(self) -> None:
        """As the library's, which wakes ten times a second: most of what an idle daemon would cost."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), TICK)

    def leave(self) -> None:
        """Let `serve` come to its end."""
        self.should_exit = True
        self._leaving.set()


class HttpServer:
    """Serves an application until `stop`.

    Args:
        app: The application.
        host: The address to listen on.
        port: Its port; 0 takes any.
        refused: Told the cause of each connection that is closed unheard.
        patience: Seconds in which a request has to be complete.
    """

    def __init__(
        self,
        app: FastAPI,
        host: str,
        port: int,
        refused: Callable[[str], None] = lambda _cause: None,
        patience: float = PATIENCE,
    ) -> None:
        self._wanted = HostPort(host, port)
        self._server = _QuietServer(
            uvicorn.Config(
                app,
                http=cast("Any", functools.partial(Connection, refused, patience)),
                ws="none",
                # A proxy's word about its clients is not ours to believe: it is the proxy that asks.
                proxy_headers=False,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=STOP_PATIENCE,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> HostPort:
        """Open the address; returns it with the port that was taken.

        Raises:
            HttpServerError: the address is in use, not ours, or not allowed.
        """
        listener = _bind(self._wanted)
        host, port = listener.getsockname()[:2]
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name="http")
        up = asyncio.create_task(self._server.up.wait())
        await asyncio.wait({up, self._task}, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        return HostPort(host, port)

    async def stop(self) -> None:
        """Close the address and wait for answers that are under way."""
        if self._task is not None:
            self._server.leave()
            await self._task
            self._task = None


def _bind(address: HostPort) -> socket.socket:
    try:
        family, kind, proto, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, proto)
    except OSError as error:
        raise HttpServerError(_sentence(address, error)) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(128)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise HttpServerError(_sentence(address, error)) from None
    return listener


def _sentence(address: HostPort, error: OSError) -> str:
    advice = {
        errno.EADDRINUSE: "another program has it. Choose another port in [http] listen, or 0 for any.",
        errno.EADDRNOTAVAIL: "this machine does not have that address. Correct [http] listen.",
        errno.EACCES: "ports below 1024 need a privilege. Choose a higher one in [http] listen.",
    }
    why = advice.get(error.errno or 0, f"{error.strerror or error}. Correct [http] listen.")
    return f"HTTP cannot listen on {address}: {why}"
