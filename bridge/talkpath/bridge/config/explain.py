"""Pydantic's findings in the words of the person who wrote the file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import BaseModel

from .model import Config
from .problems import nearest, spell

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

    from .problems import Path

_WRONG_TYPES: Final = {
    "string_type": ("must be text", 'Write it in quotes: {key} = "…"'),
    "tuple_type": ("must be a list", "Write it in brackets: {key} = […]"),
    "list_type": ("must be a list", "Write it in brackets: {key} = […]"),
    "bool_type": ("must be true or false", "Write {key} = true, without quotes."),
    "bool_parsing": ("must be true or false", "Write {key} = true, without quotes."),
    "int_type": ("must be a whole number", "Write {key} = 1, without quotes."),
    "int_parsing": ("must be a whole number", "Write {key} = 1, without quotes."),
    "float_type": ("must be a number", "Write {key} = 0.5, without quotes."),
    "float_parsing": ("must be a number", "Write {key} = 0.5, without quotes."),
    "dict_type": ("must be a table", "Write it as a section: [{path}]"),
    "model_type": ("must be a table", "Write it as a section: [{path}]"),
    "model_attributes_type": ("must be a table", "Write it as a section: [{path}]"),
}
"""What TOML calls the types that pydantic names, and how they are written."""

_SECRET_KEYS = {"api_key", "password"}


Explanation = tuple["Path", str, str]
"""Path of the key, reason, hint."""


def explain_all(details: Iterable[ErrorDetails], data: dict[str, Any]) -> list[Explanation]:
    """Explain all findings, without the ones that only say "and it is not the other alternative"."""
    explained = [(detail["type"], explain(detail, data)) for detail in details]
    return [
        found
        for kind, found in explained
        if not (
            kind == "literal_error"
            and any(other is not found and other[0][: len(found[0])] == found[0] for _, other in explained)
        )
    ]


def explain(detail: ErrorDetails, data: dict[str, Any]) -> Explanation:
    """Turn one finding into where, what and what next.

    Args:
        detail: one entry of ``ValidationError.errors()``.
        data: the parsed file, which tells real keys from pydantic's names for alternatives.

    Returns:
        Path of the key, reason, hint.
    """
    path = _real_path(detail["loc"], data, missing=detail["type"] == "missing")
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "refused":
        return path, str(context["reason"]), str(context["hint"])
    if kind == "extra_forbidden":
        return path, "unknown key", nearest(str(path[-1]), known_keys(path[:-1]))
    if kind == "missing":
        return path, "is missing", f"Add {path[-1]} = …"
    if kind == "literal_error":
        expected = str(context["expected"]).replace("'", '"')
        return path, f"{_shown(path, detail)} is none of the choices", f"Choose {expected}."
    if kind in _WRONG_TYPES:
        reason, hint = _WRONG_TYPES[kind]
        return (
            path,
            reason + _but_is(path, detail),
            hint.format(key=path[-1] if path else "", path=spell(path)),
        )
    return path, _sentence(detail["msg"]) + _but_is(path, detail), ""


def known_keys(path: Path) -> list[str]:
    """Keys that a table may have, as they are written in the file."""
    model = _model_at(path)
    if model is None:
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(path: Path) -> type[BaseModel] | None:
    model: type[BaseModel] = Config
    for part in path:
        if isinstance(part, int):
            continue
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if part not in fields:
            continue  # the name of an agent
        inner = section_in(fields[part].annotation)
        if inner is None:
            return None
        model = inner
    return model


def section_in(annotation: object) -> type[BaseModel] | None:
    """The section inside ``Section | None``, ``dict[str, Section]``, ``tuple[Section, ...]`` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = section_in(argument)
        if found is not None:
            return found
    return None


def _real_path(location: tuple[str | int, ...], data: object, *, missing: bool) -> Path:
    """Drop what is not a key of the file: names of union members and ``[key]`` marks."""
    path: list[str | int] = []
    node = data
    for position, part in enumerate(location):
        if _holds(node, part):
            node = node[part]  # type: ignore[index]  # _holds says that it can be indexed so
        elif not missing or position < len(location) - 1:
            continue
        path.append(part)
    return tuple(path)


def _holds(node: object, part: str | int) -> bool:
    if isinstance(node, dict):
        return part in node
    return isinstance(node, list) and isinstance(part, int) and part < len(node)


def _sentence(message: str) -> str:
    text = message.removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
    return text[:1].lower() + text[1:]


def _but_is(path: Path, detail: ErrorDetails) -> str:
    return f", but is {_shown(path, detail)}"


def _shown(path: Path, detail: ErrorDetails) -> str:
    if any(part in _SECRET_KEYS or part == "headers" for part in path):
        return "something else"
    text = json.dumps(detail["input"], default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"
