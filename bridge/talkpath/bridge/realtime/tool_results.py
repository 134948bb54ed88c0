"""What a tool returned, as text for the model: no longer than it may be, however much it was."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any, Final

from pydantic_core import to_json, to_jsonable_python

MAX_OUTPUT: Final = 16_000
"""Characters of a result that the model gets; it pays for every one of them on every later turn."""


def as_text(result: object) -> str:
    """Text stays text, everything else becomes JSON; what is longer than allowed ends with a note.

    JSON is written piece by piece until it is long enough: this runs on the loop that carries the voices of
    all calls, which megabytes of it would stop.

    Raises:
        ValueError: the result cannot be written as JSON.
        RecursionError: it is nested without end.
    """
    text = result if isinstance(result, str) else _beginning(result)
    if len(text) <= MAX_OUTPUT:
        return text
    return f"{text[:MAX_OUTPUT]}… (cut: these are the first {MAX_OUTPUT} characters)"


def _beginning(result: object) -> str:
    pieces: list[str] = []
    length = 0
    try:
        for piece in _encoder.iterencode(result):
            pieces.append(piece)
            length += len(piece)
            if length > MAX_OUTPUT:
                break
    except TypeError:  # keys of a type that only pydantic knows how to write
        return to_json(result).decode()
    return "".join(pieces)


def _plain(value: object) -> Any:
    """What `json` does not know: models, dataclasses, dates, sets, and what is made one by one."""
    if isinstance(value, Iterator):
        return list(itertools.islice(value, MAX_OUTPUT))
    return to_jsonable_python(value)


_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain)
