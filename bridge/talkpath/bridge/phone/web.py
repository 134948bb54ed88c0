"""The phone in HTTP: its page, and offer, keys and hang-up of its calls, with the tokens of the API."""

from __future__ import annotations

from http import HTTPStatus
from importlib import resources
from typing import TYPE_CHECKING, Final, Literal

from fastapi import FastAPI
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from talkpath.bridge.api.app import refuse_with_reasons
from talkpath.bridge.api.door import Door
from talkpath.bridge.api.problems import ApiError
from talkpath.bridge.api.security import Operator  # noqa: TC001 - FastAPI reads the annotations
from talkpath.bridge.daemon.phone_desk import PhoneRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from talkpath.bridge.api.access import Gate
    from talkpath.bridge.daemon.phone_desk import PhoneDesk
    from talkpath.bridge.observe.metrics import Metrics

PREFIX: Final = "/phone"
SECURITY: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}
_FILES: Final = {
    "/": "phone.html",
    **{
        f"/{name}": name
        for name in ("page.js", "page.css", "phone.js", "phone.css", "transcript.js", "icon.svg")
    },
}
_STATUSES: Final = {
    400: HTTPStatus.BAD_REQUEST,
    404: HTTPStatus.NOT_FOUND,
    504: HTTPStatus.GATEWAY_TIMEOUT,
}
"""What a refusal is in HTTP; whatever is not here is 503: try again later."""


class Offer(BaseModel):
    """A browser's wish to talk to an agent."""

    model_config = ConfigDict(extra="forbid")

    sdp: str = Field(max_length=20_000, description="The SDP offer: one stream of audio in Opus.")
    agent: str = Field(max_length=100, description="Who is called.")


class Answer(BaseModel):
    """The agent is there."""

    call: str = Field(description="Id of the call.")
    sdp: str = Field(description="The SDP answer, with all its candidates.")


class Agents(BaseModel):
    """Who may be called."""

    agents: tuple[str, ...]


class Key(BaseModel):
    """A key of the telephone."""

    model_config = ConfigDict(extra="forbid")

    key: Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#", "A", "B", "C", "D"]


def guarded_phone(desk: Callable[[], PhoneDesk | None], gate: Gate, metrics: Metrics) -> ASGIApp:
    """Build the application behind its door; the page itself holds no secret, and asks for a token."""
    return Door(create_phone(desk), gate, metrics, frozenset(_FILES))


def create_phone(desk: Callable[[], PhoneDesk | None]) -> FastAPI:
    """Build the application; nothing stands before its door yet.

    Args:
        desk: Returns the supervisor's desk for calls of browsers, once there is one.
    """
    app = FastAPI(title="Talkpath phone", docs_url=None, redoc_url=None, openapi_url=None)
    refuse_with_reasons(app)
    for path, name in _FILES.items():
        app.add_api_route(path, _file(name), methods=["GET"])

    def present() -> PhoneDesk:
        found = desk()
        if found is None:
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "The daemon is starting.")
        return found

    @app.get("/agents")
    async def agents(_who: Operator) -> Agents:
        return Agents(agents=present().agents)

    @app.post("/offer")
    async def offer(_who: Operator, wanted: Offer) -> Answer:
        try:
            answered = await present().offer(wanted.agent, wanted.sdp)
        except PhoneRefusedError as refused:
            status = _STATUSES.get(refused.status, HTTPStatus.SERVICE_UNAVAILABLE)
            raise ApiError(status, refused.reason) from None
        return Answer(call=answered.call, sdp=answered.sdp)

    @app.post("/calls/{call}/keys", status_code=204)
    async def press(_who: Operator, call: str, pressed: Key) -> None:
        _found(known=present().press(call, pressed.key))

    @app.delete("/calls/{call}", status_code=204)
    async def hang_up(_who: Operator, call: str) -> None:
        _found(known=present().hang_up(call))

    return app


def _found(*, known: bool) -> None:
    if not known:
        raise ApiError(HTTPStatus.NOT_FOUND, "There is no such call of a browser; it may be over.")


def _file(name: str) -> Callable[[], Response]:
    """Read a file of the page once; return what serves it."""
    body = resources.files("talkpath.bridge.phone").joinpath("page", name).read_bytes()
    kind = _TYPES[name.rpartition(".")[2]]

    def serve() -> Response:
        return Response(body, headers={"Content-Type": kind, **SECURITY})

    return serve
