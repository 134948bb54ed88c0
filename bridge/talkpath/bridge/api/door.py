"""Stands before every request: where it comes from, whose it is, how long it is. An ASGI middleware.

It looks before anything of the body is read, so that a stranger cannot make us read or keep anything.
"""

from __future__ import annotations

import functools
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import structlog
from starlette.datastructures import Headers
from starlette.responses import Response

from .problems import MEDIA_TYPE, ApiError, problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from talkpath.bridge.observe.metrics import Metrics

    from .access import Gate

log = structlog.get_logger(__name__)

MAX_BODY: Final = 64 * 1024
"""Bytes of a request."""
ACCESS: Final = "access"
"""Key in the state of a request: who asks."""
STILL: Final = "still"
"""Key in the state of a request: tells whether who asks still would be let in."""
CAUSES: Final = {
    HTTPStatus.NOT_FOUND: "closed",
    HTTPStatus.FORBIDDEN: "remote",
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
}


class Door:
    """Lets in who may come in.

    Args:
        app: What is behind.
        gate: Knows who may.
        metrics: Where requests are counted.
        open_paths: Paths for which no token is asked: descriptions, not data.
        console: Whether it is the console's door.
    """

    def __init__(
        self,
        app: ASGIApp,
        gate: Gate,
        metrics: Metrics,
        open_paths: frozenset[str] = frozenset(),
        *,
        console: bool = False,
    ) -> None:
        self._console = console
        self._app = app
        self._gate = gate
        self._metrics = metrics
        self._open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            self._admit(scope)
        except ApiError as refusal:
            self._metrics.api_requests.labels(CAUSES[refusal.status]).inc()
            await refuse(refusal)(scope, receive, send)
            return
        self._metrics.api_requests.labels("served").inc()
        try:
            await self._app(scope, _bounded(receive), send)
        except Exception:  # a task root; the client has been told by `broke`
            self._metrics.internal_errors.labels("api").inc()
            log.exception("api_broke", path=scope["path"])

    def _admit(self, scope: Scope) -> None:
        self._gate.check_open(console=self._console)
        client = scope.get("client")
        self._gate.check_source(client[0] if client else None)
        headers = Headers(scope=scope)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path not in self._open_paths:
            token = headers.get("authorization")
            state = scope.setdefault("state", {})
            state[ACCESS] = self._gate.identify(token)
            state[STILL] = functools.partial(self._gate.knows, token)
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > MAX_BODY:
            raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body has more than {MAX_BODY} octets.")


def _bounded(receive: Receive) -> Receive:
    """A body without a length is cut off as a hang-up of the client, once it is too long."""
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        return {"type": "http.disconnect"} if read > MAX_BODY else message

    return bounded


def refuse(refusal: ApiError) -> Response:
    """A refusal as a response."""
    headers = {"Cache-Control": "no-store"}
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="talkpath"'
    return Response(
        problem(refusal.status, refusal.detail).model_dump_json(),
        status_code=refusal.status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )
