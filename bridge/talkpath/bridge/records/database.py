"""Connections to the database of the call records: SQLite, or PostgreSQL by URL."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from .problems import RecordsError, advice_for, cause_of, sentence_of

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY_TIMEOUT_S: Final = 5.0
"""How long SQLite waits for another writer, for example ``talkpath calls prune``."""
CONNECT_TIMEOUT_S: Final = 5
FILE_MODE: Final = 0o640
"""The group may read; a file with words of callers is nobody else's business."""


class Database:
    """One engine with the settings that its kind needs.

    Args:
        url: ``sqlite:///path`` or ``postgresql://…``.
        writes: Whether it will be written to. A reader neither makes a file nor takes a lock for writing.

    Raises:
        RecordsError: The URL is of no use, or its driver is not installed.
    """

    def __init__(self, url: str, *, writes: bool) -> None:
        self._url = parse_url(url)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self._writes = writes
        self._file: tuple[int, int] | None = None
        self._engine = self._make_sqlite() if self.is_sqlite else self._make_postgresql()

    @property
    def name(self) -> str:
        """Where it is, without the password."""
        return str(self._url.database) if self.is_sqlite else self._url.render_as_string(hide_password=True)

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A transaction: committed at the end of the block, rolled back when it raises.

        Raises:
            RecordsError: The database failed.
        """
        try:
            if self.is_sqlite:
                self._look_at_file()
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def give_back_space(self) -> None:
        """Make a SQLite file as small as what it holds; PostgreSQL looks after itself.

        Raises:
            RecordsError: The database failed.
        """
        if not self.is_sqlite:
            return
        connection = self._engine.raw_connection()
        try:
            # A script: this pragma gives a page back with each row, and a statement stops at the first one.
            script = "PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)"
            connection.cursor().executescript(script)
        except sqlite3.Error as error:
            raise self._failed(error) from error
        finally:
            connection.close()

    def _failed(self, error: Exception) -> RecordsError:
        cause = cause_of(error)
        advice = advice_for(cause)
        sentence = f"{self.name}: {sentence_of(error)}"
        return RecordsError(cause, f"{sentence}. {advice}".removesuffix(".") if advice else sentence)

    # PostgreSQL -----------------------------------------------------------------------------------

    def _make_postgresql(self) -> sa.Engine:
        try:
            return sa.create_engine(
                self._url,
                pool_size=1,
                pool_pre_ping=True,
                connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "talkpath"},
            )
        except (ImportError, NoSuchModuleError) as error:
            problem = "PostgreSQL needs a driver. Install it with: pip install 'talkpath[postgresql]'"
            raise RecordsError("database", problem) from error

    # SQLite ---------------------------------------------------------------------------------------

    def _make_sqlite(self) -> sa.Engine:
        pool = None if self._writes else sa.NullPool
        engine = sa.create_engine(self._url, poolclass=pool, connect_args=self._sqlite_options())
        sa.event.listen(engine, "connect", self._on_connect)
        sa.event.listen(engine, "begin", self._on_begin)
        return engine

    @staticmethod
    def _sqlite_options() -> dict[str, Any]:
        # SQLAlchemy begins and ends the transactions; Python's module would leave out those around DDL.
        return {"timeout": BUSY_TIMEOUT_S, "isolation_level": None, "check_same_thread": False}

    def _on_connect(self, connection: Any, _record: object) -> None:
        if self._writes:
            # Space is given back only where that is set before the first table. A power cut may cost the
            # last calls, never the file. What was pruned cannot be read from the file any more.
            for setting in ("auto_vacuum = INCREMENTAL", "journal_mode = WAL", "synchronous = NORMAL"):
                connection.execute(f"PRAGMA {setting}")
            connection.execute("PRAGMA secure_delete = FAST")
            connection.execute("PRAGMA foreign_keys = ON")
        else:
            connection.execute("PRAGMA query_only = ON")

    def _on_begin(self, connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if self._writes else "BEGIN")

    def _look_at_file(self) -> None:
        """Make the file with its mode before SQLite would make it readable for all.

        Raises:
            RecordsError: It is not there (for a reader), cannot be made, or is not the one that is open.
        """
        path = Path(str(self._url.database))
        if not self._writes:
            if not path.exists():
                raise RecordsError("database", f"no calls are stored: there is no file {path} yet")
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR, FILE_MODE)
            try:
                found = os.fstat(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            why = f"{path} cannot be written: {error.strerror}. Correct its permissions, or set records.url."
            raise RecordsError("no_permission", why) from error
        before, self._file = self._file, (found.st_dev, found.st_ino)
        if before not in {None, self._file}:  # what SQLite has open stands in no folder any more
            raise RecordsError("replaced", f"{path} was moved away or deleted. It is opened anew")


def parse_url(text: str) -> sa.URL:
    """Read a URL and name the driver that we use.

    Raises:
        RecordsError: It is not one of SQLite or PostgreSQL.
    """
    try:
        url = sa.make_url(text)
    except ArgumentError as error:
        raise RecordsError("database", "records.url is not the URL of a database") from error
    kind = url.get_backend_name()
    if kind == "sqlite" and url.database:
        return url.set(drivername="sqlite+pysqlite")
    if kind in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql+psycopg")
    raise RecordsError("database", f"records.url begins with {kind}:, but takes sqlite: or postgresql:")
