"""What changes between two configurations, and what of it a running daemon can take over. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import BaseModel

from .problems import spell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .model import Config
    from .problems import Path

FIXED: Final[tuple[tuple[str, ...], ...]] = (
    ("sip", "listen"),
    ("sip", "advertised_address"),
    ("sip", "rtp_ports"),
    ("sip", "nameservers"),
    ("sip", "user_agent"),
    ("http",),
    ("phone", "enabled"),
    ("phone", "max_calls"),
    ("phone", "addresses"),
    ("log", "format"),
    ("log", "level"),
    ("log", "private"),
    ("tracing",),
    ("records", "url"),
    ("records", "retention"),
    ("workers", "count"),
    ("workers", "lanes"),
)
"""Keys and tables that belong to sockets, processes and files that are open: a restart changes them."""


class Merged(NamedTuple):
    """A configuration that a running daemon can change to.

    Attributes:
        config: The wanted one, with what cannot change as it is now.
        changed: Keys that change, as they are written in the file; no values, there are secrets among them.
        waiting: Keys whose change waits for a restart.
    """

    config: Config
    changed: tuple[str, ...]
    waiting: tuple[str, ...]


def merge(running: Config, wanted: Config) -> Merged:
    """Work out what a reload does.

    Args:
        running: The configuration in force.
        wanted: The one that the file has now.
    """
    config = wanted
    waiting: list[str] = []
    for path in FIXED:
        old, new = _at(running, path), _at(wanted, path)
        if old != new:
            waiting += [spell(key) for key in _differences(old, new, path)]
            config = _with(config, path, old)
    changed = tuple(spell(key) for key in _differences(running, config, ()))
    return Merged(config, changed, tuple(waiting))


def _at(section: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        section = getattr(section, part)
    return section


def _with(section: Any, path: tuple[str, ...], value: Any) -> Any:
    """A copy of a section in which one thing deep inside is another."""
    head, *rest = path
    inner = _with(getattr(section, head), tuple(rest), value) if rest else value
    return section.model_copy(update={head: inner})


def _differences(old: Any, new: Any, path: Path) -> Iterator[Path]:
    """Paths at which two values differ, as deep as both have the same tables."""
    if old == new:
        return
    if isinstance(old, BaseModel) and type(old) is type(new):
        for name, field in type(old).model_fields.items():
            yield from _differences(getattr(old, name), getattr(new, name), (*path, field.alias or name))
        return
    before, after = _named(old), _named(new)
    if before is None or after is None:
        yield path
        return
    for name in dict.fromkeys((*before, *after)):
        if name in before and name in after:
            yield from _differences(before[name], after[name], (*path, name))
        else:
            yield (*path, name)


def _named(value: Any) -> dict[str, Any] | None:
    """Parts of a table or of a list of named tables, by name; None: it has none, and differs as a whole."""
    if isinstance(value, dict):
        return value
    if isinstance(value, tuple) and all(hasattr(part, "name") for part in value):
        named = {part.name: part for part in value}
        return named if len(named) == len(value) else None
    return None
