"""What can go wrong with the database of the call records, by cause, in a sentence."""

from __future__ import annotations

from typing import Final, Literal, get_args

from sqlalchemy.exc import DBAPIError

Cause = Literal[
    "queue_full", "incomplete", "malformed", "rejected", "locked", "disk_full", "unreachable",
    "no_permission", "schema", "damaged", "replaced", "shutdown", "database",
]  # fmt: skip
CAUSES: Final[frozenset[str]] = frozenset(get_args(Cause))

_SQLITE: Final[dict[str, Cause]] = {
    "SQLITE_BUSY": "locked",
    "SQLITE_LOCKED": "locked",
    "SQLITE_FULL": "disk_full",
    "SQLITE_IOERR": "disk_full",
    "SQLITE_CANTOPEN": "no_permission",
    "SQLITE_PERM": "no_permission",
    "SQLITE_READONLY": "no_permission",
    "SQLITE_AUTH": "no_permission",
    "SQLITE_CORRUPT": "damaged",
    "SQLITE_NOTADB": "damaged",
    "SQLITE_CONSTRAINT": "rejected",
    "SQLITE_TOOBIG": "rejected",
    "SQLITE_MISMATCH": "rejected",
}
"""Primary result codes of SQLite; the extended ones begin with them."""
_SQLSTATE: Final[dict[str, Cause]] = {
    "08": "unreachable",
    "22": "rejected",
    "23": "rejected",
    "28": "no_permission",
    "3D": "no_permission",
    "40": "locked",
    "42501": "no_permission",
    "53": "database",
    "53100": "disk_full",
    "53300": "unreachable",
    "55": "locked",
    "57": "unreachable",
}
"""Classes and codes of PostgreSQL errors (PostgreSQL manual, appendix A)."""


class RecordsError(Exception):
    """The call records cannot be written or read. The text says why and what to do, without secrets."""

    def __init__(self, cause: Cause, sentence: str) -> None:
        super().__init__(sentence)
        self.cause = cause


def cause_of(error: Exception) -> Cause:
    """Why a statement or a connection failed, by what SQLAlchemy or the driver raised."""
    orig = error.orig if isinstance(error, DBAPIError) else error
    name = getattr(orig, "sqlite_errorname", None)
    if isinstance(name, str):
        return _SQLITE.get("_".join(name.split("_")[:2]), "database")
    state = getattr(orig, "sqlstate", None)
    if not isinstance(state, str):  # the driver's own words: there was no server, or a value is of no use
        by_kind: dict[str, Cause] = {
            "OperationalError": "unreachable",
            "ProgrammingError": "rejected",
            "DataError": "rejected",
        }
        return by_kind.get(type(orig).__name__, "database")
    return _SQLSTATE.get(state) or _SQLSTATE.get(state[:2], "database")


_ADVICE: Final[dict[Cause, str]] = {
    "locked": "Another program holds it: find it with fuser, and end what it does.",
    "disk_full": "Make room on its disk.",
    "no_permission": "Correct its permissions, or set records.url.",
    "damaged": "Move the file away: a new one is made, and gets what waits.",
    "unreachable": "See that the server runs, and that this machine gets there.",
}


def advice_for(cause: Cause) -> str:
    """What to do about a cause, as a sentence; empty: the database's words must do."""
    return _ADVICE.get(cause, "")


def sentence_of(error: Exception) -> str:
    """The database's own words, in one line, without the statement and its values."""
    orig = error.orig if isinstance(error, DBAPIError) else error
    return " ".join(str(orig).split())[:300]
