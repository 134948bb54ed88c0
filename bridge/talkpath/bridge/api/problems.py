"""Why a request is not carried out, for the person who made it (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from .models import Problem

if TYPE_CHECKING:
    from talkpath.sip.messages import Verdict

MEDIA_TYPE: Final = "application/problem+json"

STATUS_OF: Final[dict[Verdict, HTTPStatus]] = {
    "no_call": HTTPStatus.NOT_FOUND,
    "not_now": HTTPStatus.CONFLICT,
    "unknown_target": HTTPStatus.UNPROCESSABLE_ENTITY,
    "not_allowed": HTTPStatus.FORBIDDEN,
    "closed": HTTPStatus.CONFLICT,
    "invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""What HTTP calls the verdict of a worker on an order."""


class ApiError(Exception):
    """A request that is not carried out.

    Args:
        status: The HTTP status.
        detail: What is wrong and what to do.
    """

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def problem(status: int, detail: str) -> Problem:
    """The same as JSON."""
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
