"""What is out of order, and who is yet to hear of it."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_NOT_CLOSED = sa.text("closed_at IS NULL")


def _moment(name: str, *, is_known: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=not is_known)


def upgrade() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        _moment("opened_at", is_known=True),
        _moment("closed_at"),
        sa.PrimaryKeyConstraint("id", name="pk_incident"),
    )
    op.create_index(
        "uq_incident_open",
        "incident",
        ["tenant_id", "subject", "event"],
        unique=True,
        sqlite_where=_NOT_CLOSED,
        postgresql_where=_NOT_CLOSED,
    )
    op.create_table(
        "notification",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("receiver", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("message", sa.JSON(), nullable=False),
        _moment("created_at", is_known=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _moment("tried_at"),
        _moment("next_attempt_at"),
        _moment("delivered_at"),
        _moment("given_up_at"),
        sa.Column("problem", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_notification"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name="fk_notification_incident_id"
        ),
        sa.UniqueConstraint(
            "incident_id", "receiver", "event", name="uq_notification_incident_id_receiver_event"
        ),
    )
    op.create_index("ix_notification_due", "notification", ["tenant_id", "next_attempt_at"])


def downgrade() -> None:
    op.drop_table("notification")
    op.drop_table("incident")
