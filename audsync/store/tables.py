"""The tables, one class each. Plain records: no relationships, so nothing loads unasked.

Every time is aware UTC. JSON values are replaced, never changed in place. Nothing here ever holds
an identifier, raw or hashed: members live in the files that `Head.files` names.
"""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Index, MetaData, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from audsync.domain import (
    Action,
    AudienceState,
    BatchState,
    ConnectionStatus,
    Platform,
    SyncOperation,
    SyncStatus,
    TriggeredBy,
)
from audsync.store.columns import Json, UtcDateTime, words

_NOT_RETIRED = text("state != 'retired'")
_NOT_CLOSED = text("closed_at IS NULL")

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Our own, so that another library's SQLModel tables never end up in our migrations."""


class _Record(SQLModel):
    metadata = METADATA


class Setting(_Record, table=True):
    """One value that the store keeps, such as the salt of the profile links."""

    __tablename__ = "setting"

    key: str = Field(primary_key=True)
    value: str = Field(repr=False)


class Connection(_Record, table=True):
    """A tenant's way into one ad account, with its credentials sealed.

    Without sealed credentials it is only a note on a connection of the file: how it was last
    found, and until when its token lasts.
    """

    __tablename__ = "connection"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    tenant_id: int
    name: str
    platform: Platform = Field(sa_type=words(Platform))
    account: str
    base_url: str | None = None
    token_url: str | None = None
    api_version: str | None = None
    credentials_ciphertext: bytes | None = Field(default=None, repr=False)
    key_id: str | None = None
    options: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    status: ConnectionStatus = Field(
        default=ConnectionStatus.UNTESTED, sa_type=words(ConnectionStatus)
    )
    error: dict[str, Any] | None = Field(default=None, sa_type=Json)
    """Code and message of what a person must mend; None while it works."""
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tested_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class PlatformAudience(_Record, table=True):
    """One segment kept equal to one custom audience on a platform."""

    __tablename__ = "platform_audience"
    __table_args__ = (
        Index(
            "uq_platform_audience_slug",
            "tenant_id",
            "slug",
            unique=True,
            sqlite_where=_NOT_RETIRED,
            postgresql_where=_NOT_RETIRED,
        ),
        Index("ix_platform_audience_due", "tenant_id", "next_sync_at"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    tenant_id: int
    slug: str
    segment: str
    connection: str
    platform: Platform = Field(sa_type=words(Platform))
    platform_audience_id: str | None = None
    platform_audience_name: str
    ad_account_id: str
    description: str | None = None
    auto_sync: bool = True
    sync_interval_hours: int = 24
    next_sync_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When it is begun by itself; None: as soon as possible."""
    regular_sync_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """The next moment of its rhythm. `next_sync_at` is earlier where something is tried again,
    and later where that moment has jitter or lies in quiet hours."""
    is_active: bool = True
    state: AudienceState = Field(default=AudienceState.CREATING, sa_type=words(AudienceState))
    last_sync_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_sync_status: SyncStatus | None = Field(default=None, sa_type=words(SyncStatus))
    last_sync_error: str | None = None
    platform_size: int | None = None
    matched_size: int | None = None
    match_rate: float | None = None
    told: dict[str, Any] | None = Field(default=None, sa_type=Json)
    """What the platform said of it last, as it said it; see `services.told`."""
    guard: dict[str, Any] | None = Field(default=None, sa_type=Json)
    create_attempted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    known_before: list[str] = Field(default_factory=list, sa_type=Json)
    """Ids of same-named audiences seen on the platform before our own attempt to create one."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class AudienceSyncJob(_Record, table=True):
    """One operation on one audience, with the counts it ended with."""

    __tablename__ = "audience_sync_job"
    __table_args__ = (
        Index("ix_audience_sync_job_audience", "platform_audience_id", "started_at"),
        Index("ix_audience_sync_job_recent", "tenant_id", "started_at"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    tenant_id: int
    platform_audience_id: UUID = Field(foreign_key="platform_audience.id")
    audience: str
    """The audience's slug when the job began: it may name another audience later."""
    platform: Platform = Field(sa_type=words(Platform))
    operation: SyncOperation = Field(sa_type=words(SyncOperation))
    status: SyncStatus = Field(default=SyncStatus.PENDING, sa_type=words(SyncStatus))
    triggered_by: TriggeredBy = Field(sa_type=words(TriggeredBy))
    triggered_by_user_id: int | None = None
    retry_of: UUID | None = Field(default=None, foreign_key="audience_sync_job.id")
    attempt: int = 1
    next_attempt_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    completed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    duration_ms: int | None = Field(default=None, sa_type=BigInteger)
    error_message: str | None = None
    error: dict[str, Any] | None = Field(default=None, sa_type=Json)
    match_rate: float | None = None
    settlement: dict[str, Any] | None = Field(default=None, sa_type=Json)
    warnings: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)
    rejected: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    profiles_skipped: dict[str, int] = Field(default_factory=dict, sa_type=Json)
    profiles_read: int = Field(default=0, sa_type=BigInteger)
    profiles_unchanged: int = Field(default=0, sa_type=BigInteger)
    profiles_sent: int = Field(default=0, sa_type=BigInteger)
    profiles_added: int = Field(default=0, sa_type=BigInteger)
    profiles_failed: int = Field(default=0, sa_type=BigInteger)
    profiles_pending: int = Field(default=0, sa_type=BigInteger)
    profiles_removed: int = Field(default=0, sa_type=BigInteger)
    profiles_refreshed: int = Field(default=0, sa_type=BigInteger)
    identifiers_added: int = Field(default=0, sa_type=BigInteger)
    identifiers_removed: int = Field(default=0, sa_type=BigInteger)
    platform_rejected: int = Field(default=0, sa_type=BigInteger)
    total_batches: int = 0
    successful_batches: int = 0
    failed_batches: int = 0


class Batch(_Record, table=True):
    """The ledger: one upload request of a job, and what is known of its effect."""

    __tablename__ = "batch"
    __table_args__ = (UniqueConstraint("audience_id", "job_id", "number"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    audience_id: UUID = Field(foreign_key="platform_audience.id")
    job_id: UUID = Field(foreign_key="audience_sync_job.id", index=True)
    epoch: int
    """The lease under which this row was written last."""
    number: int
    """1-based position in its plan."""
    action: Action = Field(sa_type=words(Action))
    session: int = Field(sa_type=BigInteger)
    session_number: int
    rows: int
    first_row: int
    """Where it begins in its file of the plan; `stop_row` is where the next one begins."""
    stop_row: int
    profiles: int = 0
    """Profiles that enter or change with it."""
    refreshed: int = 0
    """Unchanged profiles that are sent again with it."""
    identifiers: int = 0
    """Wire values that appear or vanish with it."""
    profiles_left: int = 0
    """Profiles that are gone once it is applied."""
    state: BatchState = Field(default=BatchState.PLANNED, sa_type=words(BatchState))
    attempts: int = 0
    unanswered_tries: int = 0
    """Tries without a usable answer: each of them may still take effect late."""
    reference: str = ""
    received_rows: int | None = None
    rejected_rows: int | None = None
    error: dict[str, Any] | None = Field(default=None, sa_type=Json)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Reject(_Record, table=True):
    """One identifier that a platform refused and a job left out: whose, of which kind, and why."""

    __tablename__ = "reject"
    __table_args__ = (Index("ix_reject_job", "job_id"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    audience_id: UUID = Field(foreign_key="platform_audience.id")
    job_id: UUID = Field(foreign_key="audience_sync_job.id")
    number: int
    """Of the batch that held nothing else."""
    profile: str
    """The profile's link, 16 hex digits."""
    kind: str
    """Its label, such as `email`."""
    reason: str
    """What the platform's refusal means, in our words."""
    platform_code: str
    """The platform's own name for it; "" where it has none."""


class Head(_Record, table=True):
    """Which files are true for an audience, and whose plan is open. Changing it is the commit."""

    __tablename__ = "head"

    audience_id: UUID = Field(primary_key=True, foreign_key="platform_audience.id")
    files: dict[str, str] = Field(default_factory=dict, sa_type=Json)
    """Role -> file name; what the roles mean is the sync engine's business."""
    facts: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    open_job_id: UUID | None = Field(default=None, foreign_key="audience_sync_job.id")
    epoch: int = 0
    generation: int = 0
    """Counts every change of `files`."""
    updated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Lease(_Record, table=True):
    """Who may write to an audience now. The row stays when it is free: its epoch only grows."""

    __tablename__ = "lease"

    audience_id: UUID = Field(primary_key=True)
    epoch: int = 0
    owner: str | None = None
    """The random token of the holding process; None while nobody holds it."""
    host: str = ""
    pid: int = 0
    pid_started: str = ""
    acquired_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    heartbeat_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Budget(_Record, table=True):
    """How much of one quota of a platform's is taken, by all processes together."""

    __tablename__ = "budget"

    key: str = Field(primary_key=True)
    """As `connectors.quotas` names it."""
    taken: dict[str, float] = Field(default_factory=dict, sa_type=Json)
    """Name of a rate -> seconds since 1970 until which its calls reach when sent evenly."""
    blocked_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """What the platform asked for: before this moment nothing is sent."""


class Breaker(_Record, table=True):
    """Failures in a row of one connection, and its rest after too many of them."""

    __tablename__ = "breaker"

    tenant_id: int = Field(primary_key=True)
    connection: str = Field(primary_key=True)
    failures: int = 0
    """In a row; kept while it rests."""
    successes: int = 0
    """Of single requests since it began to rest."""
    recovery_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Until when it rests, and from when single requests try it; None while it is closed."""
    probed_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """By when the single request that is under way has ended."""
    openings: list[str] = Field(default_factory=list, sa_type=Json)
    """When it opened in the last hour, as ISO 8601."""


class Incident(_Record, table=True):
    """Something that is out of order, from when to when: it is told of once, not at each job."""

    __tablename__ = "incident"
    __table_args__ = (
        Index(
            "uq_incident_open",
            "tenant_id",
            "subject",
            "event",
            unique=True,
            sqlite_where=_NOT_CLOSED,
            postgresql_where=_NOT_CLOSED,
        ),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    tenant_id: int
    subject: str
    """`audience:UUID` or `connection:NAME`."""
    event: str
    detail: str = ""
    """What tells this one from an earlier one of its kind, such as the date of an end."""
    opened_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Notification(_Record, table=True):
    """One message to one receiver, until it was taken or given up."""

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("incident_id", "receiver", "event"),
        Index("ix_notification_due", "tenant_id", "next_attempt_at"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    tenant_id: int
    incident_id: UUID = Field(foreign_key="incident.id")
    receiver: int
    """Position in `notify` of the configuration, from 1 on."""
    event: str
    message: dict[str, Any] = Field(sa_type=Json)
    created_at: datetime = Field(sa_type=UtcDateTime)
    attempts: int = 0
    tried_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    next_attempt_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """None once it was taken or given up."""
    delivered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    given_up_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    problem: str | None = None
    """Why the last attempt failed; never with the receiver's address."""


class Latency(_Record, table=True):
    """How long a platform took to answer the requests of one hour."""

    __tablename__ = "latency"

    tenant_id: int = Field(primary_key=True)
    platform: Platform = Field(primary_key=True, sa_type=words(Platform))
    hour: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    counts: list[int] = Field(default_factory=list, sa_type=Json)
    """Requests in each bucket of `latencies.BOUNDS_S`, and those beyond the last."""
    sum_s: float = 0.0
