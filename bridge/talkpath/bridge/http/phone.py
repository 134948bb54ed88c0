"""The test phone's part of HTTP: offer, keys and hang-up of its calls."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Annotated, Final, Literal

from fastapi import APIRouter, Depends, Header, HTTPException
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from talkpath.bridge.daemon.phone_desk import PhoneRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from talkpath.bridge.daemon.phone_desk import PhoneDesk

_STATUSES: Final = {400: 400, 404: 404, 504: 504}
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


def bearer(tokens: Iterable[str]) -> Callable[[str], None]:
    """A dependency that refuses requests without one of the tokens."""
    known = [token.encode() for token in tokens]

    def check(authorization: Annotated[str, Header()] = "") -> None:
        scheme, _, given = authorization.partition(" ")
        right = [hmac.compare_digest(given.strip().encode(), token) for token in known]
        if scheme.lower() != "bearer" or not any(right):
            raise HTTPException(401, "A token is needed.", {"WWW-Authenticate": "Bearer"})

    return check


def phone_router(desk: Callable[[], PhoneDesk | None], check: Callable[[str], None]) -> APIRouter:
    """Build the routes below ``/phone``.

    Args:
        desk: Returns the supervisor's desk for calls of browsers, once there is one.
        check: Refuses requests that may not call.
    """
    router = APIRouter(prefix="/phone")
    guarded = [Depends(check)]

    def present() -> PhoneDesk:
        found = desk()
        if found is None:
            raise HTTPException(503, "The daemon is starting.")
        return found

    @router.get("/agents", dependencies=guarded)
    async def agents() -> Agents:
        return Agents(agents=present().agents)

    @router.post("/offer", dependencies=guarded, response_model=Answer)
    async def offer(wanted: Offer) -> Answer | JSONResponse:
        try:
            answered = await present().offer(wanted.agent, wanted.sdp)
        except PhoneRefusedError as refused:
            return JSONResponse({"detail": refused.reason}, _STATUSES.get(refused.status, 503))
        return Answer(call=answered.call, sdp=answered.sdp)

    @router.post("/calls/{call}/keys", dependencies=guarded, status_code=204)
    async def press(call: str, pressed: Key) -> None:
        _found(known=present().press(call, pressed.key))

    @router.delete("/calls/{call}", dependencies=guarded, status_code=204)
    async def hang_up(call: str) -> None:
        _found(known=present().hang_up(call))

    return router


def _found(*, known: bool) -> None:
    if not known:
        raise HTTPException(404, "There is no such call of a browser; it may be over.")
