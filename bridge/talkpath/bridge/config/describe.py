"""The configuration models in the words of a manual: type, limits and default of each key."""

from __future__ import annotations

import types
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from .values import Kind, format_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic.fields import FieldInfo

_PLAIN = {bool: "true or false", int: "whole number", float: "number", str: "text", Path: "path"}


class Key(NamedTuple):
    """One key of a table. ``default`` and ``example`` are TOML, empty where there is none."""

    name: str
    kind: str
    default: str
    example: str
    required: bool
    meaning: str
    table: type[BaseModel] | None
    """The model behind a key that is a table of fixed keys."""


def keys_of(model: type[BaseModel]) -> Iterator[Key]:
    """All keys of a table, in the order of the model."""
    for name, field in model.model_fields.items():
        default = (
            field.get_default(call_default_factory=True) if not field.is_required() else PydanticUndefined
        )
        example = field.examples[0] if field.examples else default
        is_duration = "duration" in type_name(field.annotation, field.metadata)
        yield Key(
            name=field.alias or name,
            kind=type_name(field.annotation, field.metadata) + limits(field),
            default=toml(default, is_duration=is_duration),
            example=toml(example, is_duration=is_duration),
            required=field.is_required(),
            meaning=field.description or "",
            table=_table(field),
        )


def _table(field: FieldInfo) -> type[BaseModel] | None:
    for option in (field.annotation, *get_args(field.annotation)):
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option
    return None


def type_name(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """Name a type the way a manual would."""
    for mark in metadata:
        if isinstance(mark, Kind):
            return mark.name
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_name(arguments[0], arguments[1:])
    if origin in {Union, types.UnionType}:
        names = [type_name(one) for one in arguments if one is not type(None)]
        return " or ".join(dict.fromkeys(names))
    if origin is Literal:
        return ", ".join(toml(choice) for choice in arguments)
    if origin is tuple:
        return f"list of {type_name(arguments[0])}"
    if origin is dict:
        return f"table of {type_name(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    return _PLAIN.get(annotation, str(annotation))


def limits(field: FieldInfo) -> str:
    """Numeric limits of a key, as ``, 1 to 4096``."""
    low = next((mark.ge for mark in field.metadata if isinstance(mark, Ge)), None)
    above = next((mark.gt for mark in field.metadata if isinstance(mark, Gt)), None)
    high = next((mark.le for mark in field.metadata if isinstance(mark, Le)), None)
    below = next((mark.lt for mark in field.metadata if isinstance(mark, Lt)), None)
    is_duration = "duration" in type_name(field.annotation, field.metadata)

    def show(value: Any) -> str:
        return format_duration(value) if is_duration else f"{value:g}"

    if low is not None and high is not None:
        return f", {show(low)} to {show(high)}"
    parts = [
        f", {word} {show(value)}"
        for word, value in (("at least", low), ("above", above), ("at most", high), ("below", below))
        if value is not None
    ]
    return "".join(parts)


def toml(value: Any, *, is_duration: bool = False) -> str:
    """Write a value as TOML; empty for what is not there and for whole tables."""
    if value is None or value is PydanticUndefined or isinstance(value, BaseModel):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_duration and isinstance(value, int | float):
        return f'"{format_duration(value)}"'
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, list) or type(value) is tuple:
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, dict):
        pairs = ", ".join(f"{_bare(key)} = {toml(item)}" for key, item in value.items())
        return "{ " + pairs + " }" if pairs else "{}"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _bare(key: str) -> str:
    return key if all(letter.isalnum() or letter in "-_" for letter in key) else f'"{key}"'
