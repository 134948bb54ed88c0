"""The application of the control API: its routes, its description, how it says no."""

from __future__ import annotations

import inspect
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException as StarletteError

from talkpath.bridge.records.problems import RecordsError

from . import calls, daemon, records
from .door import Door, refuse
from .events import Event
from .models import Problem
from .problems import MEDIA_TYPE, ApiError

if TYPE_CHECKING:
    from fastapi.responses import Response
    from starlette.types import ASGIApp

    from talkpath.bridge.observe.metrics import Metrics

    from .access import Gate
    from .service import Control

PREFIX: Final = "/api/v1"
DESCRIPTION: Final = "Watch and steer a Talkpath daemon: live calls, orders about them, records, events."
_REF: Final = "#/components/schemas/{model}"
OPEN_PATHS: Final = frozenset({"/openapi.json"})


def create_api(control: Control | None) -> FastAPI:
    """Build the application; nothing stands before its door yet.

    Args:
        control: The service behind the handlers; None: only to describe it.
    """
    api = FastAPI(
        title="Talkpath control API",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        servers=[{"url": PREFIX}],
        generate_unique_id_function=lambda route: route.name,
        responses={
            "default": {
                "description": "Not carried out, and why.",
                "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
            }
        },
    )
    api.state.control = control
    for part in (calls, daemon, records):
        api.include_router(part.router)
    refuse_with_reasons(api)
    api.add_exception_handler(RecordsError, _no_database)
    api.openapi = lambda: describe(api)  # type: ignore[method-assign]  # FastAPI's own way to extend it
    return api


def refuse_with_reasons(app: FastAPI) -> None:
    """Let an application say no as the API does: with a Problem that names the reason."""
    app.add_exception_handler(ApiError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StarletteError, _other)
    app.add_exception_handler(Exception, _broke)


def guarded(control: Control, gate: Gate, metrics: Metrics) -> ASGIApp:
    """The application behind its door."""
    return Door(create_api(control), gate, metrics, OPEN_PATHS)


def describe(api: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made from the models of requests, answers, events and records."""
    if api.openapi_schema is None:
        document = get_openapi(
            title=api.title,
            version=api.version,
            description=api.description,
            routes=api.routes,
            servers=api.servers,
        )
        schemas = document["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)  # that is a Problem like the others
        schemas.update(_extra_schemas())
        document["components"]["schemas"] = dict(sorted(schemas.items()))
        api.openapi_schema = document
    return api.openapi_schema


def _extra_schemas() -> dict[str, Any]:
    """What the handlers write themselves: problems, events, and the rows of the database."""
    found: dict[str, Any] = {"Problem": Problem.model_json_schema(ref_template=_REF)}
    event = TypeAdapter(Event).json_schema(ref_template=_REF)
    found.update(event.pop("$defs"))
    found["Event"] = {"title": "Event", "description": "One line of `data` in the stream.", **event}
    rows = [records.CallRecords, records.FullCall]
    _, components = msgspec.json.schema_components(rows, ref_template="#/components/schemas/{name}")
    stored = {name: schema for name, schema in components.items() if name != "Call"}
    renamed = msgspec.json.encode(stored).replace(
        b'"#/components/schemas/Call"', b'"#/components/schemas/CallRecord"'
    )
    found.update(msgspec.json.decode(renamed))
    found["CallRecord"] = {**components["Call"], "title": "CallRecord"}
    for schema in found.values():  # until Python 3.13 docstrings come with the indentation of their source
        schema["description"] = inspect.cleandoc(schema["description"])
    return found


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, ApiError):
        raise error
    return refuse(error)


async def _invalid(_request: Request, error: Exception) -> Response:
    """Say what is wrong, without repeating what was sent: it may be private."""
    if not isinstance(error, RequestValidationError):
        raise error
    sentences = [
        f"{'.'.join(map(str, one['loc'][1:])) or 'body'}: {one['msg'].removeprefix('Value error, ')}"
        for one in error.errors()
    ]
    return refuse(ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(sentences)))


async def _other(_request: Request, error: Exception) -> Response:
    if not isinstance(error, StarletteError):
        raise error
    status = HTTPStatus(error.status_code)
    details = {
        HTTPStatus.NOT_FOUND: f"There is no such path. The description is at {PREFIX}/openapi.json.",
        HTTPStatus.METHOD_NOT_ALLOWED: f"The path takes other methods; see {PREFIX}/openapi.json.",
    }
    return refuse(ApiError(status, details.get(status, str(error.detail))))


async def _broke(_request: Request, _error: Exception) -> Response:
    """Our own mistake; the door logs and counts it."""
    return refuse(
        ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "The daemon made a mistake: see api_broke in its log.")
    )


async def _no_database(_request: Request, error: Exception) -> Response:
    return refuse(ApiError(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}."))


__all__ = ["PREFIX", "create_api", "describe", "guarded", "refuse_with_reasons"]
