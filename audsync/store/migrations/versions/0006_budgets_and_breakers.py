"""Budgets of calls and circuit breakers, shared by all processes."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "budget",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("taken", sa.JSON(), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_budget"),
    )
    op.create_table(
        "breaker",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("successes", sa.Integer(), nullable=False),
        sa.Column("recovery_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("openings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "connection", name="pk_breaker"),
    )


def downgrade() -> None:
    for name in ("breaker", "budget"):
        op.drop_table(name)
