"""Secrets and texts that stand elsewhere: ``env:NAME``, ``file:/path``, ``…_file`` keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .problems import Problem, spell
from .realtime import RealtimeConfig, default_key_variable
from .records import default_url, place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from .problems import Path as KeyPath

LARGEST_FILE = 1 << 20
"""Bytes. A key or a page of instructions is far smaller; a wrong path may be far larger."""

_TOKENS = {("api", "read"), ("api", "operate")}
_PATH_KEYS = {"certificate", "private_key", "ca", "ca_file", "announcement", "before_answer"}


class Sources(NamedTuple):
    """Where things came from, for ``talkpath check``, and what could not be read."""

    origins: dict[KeyPath, str]
    problems: list[Problem]


class _Reader:
    """Reads what is referred to; keeps score of origins and problems."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.found = Sources({}, [])

    def complain(self, path: KeyPath, reason: str, hint: str) -> None:
        self.found.problems.append(Problem("", 0, spell(path), reason, hint))

    def file(self, path: KeyPath, name: object) -> str | None:
        """Text of a file, without the line end that editors leave behind."""
        target = self.folder / str(name)
        try:
            with target.open(encoding="utf-8") as stream:
                text = stream.read(LARGEST_FILE + 1)
        except (OSError, UnicodeDecodeError, ValueError) as error:
            why = getattr(error, "strerror", None) or "is not a text file"
            self.complain(path, f"cannot read {target}: {why}", "Correct the path or the file's permissions.")
            return None
        if len(text) > LARGEST_FILE:
            self.complain(path, f"{target} is larger than 1 MiB", "Is this the right file?")
            return None
        self.found.origins[path] = f"file {target}"
        return text.strip()

    def secret(self, path: KeyPath, value: str) -> str | None:
        """Follow ``env:`` and ``file:``; anything else is the secret itself."""
        scheme, _, rest = value.partition(":")
        if scheme == "file":
            return self.file(path, rest)
        if scheme != "env":
            self.found.origins[path] = "written in the configuration"
            return value
        if not self.environment.get(rest):
            self.complain(
                path, f"environment variable {rest} is not set", f"export {rest}=… and start again."
            )
            return None
        self.found.origins[path] = f"environment variable {rest}"
        return self.environment[rest]


def resolve(data: dict[str, Any], folder: Path, environment: Mapping[str, str]) -> Sources:
    """Replace every reference in the parsed file by what it refers to.

    Args:
        data: the parsed file; changed in place. ``api_key_file`` and the like are gone afterwards.
        folder: relative paths begin here.
        environment: usually ``os.environ``.
    """
    reader = _Reader(folder, environment)
    for path, table in list(_tables(data, ())):
        for key in ("api_key", "password", "instructions", "secret"):
            _replace_file_key(reader, path, table, key)
        for key in ("api_key", "password", "secret"):
            _replace_secret(reader, (*path, key), table, key)
        if path and (path[-1] == "headers" or path in _TOKENS):
            for key in list(table):
                _replace_secret(reader, (*path, key), table, key)
        for key in _PATH_KEYS & table.keys():
            if isinstance(table[key], str):
                table[key] = str(folder / table[key])
    _add_default_keys(reader, data)
    _place_records(reader, data)
    return reader.found


def _place_records(reader: _Reader, data: dict[str, Any]) -> None:
    """The URL of the records may hold a password, and may be a relative path, or not be there."""
    table = data.setdefault("records", {})
    if not isinstance(table, dict):
        return
    _replace_file_key(reader, ("records",), table, "url")
    _replace_secret(reader, ("records", "url"), table, "url")
    if "url" not in table:
        table["url"] = default_url(reader.folder, reader.environment)
    elif isinstance(table["url"], str):
        table["url"] = place(table["url"], reader.folder)


def _tables(node: object, path: KeyPath) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from _tables(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _tables(value, (*path, index))


def _replace_file_key(reader: _Reader, path: KeyPath, table: dict[str, Any], key: str) -> None:
    name = table.pop(f"{key}_file", None)
    if name is None:
        return
    if key in table:
        reader.complain((*path, f"{key}_file"), f"stands beside {key}", "Keep one of the two.")
        return
    text = reader.file((*path, f"{key}_file"), name)
    if text is not None:
        table[key] = text
        reader.found.origins[*path, key] = reader.found.origins.pop((*path, f"{key}_file"))


def _replace_secret(reader: _Reader, path: KeyPath, table: dict[str, Any], key: str) -> None:
    if isinstance(table.get(key), str) and path not in reader.found.origins:
        found = reader.secret(path, table[key])
        if found is None:
            del table[key]
        else:
            table[key] = found


def _add_default_keys(reader: _Reader, data: dict[str, Any]) -> None:
    """Take the key from the well-known variable of the host when the file names none."""
    shared = data.setdefault("realtime", {})
    default_url = RealtimeConfig.model_fields["url"].default
    if isinstance(shared, dict):
        _add_default_key(reader, ("realtime",), shared, shared.get("url", default_url))
    agents = data.get("agents")
    for name, agent in agents.items() if isinstance(agents, dict) else ():
        if isinstance(agent, dict) and "url" in agent:
            _add_default_key(reader, ("agents", name), agent, agent["url"])


def _add_default_key(reader: _Reader, path: KeyPath, table: dict[str, Any], url: object) -> None:
    try:
        variable = default_key_variable(url) if isinstance(url, str) else None
    except ValueError:
        return  # not a URL at all: the model says so
    if "api_key" not in table and variable and reader.environment.get(variable):
        table["api_key"] = reader.environment[variable]
        reader.found.origins[*path, "api_key"] = f"environment variable {variable}"
