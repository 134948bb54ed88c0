"""Which of the client's functions fits a meaning, with which arguments, and what its result sounds like."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from talkpath.bridge.simulator.reply import FunctionCall

if TYPE_CHECKING:
    from collections.abc import Iterable

    from talkpath.bridge.simulator.grammar import Understood
    from talkpath.bridge.simulator.timeline import Json

KEYWORDS: dict[str, tuple[str, ...]] = {
    "transfer": ("transfer", "human|operator|handoff"),
    "goodbye": ("hang_?up|end_call", "goodbye"),
    "status": ("status", "look_?up|find|track", "repair|order|ticket"),
    "book": ("book|appointment|schedule|reserve",),
    "hours": ("hours|opening",),
    "address": ("address|location|directions",),
    "price": ("price|cost|quote",),
}
"""What the name of a function for a meaning contains, best first."""

LONGEST_OUTPUT = 400
"""Characters of a function's result that are spoken."""


def pick_tool(intent: str, tools: Iterable[Json]) -> Json | None:
    """Return the function whose name fits a meaning best, None when none does."""
    tools = tuple(tools)
    for pattern in KEYWORDS.get(intent, ()):
        for tool in tools:
            if re.search(pattern, tool["name"], re.IGNORECASE):
                return tool
    return None


def make_call(tool: Json, meant: Understood) -> FunctionCall:
    """Return a call with the required arguments, and the optional ones that were said."""
    parameters = tool.get("parameters") or {}
    required = parameters.get("required", ())
    arguments = {}
    for name, schema in (parameters.get("properties") or {}).items():
        value = _argument(name, schema, meant)
        if value is None and name in required:
            value = _stand_in(schema, meant)
        if value is not None:
            arguments[name] = value
    return FunctionCall(tool["name"], json.dumps(arguments))


def _argument(name: str, schema: Json, meant: Understood) -> Any:
    """Return what was said for a parameter, None when nothing was."""
    options = schema.get("enum") or ()
    said = {meant.day, meant.number, meant.place, meant.place.removeprefix("the ")} - {""}
    for option in options:
        if str(option).lower() in said or str(option).replace("_", " ").lower() in meant.sentence:
            return option
    if options:
        return None
    if re.search("day|date|when|time", name) and meant.day:
        return meant.day
    if re.search("number|ticket|order|repair_?id|^id$", name) and meant.number:
        return int(meant.number) if schema.get("type") in {"integer", "number"} else meant.number
    if re.search("target|destination|extension|department|to$", name) and meant.place:
        return meant.place.removeprefix("the ")
    if re.search("summary|reason|description|problem|query|text|note", name):
        return f"The caller said: {meant.sentence}."
    return None


def _stand_in(schema: Json, meant: Understood) -> Any:
    """Return some value of the right type for a required parameter that was not said."""
    if schema.get("enum"):
        return schema["enum"][0]
    kinds: dict[str, Any] = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
    return kinds.get(str(schema.get("type")), meant.sentence)


def say_output(output: str) -> str:
    """Return a function's result as a sentence; JSON is read out as names and values."""
    try:
        value = json.loads(output)
    except ValueError:
        return output[:LONGEST_OUTPUT]
    if isinstance(value, dict):
        for name in ("say", "message", "text", "answer"):
            if isinstance(value.get(name), str):
                return str(value[name])[:LONGEST_OUTPUT]
    return _read_out(value)[:LONGEST_OUTPUT]


def _read_out(value: Any) -> str:
    """Read a decoded JSON value out."""
    if isinstance(value, dict):
        pairs = (f"{str(key).replace('_', ' ')}: {_read_out(inner)}" for key, inner in value.items())
        return ", ".join(pairs)
    if isinstance(value, list):
        return ", ".join(_read_out(inner) for inner in value)
    words = {True: "yes", False: "no", None: "nothing"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def failed(output: str) -> bool:
    """Say whether a function's result is an error."""
    try:
        value = json.loads(output)
    except ValueError:
        return output.lower().startswith("error")
    if not isinstance(value, dict):
        return False
    return bool(value.get("error")) or value.get("ok") is False or value.get("success") is False
