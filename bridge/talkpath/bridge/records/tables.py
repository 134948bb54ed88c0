"""The tables, as SQLAlchemy knows them. The migrations make them; a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

if TYPE_CHECKING:
    from sqlalchemy import Dialect


class UtcTime(TypeDecorator[datetime]):
    """A moment with its zone. SQLite has no zones: there it is UTC, written as text that sorts."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - by SQLAlchemy
        """To the database."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - by SQLAlchemy
        """From the database."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


metadata = MetaData()


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, default="")


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, default=0)


def _figure(name: str) -> Column[float]:
    return Column(name, Double)


def _part(name: str, *columns: Column[Any]) -> Table:
    """A table whose rows belong to a call and are numbered within it; they go when the call goes."""
    return Table(
        name,
        metadata,
        Column("call_id", Text, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        *columns,
    )


def _at() -> Column[float]:
    return Column("at", Double, nullable=False)


calls = Table(
    "calls",
    metadata,
    Column("id", Text, primary_key=True),
    *(_text(name) for name in ("sip_call_id", "direction", "trunk", "agent", "model")),
    *(_text(name) for name in ("caller", "called", "codec")),
    Column("started_at", UtcTime, nullable=False),
    Column("answered_at", UtcTime),
    Column("ended_at", UtcTime, nullable=False),
    _figure("setup_seconds"),
    Column("talk_seconds", Double, nullable=False, default=0.0),
    *(_text(name) for name in ("outcome", "cause", "ended_by")),
    _count("sip_status"),
    _text("reason"),
    _count("turns"),
    _figure("turn_median"),
    _figure("turn_max"),
    _count("barge_ins"),
    *(_figure(name) for name in ("mos", "loss_percent", "jitter_ms")),
    *(_figure(name) for name in ("peer_mos", "peer_loss_percent", "peer_jitter_ms", "round_trip_ms")),
    *(_count(name) for name in ("digits", "tool_calls", "tool_failures", "model_reconnects")),
    _figure("cost_usd"),
    *(_text(name) for name in ("transfer", "transfer_target", "answered_by", "recording")),
    Column("transfer_account", JSON(none_as_null=True)),
    Column("media", JSON, nullable=False),
    Column("left_out", JSON, nullable=False),
    Index("calls_by_start", "started_at"),
    Index("calls_by_sip_call_id", "sip_call_id"),
    Index("calls_by_caller", "caller", "started_at"),
    Index("calls_by_agent", "agent", "started_at"),
)

legs = _part(
    "legs",
    _text("role"),
    _at(),
    *(_text(name) for name in ("uri", "sip_call_id", "codec", "remote")),
    _figure("answered"),
    _figure("ended"),
    _count("sip_status"),
    _text("reason"),
)
moments = _part("moments", _at(), *(_text(name) for name in ("party", "direction", "name", "detail")))
utterances = _part(
    "utterances",
    _at(),
    _text("who"),
    _text("text"),
    _figure("until"),
    Column("heard_ms", Integer),
    Column("length_ms", Integer),
)
turns = _part("turns", _at(), Column("latency", Double, nullable=False))
tools = _part("tools", _at(), _text("name"), _text("outcome"), _figure("seconds"), _text("arguments"))
tokens = _part("tokens", _text("kind"), _count("count"), _figure("dollars"))

PARTS: Final = {table.name: table for table in (legs, moments, utterances, turns, tools, tokens)}
"""Tables of the parts of a call, by the name of their attribute in `FullCall`."""
