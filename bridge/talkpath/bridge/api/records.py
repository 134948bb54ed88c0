"""Handlers: calls that are over. They run on threads, because the database may take its time."""

# FastAPI reads the annotations when it builds the routes.
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path as FilePath
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import AfterValidator

from talkpath.bridge.config.model import Config
from talkpath.bridge.records.problems import RecordsError
from talkpath.bridge.records.read import CallFilter, Records
from talkpath.bridge.records.rows import Call, FullCall

from .calls import CallId
from .problems import ApiError
from .security import READ, control_of

router = APIRouter(tags=["records"], dependencies=READ)

MAX_LISTED = 500
MAX_OFFSET = 2**31


def _json(name: str) -> dict[int | str, dict[str, Any]]:
    """Where the schema of a record stands: it is made from the types of the database."""
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {200: {"content": {"application/json": {"schema": schema}}}}


class CallRecords(msgspec.Struct):
    """Calls that are over, the newest first."""

    records: list[Call]


def _in_utc(moment: datetime) -> datetime:
    """A moment that a database can compare; without a zone it is this machine's."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999 in UTC") from None


Text = Annotated[str | None, Query(max_length=200)]
Moment = Annotated[datetime | None, AfterValidator(lambda at: at and _in_utc(at))]


@router.get("/records", response_class=Response, responses=_json("CallRecords"))
def list_records(
    request: Request,
    *,
    since: Annotated[Moment, Query(description="Began at or after.")] = None,
    until: Annotated[Moment, Query(description="Began before.")] = None,
    agent: Text = None,
    trunk: Text = None,
    outcome: Text = None,
    cause: Text = None,
    caller: Text = None,
    called: Text = None,
    said: Text = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 50,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
) -> Response:
    """Calls that are over, the newest first. Numbers may have `*` for anything; `said` searches the words."""
    wanted = CallFilter(
        since=since,
        until=until,
        agent=agent,
        trunk=trunk,
        outcome=outcome,
        cause=cause,
        caller=caller,
        called=called,
        said=said,
    )
    with _open(control_of(request).config) as records:
        found = records.list(wanted, limit=limit, offset=offset)
    return _answer(CallRecords(list(found)))


@router.get("/records/{call}", response_class=Response, responses=_json("FullCall"))
def get_record(request: Request, call: CallId) -> Response:
    """All that is stored of a call."""
    return _answer(_record(control_of(request).config, call))


@router.get(
    "/records/{call}/recording",
    response_class=FileResponse,
    responses={200: {"content": {"audio/wav": {}}}, 206: {"description": "A part of it."}},
)
def get_recording(request: Request, call: CallId) -> FileResponse:
    """The recording of a call: caller left, agent right; `Range` gets a part of it."""
    config = control_of(request).config
    path = recording_file(config, _record(config, call).call.recording)
    if path is None:
        raise ApiError(HTTPStatus.NOT_FOUND, f'There is no recording of "{call}", or not any more.')
    return FileResponse(
        path, media_type="audio/wav", filename=path.name, headers={"Cache-Control": "no-store"}
    )


def recording_file(config: Config, stored: str) -> FilePath | None:
    """The file of a recording, if it is there and where recordings are kept.

    What stands in the database may be older than the configuration, or somebody else's: a path is not
    followed out of the folders that the configuration names.
    """
    if not stored:
        return None
    path = FilePath(stored).resolve()
    folders = {agent.recording.directory for agent in config.agents.values()} - {None}
    inside = any(folder is not None and path.is_relative_to(folder.resolve()) for folder in folders)
    return path if inside and path.suffix == ".wav" and path.is_file() else None


def _record(config: Config, call: str) -> FullCall:
    with _open(config) as records:
        found = records.get(call)
    if found is None:
        raise ApiError(HTTPStatus.NOT_FOUND, f'There is no record of a call "{call}".')
    return found


def _open(config: Config) -> Records:
    if not config.records.database:
        raise ApiError(HTTPStatus.NOT_FOUND, 'No records are kept: records.url is "off".')
    return Records(config.records.database)


def _answer(value: msgspec.Struct) -> Response:
    return Response(
        msgspec.json.encode(value), media_type="application/json", headers={"Cache-Control": "no-store"}
    )


__all__ = ["CallRecords", "FullCall", "RecordsError", "recording_file", "router"]
