"""The words every layer shares: plain values, no behaviour, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    import pyarrow as pa

RemoteId = NewType("RemoteId", str)
"""The platform's own id of an audience."""


class Platform(StrEnum):
    """A place that holds audiences."""

    META = "meta"
    GOOGLE = "google"
    TIKTOK = "tiktok"
    SNAPCHAT = "snapchat"

    @property
    def label(self) -> str:
        """Its name as people write it, for sentences; programs are told the value."""
        return "TikTok" if self is Platform.TIKTOK else self.capitalize()


class Kind(IntEnum):
    """What a value is: the code in our Parquet files, so a number is never given anew.

    Below `FIRST_FIELD` are identifiers: they make up the set that a platform must hold.
    From it on are match fields: they travel beside identifiers and are not a set of their own.
    """

    EMAIL = 1
    PHONE = 2
    MOBILE_ID = 3
    EXTERNAL_ID = 4
    FIRST_NAME = 16
    LAST_NAME = 17
    CITY = 18
    STATE = 19
    ZIP_CODE = 20
    COUNTRY = 21
    GENDER = 22
    DATE_OF_BIRTH = 23
    BIRTH_YEAR = 24
    BIRTH_MONTH = 25
    BIRTH_DAY = 26
    AD_USER_DATA = 27
    AD_PERSONALIZATION = 28

    @property
    def is_identifier(self) -> bool:
        """Whether the platform finds a person by this value alone."""
        return self < FIRST_FIELD

    @property
    def label(self) -> str:
        """The name used in config, JSON and on screen, such as `mobile_id`."""
        return self.name.lower()


FIRST_FIELD = 16
IDENTIFIERS = tuple(kind for kind in Kind if kind < FIRST_FIELD)
STATEMENTS = (Kind.AD_USER_DATA, Kind.AD_PERSONALIZATION)
"""Match fields that match nobody: what a person agreed to, for platforms that are told so."""
YES_WORDS = ("true", "1", "yes", "y", "t", "granted", "opt_in")
"""What counts as consent in a column, in any case; everything else does not."""


class SyncOperation(StrEnum):
    """What a job does to an audience."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


class SyncStatus(StrEnum):
    """How far a job has come."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


class TriggeredBy(StrEnum):
    """Who asked for a job."""

    MANUAL = "manual"
    SCHEDULED = "scheduled"
    API = "api"


class AudienceState(StrEnum):
    """Where an audience is in its life.

    `creating`: the platform may or may not have it yet. `stale`: the platform lost it.
    `retired`: deleted or unlinked; only its history is kept.
    """

    CREATING = "creating"
    ACTIVE = "active"
    STALE = "stale"
    RETIRED = "retired"


class ConnectionStatus(StrEnum):
    """How a connection was last found.

    `error`: a person must act on the platform before it works again.
    """

    UNTESTED = "untested"
    OK = "ok"
    ERROR = "error"


class Action(StrEnum):
    """What a batch does to the members it names."""

    REMOVE = "remove"
    ADD = "add"
    REPLACE = "replace"
    SWEEP = "sweep"
    """Takes out whoever the batches before it did not name."""


class BatchState(StrEnum):
    """What is known of a batch's effect.

    planned -> sending -> applied | refused | unknown | accepted, and accepted -> applied |
    refused | unknown. `refused` is only for answers that prove that nothing was applied. Then it
    may be divided, which leaves it smaller and planned again; once it is a single value that is
    refused where others are taken, it is `left_out`.
    """

    PLANNED = "planned"
    SENDING = "sending"
    APPLIED = "applied"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    LEFT_OUT = "left_out"
    """Refused for what it is: not there, and not sent again by itself."""


SWAPS = frozenset({Action.REPLACE, Action.SWEEP})
"""The actions of a replace."""
TAKEN = frozenset({BatchState.APPLIED, BatchState.ACCEPTED})
"""States of a batch that the platform took."""
OVER = frozenset({BatchState.APPLIED, BatchState.LEFT_OUT})
"""States of a batch of which nothing more is to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadBatch:
    """The unit that is sent, retried and recorded: one platform call.

    `members` stays out of the repr: hashed identifiers are personal data too.
    """

    audience: RemoteId
    action: Action
    session: int
    """Random positive 63-bit number, the same for all batches of one session."""
    number: int
    """1-based position in its session."""
    is_last: bool
    """Whether it closes its session."""
    rows: int
    """People in it: distinct values of `row`."""
    session_rows: int
    """People in the whole session."""
    kinds: tuple[Kind, ...]
    """Every kind that occurs anywhere in the session, in the order of their codes: all batches of
    a session are laid out alike."""
    members: "pa.Table" = field(repr=False)
    """Columns `row` int32, `kind` uint8, `value` binary; ordered by row, then kind. A row is one
    person; it has at most one value a kind. A removal row has exactly one value. A hashed value
    is its 32-byte digest, a raw one its UTF-8 text, as the platform's rules say."""
    encoded: bytes | None = field(default=None, repr=False)
    """What `Connector.encoded` made of it ahead; None where nobody did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the platform said about one batch it took."""

    received_rows: int
    rejected_rows: int
    reference: str
    """The platform's name for the request or its session; "" where it has none."""
    is_settled: bool = True
    """False where the platform works the request off later."""
    unanswered_tries: int = 0
    """Tries of this request that got no usable answer before the one that did: each may still
    take effect late."""
    refused_rows: tuple[int, ...] = ()
    """Rows, by their number in the batch, that the platform named as wrong and that were sent no
    more: the receipt is for the others."""


class SettlementState(StrEnum):
    """What became of a request that a platform works off later.

    `rejected`: it came to nothing, or to less than was asked for an unknown part of its rows.
    `lost`: the platform does not know it any more.
    """

    PENDING = "pending"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What a platform says about a request that it accepted earlier."""

    state: SettlementState
    rejected_rows: int = 0
    """Rows of a confirmed request that it left out, for reasons of their own."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """The platform's words for that, and how many rows each."""
    match_rate_percent: tuple[int, int] | None = None
    """Lower and upper bound of the share of rows that met a person."""


class CircuitState(StrEnum):
    """Whether a connection is used after failures in a row."""

    CLOSED = "closed"
    """As ever."""
    OPEN = "open"
    """It rests: no request leaves."""
    HALF_OPEN = "half_open"
    """Single requests show whether it works again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRate:
    """At most `calls` in any `window_s` seconds; `name` tells it from others of its quota."""

    name: str
    calls: int
    window_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CallQuota:
    """What a platform counts calls by: whoever has the same `key` shares all these rates."""

    key: str
    rates: tuple[CallRate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteAudience:
    """What a platform tells about an audience."""

    id: RemoteId
    name: str
    size_lower: int | None = None
    size_upper: int | None = None
    is_usable: bool = True
    """False while the platform refuses changes, such as during a replace."""
    note: str = ""
    """The platform's own words on its state; "" when all is well."""
    matched_percent: int | None = None
    """Share of uploaded people it knows, where it tells."""
