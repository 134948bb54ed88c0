"""All about the last transfer of a call: what for, whom it tried, who took it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of earlier calls it is not known."""
    op.add_column("calls", sa.Column("transfer_account", sa.JSON))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("calls", "transfer_account")
