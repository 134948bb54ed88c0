"""The read side: lists calls, finds one, and walks over all. Everything that shows records uses this."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec
import sqlalchemy as sa

from talkpath.sip.live import TransferAccount

from . import schema
from .database import Database
from .rows import Call, FullCall, Leg, Moment, Tokens, ToolRun, Turn, Utterance
from .tables import PARTS, calls, utterances

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from types import TracebackType

_TYPES: Final = {
    "legs": Leg,
    "moments": Moment,
    "utterances": Utterance,
    "turns": Turn,
    "tools": ToolRun,
    "tokens": Tokens,
}
_PAGE: Final = 500
"""Calls read at once when all are walked over."""


class CallFilter(msgspec.Struct, kw_only=True, frozen=True):
    """Which calls; what is None does not matter. Text is compared as it stands, except ``said``.

    Attributes:
        since, until: The call began at or after, before.
        caller, called: Number or address; ``*`` stands for anything.
        said: Words that stand in the transcript, whatever their case.
    """

    since: datetime | None = None
    until: datetime | None = None
    agent: str | None = None
    cause: str | None = None
    outcome: str | None = None
    trunk: str | None = None
    direction: str | None = None
    caller: str | None = None
    called: str | None = None
    said: str | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """The same in SQL."""
        found: list[sa.ColumnElement[bool]] = []
        for name in ("agent", "cause", "outcome", "trunk", "direction"):
            value = getattr(self, name)
            if value is not None:
                found.append(calls.c[name] == value)
        for name in ("caller", "called"):
            value = getattr(self, name)
            if value is not None:
                found.append(calls.c[name].like(_pattern(value), escape="\\"))
        if self.since is not None:
            found.append(calls.c.started_at >= self.since)
        if self.until is not None:
            found.append(calls.c.started_at < self.until)
        if self.said is not None:
            heard = utterances.c.text.icontains(self.said, autoescape=True)
            found.append(calls.c.id.in_(sa.select(utterances.c.call_id).where(heard)))
        return found


class Records:
    """Stored calls, for reading. A context manager; may be used beside a daemon that writes.

    Args:
        url: Of the database, as in ``records.url``.

    Raises:
        RecordsError: The URL is of no use. Every method raises it, too, when the database fails.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url, writes=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """Where the records are, without a password."""
        return self._database.name

    def list(self, wanted: CallFilter | None = None, *, limit: int = 50, offset: int = 0) -> Sequence[Call]:
        """Calls that match, the newest first."""
        query = _select(wanted).order_by(calls.c.started_at.desc(), calls.c.id.desc())
        with self._reading() as connection:
            return [_call(row) for row in connection.execute(query.limit(limit).offset(offset)).mappings()]

    def count(self, wanted: CallFilter | None = None) -> int:
        """How many calls match."""
        query = sa.select(sa.func.count()).select_from(_select(wanted).subquery())
        with self._reading() as connection:
            return connection.scalar(query) or 0

    def iterate(self, wanted: CallFilter | None = None) -> Iterator[Call]:
        """All calls that match, the oldest first, a page at a time: for exports."""
        after: tuple[datetime, str] | None = None
        while True:
            query = _select(wanted).order_by(calls.c.started_at, calls.c.id).limit(_PAGE)
            if after is not None:
                query = query.where(sa.tuple_(calls.c.started_at, calls.c.id) > after)
            with self._reading() as connection:
                page = [_call(row) for row in connection.execute(query).mappings()]
            yield from page
            if len(page) < _PAGE:
                return
            after = (page[-1].started_at, page[-1].id)

    def find(self, name: str, *, limit: int = 10) -> Sequence[Call]:
        """Calls with this id, a SIP Call-ID of this text, or an id that begins so; the newest first.

        An exact match hides those that only begin so. The ``c-`` of our ids may be left out.
        """
        exact = _select(None).where(sa.or_(calls.c.id == name, calls.c.sip_call_id == name))
        beginnings = (calls.c.id.startswith(start, autoescape=True) for start in (name, f"c-{name}"))
        begins = _select(None).where(sa.or_(*beginnings))
        with self._reading() as connection:
            for query in (exact, begins) if name else ():
                rows = connection.execute(query.order_by(calls.c.started_at.desc()).limit(limit)).mappings()
                found = [_call(row) for row in rows]
                if found:
                    return found
        return []

    def get(self, call: str) -> FullCall | None:
        """A call with all its parts, by its whole id."""
        with self._reading() as connection:
            row = connection.execute(_select(None).where(calls.c.id == call)).mappings().first()
            if row is None:
                return None
            parts: dict[str, Any] = {}
            for name, table in PARTS.items():
                query = sa.select(table).where(table.c.call_id == call).order_by(table.c.number)
                parts[name] = [_part(_TYPES[name], one) for one in connection.execute(query).mappings()]
            return FullCall(call=_call(row), **parts)

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._database.begin() as connection:
            schema.check(connection, self._database)
            yield connection


def _select(wanted: CallFilter | None) -> sa.Select[Any]:
    return sa.select(calls).where(*(wanted or CallFilter()).conditions())


def _call(row: sa.RowMapping) -> Call:
    facts = dict(row)
    account = facts["transfer_account"]
    facts["transfer_account"] = None if account is None else msgspec.convert(account, TransferAccount)
    return Call(**facts)


def _part(kind: type[Any], row: sa.RowMapping) -> Any:
    return kind(**{key: value for key, value in row.items() if key not in {"call_id", "number"}})


def _pattern(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")
