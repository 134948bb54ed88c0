"""Brings the tables to the form that this version knows, and says when they are not in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from .problems import RecordsError

if TYPE_CHECKING:
    from .database import Database

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x74616C6B  # "talk"
"""Key of PostgreSQL's advisory lock, so that two daemons that start at once do not both migrate."""


def upgrade(database: Database) -> None:
    """Run what steps are missing, in one transaction.

    Raises:
        RecordsError: The database failed, or is of a later version than this program.
    """
    with database.begin() as connection:
        if not database.is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        if _revision(connection) == newest():
            return
        configuration = _configuration()
        configuration.attributes["connection"] = connection
        try:
            command.upgrade(configuration, "head")
        except CommandError as error:
            raise _unknown(database) from error


def check(connection: sa.Connection, database: Database) -> None:
    """See that the tables are those that this version reads.

    Raises:
        RecordsError: They are older, newer or not there.
    """
    revision = _revision(connection)
    if revision == newest():
        return
    if revision is None:
        raise RecordsError("schema", f"no calls are stored: {database.name} has no tables of ours yet")
    known = {step.revision for step in ScriptDirectory.from_config(_configuration()).walk_revisions()}
    if revision not in known:
        raise _unknown(database)
    why = f"{database.name} is of an older version: start the daemon of this version once, it converts it"
    raise RecordsError("schema", why)


def newest() -> str:
    """The revision that this version reads and writes."""
    return ScriptDirectory.from_config(_configuration()).get_current_head() or ""


def _revision(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _unknown(database: Database) -> RecordsError:
    why = f"{database.name} was written by a later version of Talkpath: use that one, or set records.url"
    return RecordsError("schema", why)


def _configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return configuration
