"""On which line of a TOML file a key stands.

The TOML parser of the standard library keeps no positions, so the text is scanned once for table headers
and keys. Keys inside inline tables are found at the line of the key that holds them, which is near enough
for a message to a person.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from talkpath.bridge.config.problems import Path

_KEY_PART = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_\-]+)\s*""")
_HEADER = re.compile(r"^\s*(\[\[?)([^\[\]]+)\]\]?\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(r"""^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_\-.\s]+?)+?)\s*=(.*)$""")


def line_numbers(text: str) -> dict[Path, int]:
    """Map each table and key to the line it stands on, counted from 1."""
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    closing = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if closing:
            closing = "" if closing in line else closing
            continue
        header = _HEADER.match(line)
        if header:
            table = _table_path(header[1] == "[[", _split_key(header[2]), counts)
            lines.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            lines.setdefault(table + _split_key(assignment[1]), number)
            closing = _opens_long_string(assignment[2])
    return lines


def find_line(lines: dict[Path, int], path: Path) -> int:
    """Line of a key, or of the nearest table around it; 0 when neither is in the file."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return 0


def _table_path(is_array: bool, keys: Path, counts: dict[Path, int]) -> Path:
    """Give ``[[trunks]]`` its position, and ``[trunks.tls]`` that of the trunk before it."""
    path: Path = ()
    for position, key in enumerate(keys):
        path += (key,)
        if is_array and position == len(keys) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path += (counts[path],)
    return path


def _split_key(text: str) -> Path:
    return tuple(part.strip("\"'") for part in _KEY_PART.findall(text))


def _opens_long_string(value: str) -> str:
    value = value.strip()
    for quotes in ('"""', "'''"):
        if value.startswith(quotes) and quotes not in value[3:]:
            return quotes
    return ""
