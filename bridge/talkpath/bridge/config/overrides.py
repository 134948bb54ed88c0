"""Environment variables that change single keys: ``TALKPATH_SIP__MAX_CALLS=50``."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from .problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .problems import Path

PREFIX = "TALKPATH_"
SEPARATOR = "__"


def apply_overrides(
    data: dict[str, Any], environment: Mapping[str, str]
) -> tuple[dict[Path, str], list[Problem]]:
    """Put the values of ``TALKPATH_SECTION__KEY`` variables into the parsed file.

    A name without ``__`` (``TALKPATH_CONFIG``) is none of ours. Numbers count entries of lists from 0:
    ``TALKPATH_TRUNKS__0__PASSWORD``. A value that begins with ``[`` or ``{`` is read as TOML.

    Args:
        data: the parsed file; changed in place.
        environment: usually ``os.environ``.

    Returns:
        Which variable set which path, and what was wrong.
    """
    origins: dict[Path, str] = {}
    problems: list[Problem] = []
    for name in sorted(environment):
        rest = name.removeprefix(PREFIX)
        if rest == name or SEPARATOR not in rest:
            continue
        try:
            path = _put(data, rest.split(SEPARATOR), _read_value(environment[name]))
            origins[path] = name
        except (LookupError, TypeError, tomllib.TOMLDecodeError):
            problems.append(
                Problem(name, 0, "", "does not lead to a key", "Write TALKPATH_SIP__MAX_CALLS=50.")
            )
    return origins, problems


def _read_value(text: str) -> object:
    if text.lstrip().startswith(("[", "{")):
        return tomllib.loads(f"value = {text}")["value"]
    return text


def _put(data: dict[str, Any], names: list[str], value: object) -> Path:
    """Walk down, making tables on the way, and set the last name.

    Raises:
        LookupError, TypeError: there is something else than a table on the way.
    """
    path: Path = ()
    node: Any = data
    for name in names:
        if not isinstance(node, dict | list) or not name:
            raise TypeError(name)
        key = _match_key(node, name)
        path += (key,)
        if len(path) == len(names):
            node[key] = value
        elif isinstance(node, dict):
            node = node.setdefault(key, {})
        else:
            node = node[key]
    return path


def _match_key(node: dict[str, Any] | list[Any], name: str) -> Any:
    """Names of variables have neither case nor dashes: find the key that is meant.

    Raises:
        LookupError: a list has no such position.
    """
    if isinstance(node, list):
        if not name.isdigit() or int(name) >= len(node):
            raise LookupError(name)
        return int(name)
    plain = name.lower()
    return next((key for key in node if key.lower().replace("-", "_") == plain), plain)
