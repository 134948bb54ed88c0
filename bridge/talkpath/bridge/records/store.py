"""The write side: saves finished calls and deletes old ones. Blocking; runs in the writer's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import sqlalchemy as sa

from . import schema
from .database import Database
from .tables import PARTS, calls

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from .rows import FullCall

PRUNED_AT_ONCE: Final = 200
"""Calls per transaction, so that deleting a year of calls does not hold up the next one that ends."""


class Store:
    """The database, open for writing, with its tables in the form of this version.

    Args:
        url: Of the database.

    Raises:
        RecordsError: It cannot be opened.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url, writes=True)
        try:
            schema.upgrade(self._database)
        except BaseException:
            self._database.close()
            raise

    @property
    def name(self) -> str:
        """Where the records are, without a password."""
        return self._database.name

    def save(self, finished: Sequence[FullCall]) -> None:
        """Save calls, all or none. A call that is there already is replaced, so trying again does no harm.

        Raises:
            RecordsError: They could not be saved.
        """
        with self._database.begin() as connection:
            connection.execute(sa.delete(calls).where(calls.c.id.in_([full.call.id for full in finished])))
            connection.execute(sa.insert(calls), [_row(full.call) for full in finished])
            for name, table in PARTS.items():
                rows = [row for full in finished for row in _numbered(full.call.id, getattr(full, name))]
                if rows:
                    connection.execute(sa.insert(table), rows)

    def prune(self, before: datetime) -> int:
        """Delete calls that ended before a moment; returns how many.

        Raises:
            RecordsError: The database failed; what was deleted so far stays deleted.
        """
        deleted = 0
        while True:
            with self._database.begin() as connection:
                some = sa.select(calls.c.id).where(calls.c.ended_at < before).limit(PRUNED_AT_ONCE)
                names = list(connection.scalars(some))
                if names:
                    connection.execute(sa.delete(calls).where(calls.c.id.in_(names)))
            deleted += len(names)
            if len(names) < PRUNED_AT_ONCE:
                break
        if deleted:
            self._database.give_back_space()
        return deleted

    def close(self) -> None:
        """Close the connection."""
        self._database.close()


def _numbered(call: str, parts: Sequence[msgspec.Struct]) -> list[dict[str, Any]]:
    return [{"call_id": call, "number": number, **_row(part)} for number, part in enumerate(parts)]


def _row(part: msgspec.Struct) -> dict[str, Any]:
    """The columns of a part. PostgreSQL takes no NUL in a text, and nothing else is made of it either."""
    row = msgspec.structs.asdict(part)
    return {key: _value(value) for key, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return msgspec.to_builtins(value) if isinstance(value, msgspec.Struct) else value
