"""The first tables: calls and their parts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "calls",
        sa.Column("id", sa.Text, primary_key=True),
        *_texts("sip_call_id", "direction", "trunk", "agent", "model", "caller", "called", "codec"),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("answered_at", _MOMENT),
        sa.Column("ended_at", _MOMENT, nullable=False),
        *_figures("setup_seconds"),
        sa.Column("talk_seconds", sa.Double, nullable=False),
        *_texts("outcome", "cause", "ended_by"),
        *_counts("sip_status"),
        *_texts("reason"),
        *_counts("turns"),
        *_figures("turn_median", "turn_max"),
        *_counts("barge_ins"),
        *_figures("mos", "loss_percent", "jitter_ms"),
        *_figures("peer_mos", "peer_loss_percent", "peer_jitter_ms", "round_trip_ms"),
        *_counts("digits", "tool_calls", "tool_failures", "model_reconnects"),
        *_figures("cost_usd"),
        *_texts("transfer", "transfer_target", "recording"),
        sa.Column("media", sa.JSON, nullable=False),
        sa.Column("left_out", sa.JSON, nullable=False),
    )
    op.create_index("calls_by_start", "calls", ["started_at"])
    op.create_index("calls_by_sip_call_id", "calls", ["sip_call_id"])
    op.create_index("calls_by_caller", "calls", ["caller", "started_at"])
    op.create_index("calls_by_agent", "calls", ["agent", "started_at"])
    _part(
        "legs",
        *_texts("role"),
        _at(),
        *_texts("uri", "sip_call_id", "codec", "remote"),
        *_figures("answered", "ended"),
        *_counts("sip_status"),
        *_texts("reason"),
    )
    _part("moments", _at(), *_texts("party", "direction", "name", "detail"))
    _part(
        "utterances",
        _at(),
        *_texts("who", "text"),
        *_figures("until"),
        sa.Column("heard_ms", sa.Integer),
        sa.Column("length_ms", sa.Integer),
    )
    _part("turns", _at(), sa.Column("latency", sa.Double, nullable=False))
    _part("tools", _at(), *_texts("name", "outcome"), *_figures("seconds"), *_texts("arguments"))
    _part("tokens", *_texts("kind"), *_counts("count"), *_figures("dollars"))


def downgrade() -> None:
    """Drop the tables."""
    for name in ("tokens", "tools", "turns", "utterances", "moments", "legs", "calls"):
        op.drop_table(name)


def _part(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("call_id", sa.Text, sa.ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        *columns,
    )


def _at() -> sa.Column[float]:
    return sa.Column("at", sa.Double, nullable=False)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _counts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer, nullable=False) for name in names]


def _figures(*names: str) -> list[sa.Column[float]]:
    return [sa.Column(name, sa.Double) for name in names]
