"""What the handlers ask about a request: its service, who made it, what they may."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, cast

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from .access import Access
from .door import ACCESS, STILL
from .problems import ApiError
from .service import Control

_scheme = HTTPBearer(auto_error=False, scheme_name="token", description="A token of the [api] section.")


def control_of(request: Request) -> Control:
    """The service behind the handlers."""
    return cast("Control", request.app.state.control)


def _reader(request: Request, _documented: Annotated[object, Security(_scheme)]) -> Access:
    """Who asks; the door has let nobody in without a token."""
    return cast("Access", getattr(request.state, ACCESS))


def _operator(who: Annotated[Access, Depends(_reader)]) -> Access:
    if not who.may_operate:
        raise ApiError(
            HTTPStatus.FORBIDDEN, f'The token "{who.name}" may only read. Use one of [api] operate.'
        )
    return who


def _listener(request: Request, who: Annotated[Access, Depends(_reader)]) -> Access:
    if who.name not in control_of(request).config.api.listen:
        raise ApiError(
            HTTPStatus.FORBIDDEN,
            f'The token "{who.name}" may not listen. [api] listen names those who may; think of the law.',
        )
    return who


def _still(request: Request) -> Callable[[], bool]:
    return cast("Callable[[], bool]", getattr(request.state, STILL))


READ = [Depends(_reader)]
Reader = Annotated[Access, Depends(_reader)]
Overhearer = Annotated[Access, Depends(_listener)]
Operator = Annotated[Access, Depends(_operator)]
Still = Annotated[Callable[[], bool], Depends(_still)]
"""Tells whether who asks still would be let in."""
