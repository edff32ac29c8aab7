"""Access tokens that all processes share, sealed, and who asks for the next one."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_token",
        sa.Column("tenant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("credentials", sa.String(64), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=True),
        sa.Column("key_id", sa.String(), nullable=True),
        sa.Column("renew_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("renewer", sa.String(), nullable=True),
        sa.Column("renewer_pid", sa.Integer(), nullable=True),
        sa.Column("renewer_started", sa.String(), nullable=True),
        sa.Column("renewing_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "connection", name="pk_access_token"),
    )


def downgrade() -> None:
    op.drop_table("access_token")
