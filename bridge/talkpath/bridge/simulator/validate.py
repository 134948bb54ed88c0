"""From the text of a client to a checked event, or to the error the real server would answer with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from talkpath.bridge.simulator.schema_events import EVENTS

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from talkpath.bridge.simulator.timeline import Json

_APPEND = "input_audio_buffer.append"


@dataclass(eq=False)
class Rejected(Exception):  # noqa: N818 - a verdict about the client's event, not a fault of the server
    """The event is refused; nothing of it was applied.

    ``event_id`` is the client's, so that it can match the error to its event.
    """

    code: str | None
    message: str
    param: str | None = None
    event_id: str | None = None
    type: str = "invalid_request_error"

    def as_error(self) -> Json:
        """Return the object that stands in ``error`` of the server's event."""
        return {
            "type": self.type,
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "event_id": self.event_id,
        }


def parse_event(text: str | bytes) -> Json:
    """Return the event of one frame as the client sent it, after checking it.

    Raises:
        Rejected: with the code and the parameter path of the first thing that is wrong.
    """
    if isinstance(text, bytes):
        raise Rejected("invalid_event", "Binary frames are not supported; send JSON as text frames.")
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        raise Rejected("invalid_json", "The frame is not valid JSON.") from None
    if not isinstance(event, dict):
        raise Rejected("invalid_json", "The frame is not a JSON object.")
    event_id = event.get("event_id")
    try:
        _check(event)
    except Rejected as rejected:
        rejected.event_id = event_id if isinstance(event_id, str) else None
        raise
    return event


def _check(event: Json) -> None:
    """Check one decoded event against its model and the rules that span fields."""
    kind = event.get("type")
    if kind is None:
        raise Rejected("missing_required_parameter", "Missing required parameter: 'type'.", "type")
    model = EVENTS.get(kind) if isinstance(kind, str) else None
    if model is None:
        names = ", ".join(f"'{name}'" for name in EVENTS)
        raise Rejected("invalid_value", f"Invalid value: '{kind}'. Supported values are: {names}.", "type")
    if kind == _APPEND and isinstance(event.get("audio"), str) and len(event) == 2:
        return  # the common case, fifty times a second and call: nothing else to check
    try:
        model.model_validate(event)
    except ValidationError as error:
        raise _first(error) from None
    _check_together(event)


def _first(error: ValidationError) -> Rejected:
    """Translate the first finding. A nested session without a type is told about that first."""
    details = error.errors(include_url=False)
    missing = [d for d in details if d["type"] == "missing" and d["loc"] == ("session", "type")]
    return _translate((missing or details)[0])


def _path(loc: tuple[int | str, ...]) -> str:
    """Return the dotted path of a finding, without the tags of alternatives."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not part.startswith("#") and part != "[key]":
            path += f".{part}" if path else part
    return path or "event"


def _translate(detail: ErrorDetails) -> Rejected:
    """Turn one pydantic finding into code, message and path of the protocol."""
    kind, path, context = detail["type"], _path(detail["loc"]), detail.get("ctx", {})
    given = detail["input"]
    if kind == "extra_forbidden":
        return Rejected("unknown_parameter", f"Unknown parameter: '{path}'.", path)
    if kind == "missing":
        return Rejected("missing_required_parameter", f"Missing required parameter: '{path}'.", path)
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        return _bad_alternative(path, given)
    if kind == "literal_error":
        return Rejected(
            "invalid_value", f"Invalid value: '{given}'. Supported values are: {context['expected']}.", path
        )
    if kind in {"greater_than_equal", "less_than_equal"}:
        return _out_of_range(path, given, kind, context)
    if kind.endswith(("_type", "_parsing")):
        wanted = kind.removesuffix("_type").removesuffix("_parsing")
        found = type(given).__name__
        message = f"Invalid type for '{path}': expected {wanted}, but got {found} instead."
        return Rejected("invalid_type", message, path)
    if kind in {"string_too_long", "too_long"}:
        limit = context.get("max_length")
        return Rejected(
            "string_above_max_length", f"Invalid '{path}': longer than the maximum of {limit}.", path
        )
    return Rejected("invalid_value", f"Invalid '{path}': {detail['msg']}.", path)


def _bad_alternative(path: str, given: Any) -> Rejected:
    """Name the field that selects among alternatives."""
    if not isinstance(given, dict):
        return Rejected("invalid_type", f"Invalid type for '{path}': expected an object.", path)
    field = "role" if given.get("type") == "message" else "type"
    if field not in given:
        where = f"{path}.{field}"
        return Rejected("missing_required_parameter", f"Missing required parameter: '{where}'.", where)
    return Rejected("invalid_value", f"Invalid value: '{given[field]}'.", f"{path}.{field}")


def _out_of_range(path: str, given: Any, kind: str, context: dict[str, Any]) -> Rejected:
    """Name the bound that was crossed."""
    noun = "integer" if isinstance(given, int) else "decimal"
    below = kind == "greater_than_equal"
    bound = context["ge"] if below else context["le"]
    code = f"{noun}_{'below_min' if below else 'above_max'}_value"
    side, sign = ("below minimum", ">=") if below else ("above maximum", "<=")
    message = (
        f"Invalid '{path}': {noun} {side} value. Expected a value {sign} {bound}, but got {given} instead."
    )
    return Rejected(code, message, path)


def _check_together(event: Json) -> None:
    """Check the rules that one field alone cannot break."""
    for name in ("session", "response"):
        settings = event.get(name) or {}
        if len(set(settings.get("output_modalities") or ())) > 1:
            path = f"{name}.output_modalities"
            raise Rejected(
                "invalid_value", "Invalid modalities: ['text'] and ['audio'] exclude each other.", path
            )
        _check_mcp([t for t in settings.get("tools") or () if t["type"] == "mcp"], f"{name}.tools")


def _check_mcp(tools: list[Json], path: str) -> None:
    """Check labels and addresses of MCP servers."""
    labels = [tool["server_label"] for tool in tools]
    for tool in tools:
        if labels.count(tool["server_label"]) > 1:
            raise Rejected("invalid_value", f"Duplicate server_label '{tool['server_label']}'.", path)
        addresses = [name for name in ("server_url", "connector_id", "tunnel_id") if tool.get(name)]
        if len(addresses) != 1:
            message = "Exactly one of server_url, connector_id and tunnel_id is required for an MCP tool."
            raise Rejected("invalid_value", message, path)
        headers = {name.lower() for name in tool.get("headers") or {}}
        if tool.get("authorization") and "authorization" in headers:
            raise Rejected("invalid_value", "Give authorization once: as a field or as a header.", path)
