"""Audiences, jobs, the batch ledger and leases."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _make_settings()
    _make_audiences()
    _make_jobs()
    _make_ledger()


def downgrade() -> None:
    op.drop_table("head")
    op.drop_table("batch")
    op.drop_table("audience_sync_job")
    op.drop_table("lease")
    op.drop_table("platform_audience")
    op.drop_table("setting")


def _make_settings() -> None:
    op.create_table(
        "setting",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_setting"),
    )


def _make_audiences() -> None:
    op.create_table(
        "platform_audience",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("segment", sa.String(), nullable=False),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("platform_audience_id", sa.String(), nullable=True),
        sa.Column("platform_audience_name", sa.String(), nullable=False),
        sa.Column("ad_account_id", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("auto_sync", sa.Boolean(), nullable=False),
        sa.Column("sync_interval_hours", sa.Integer(), nullable=False),
        sa.Column("next_sync_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("last_sync_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_sync_status", sa.String(length=16), nullable=True),
        sa.Column("last_sync_error", sa.String(), nullable=True),
        sa.Column("platform_size", sa.Integer(), nullable=True),
        sa.Column("matched_size", sa.Integer(), nullable=True),
        sa.Column("match_rate", sa.Float(), nullable=True),
        sa.Column("guard", sa.JSON(), nullable=True),
        sa.Column("create_attempted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("known_before", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_platform_audience"),
    )
    op.create_index(
        "ix_platform_audience_due", "platform_audience", ["tenant_id", "next_sync_at"], unique=False
    )
    op.create_index(
        "uq_platform_audience_slug",
        "platform_audience",
        ["tenant_id", "slug"],
        unique=True,
        sqlite_where=sa.text("state != 'retired'"),
        postgresql_where=sa.text("state != 'retired'"),
    )
    op.create_table(
        "lease",
        sa.Column("audience_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("pid_started", sa.String(), nullable=False),
        sa.Column("acquired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("audience_id", name="pk_lease"),
    )


def _make_jobs() -> None:
    op.create_table(
        "audience_sync_job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("platform_audience_id", sa.Uuid(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("operation", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("triggered_by", sa.String(length=16), nullable=False),
        sa.Column("triggered_by_user_id", sa.Integer(), nullable=True),
        sa.Column("retry_of", sa.Uuid(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("error_message", sa.String(), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("match_rate", sa.Float(), nullable=True),
        sa.Column("settlement", sa.JSON(), nullable=True),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("rejected", sa.JSON(), nullable=False),
        sa.Column("profiles_skipped", sa.JSON(), nullable=False),
        sa.Column("profiles_read", sa.BigInteger(), nullable=False),
        sa.Column("profiles_unchanged", sa.BigInteger(), nullable=False),
        sa.Column("profiles_sent", sa.BigInteger(), nullable=False),
        sa.Column("profiles_added", sa.BigInteger(), nullable=False),
        sa.Column("profiles_failed", sa.BigInteger(), nullable=False),
        sa.Column("profiles_pending", sa.BigInteger(), nullable=False),
        sa.Column("profiles_removed", sa.BigInteger(), nullable=False),
        sa.Column("profiles_refreshed", sa.BigInteger(), nullable=False),
        sa.Column("identifiers_added", sa.BigInteger(), nullable=False),
        sa.Column("identifiers_removed", sa.BigInteger(), nullable=False),
        sa.Column("platform_rejected", sa.BigInteger(), nullable=False),
        sa.Column("total_batches", sa.Integer(), nullable=False),
        sa.Column("successful_batches", sa.Integer(), nullable=False),
        sa.Column("failed_batches", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["platform_audience_id"],
            ["platform_audience.id"],
            name="fk_audience_sync_job_platform_audience_id",
        ),
        sa.ForeignKeyConstraint(
            ["retry_of"], ["audience_sync_job.id"], name="fk_audience_sync_job_retry_of"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_audience_sync_job"),
    )
    op.create_index(
        "ix_audience_sync_job_audience",
        "audience_sync_job",
        ["platform_audience_id", "started_at"],
        unique=False,
    )
    op.create_index(
        "ix_audience_sync_job_recent",
        "audience_sync_job",
        ["tenant_id", "started_at"],
        unique=False,
    )


def _make_ledger() -> None:
    op.create_table(
        "batch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("audience_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("session", sa.BigInteger(), nullable=False),
        sa.Column("session_number", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("first_row", sa.Integer(), nullable=False),
        sa.Column("stop_row", sa.Integer(), nullable=False),
        sa.Column("profiles", sa.Integer(), nullable=False),
        sa.Column("refreshed", sa.Integer(), nullable=False),
        sa.Column("identifiers", sa.Integer(), nullable=False),
        sa.Column("profiles_left", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("unanswered_tries", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("received_rows", sa.Integer(), nullable=True),
        sa.Column("rejected_rows", sa.Integer(), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["audience_id"], ["platform_audience.id"], name="fk_batch_audience_id"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["audience_sync_job.id"], name="fk_batch_job_id"),
        sa.PrimaryKeyConstraint("id", name="pk_batch"),
        sa.UniqueConstraint(
            "audience_id", "job_id", "number", name="uq_batch_audience_id_job_id_number"
        ),
    )
    op.create_index("ix_batch_job_id", "batch", ["job_id"], unique=False)
    op.create_table(
        "head",
        sa.Column("audience_id", sa.Uuid(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("open_job_id", sa.Uuid(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["audience_id"], ["platform_audience.id"], name="fk_head_audience_id"
        ),
        sa.ForeignKeyConstraint(
            ["open_job_id"], ["audience_sync_job.id"], name="fk_head_open_job_id"
        ),
        sa.PrimaryKeyConstraint("audience_id", name="pk_head"),
    )
