"""What platforms refused for what it is, and jobs left out: whose, of which kind, and why."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reject",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("audience_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("platform_code", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reject"),
        sa.ForeignKeyConstraint(
            ["audience_id"], ["platform_audience.id"], name="fk_reject_audience_id"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["audience_sync_job.id"], name="fk_reject_job_id"),
    )
    op.create_index("ix_reject_job", "reject", ["job_id"])


def downgrade() -> None:
    op.drop_index("ix_reject_job", table_name="reject")
    op.drop_table("reject")
