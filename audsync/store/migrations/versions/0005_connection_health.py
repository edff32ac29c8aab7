"""Where saved connections lead, and how each was last found."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ADDRESS = ("base_url", "token_url", "api_version")


def upgrade() -> None:
    for name in _ADDRESS:
        op.add_column("connection", sa.Column(name, sa.String(), nullable=True))
    op.add_column("connection", sa.Column("error", sa.JSON(), nullable=True))
    op.add_column("connection", sa.Column("tested_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for name in ("tested_at", "error", *_ADDRESS):
        op.drop_column("connection", name)
