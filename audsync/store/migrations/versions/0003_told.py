"""What each platform said of an audience's size and state, as it said it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("platform_audience", sa.Column("told", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("platform_audience", "told")
