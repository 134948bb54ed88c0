"""Serves the files of the console. They hold no secret: the page asks for a token."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from talkpath.bridge.api.door import Door

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from talkpath.bridge.api.access import Gate
    from talkpath.bridge.observe.metrics import Metrics

PREFIX: Final = "/console"
INDEX: Final = "console.html"
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
"""Nothing but our own files runs or is shown; the page can neither be framed nor send forms anywhere."""
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


def files() -> dict[str, bytes]:
    """The files of the page by name."""
    folder = resources.files("talkpath.bridge.console") / "page"
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()}


def guarded_console(gate: Gate, metrics: Metrics) -> ASGIApp:
    """The page behind a door that asks for no token, but where one comes from."""
    found = files()
    paths = frozenset({"/", *(f"/{name}" for name in found)})
    return Door(create_console(found), gate, metrics, paths, console=True)


def create_console(found: dict[str, bytes]) -> Starlette:
    """Build the application.

    Args:
        found: The files by name.
    """
    routes = [Route("/", _file(INDEX, found[INDEX]))]
    routes += [Route(f"/{name}", _file(name, content)) for name, content in found.items()]
    return Starlette(routes=routes)


def _file(name: str, content: bytes) -> Callable[[Request], Awaitable[Response]]:
    media_type = TYPES[name[name.rindex(".") :]]

    async def answer(_request: Request) -> Response:
        return Response(content, media_type=media_type, headers=HEADERS)

    return answer
