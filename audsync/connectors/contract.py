"""What the sync engine may ask of a platform, and what a platform must say about itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from audsync.connectors.gate import Gate
from audsync.connectors.oauth import Shelf
from audsync.domain import (
    Kind,
    Platform,
    Receipt,
    RemoteAudience,
    RemoteId,
    Settlement,
    UploadBatch,
)
from audsync.errors import AudsyncError, OutcomeUnknownError, RejectedError


class Replacing(StrEnum):
    """How a platform comes to hold exactly what is wanted, whatever it held before."""

    SESSION = "session"
    """One session of requests swaps all members at its end."""
    SWEEP = "sweep"
    """Everything wanted is added again; then whoever was not added since then is swept out."""
    SUCCESSOR = "successor"
    """A new audience is filled and takes the place of the old one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimit:
    """At most `calls` in any `window_s` seconds, counted per `scope` (account, app, token)."""

    calls: int
    window_s: int
    scope: str
    counted_by: tuple[str, ...] = ()
    """Names of the credentials of which the first that is set tells one app or token from
    another; where none is, the account does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A platform's ways and limits as data: the engine reads these, it never asks which it is."""

    platform: Platform
    api_version: str
    accepts: tuple[Kind, ...]
    """Kinds it takes at all, identifiers and match fields; what is not here is never sent."""
    max_batch_rows: int
    takes_person_rows: bool
    """One row carries all of a person's values; else a request carries values of one kind."""
    replaces_by: Replacing
    has_unique_names: bool
    max_name_chars: int
    minimum_size: int
    """Below this many matched people an audience cannot be used for targeting."""
    call_limits: tuple[CallLimit, ...]
    seconds_per_call: float
    """A fair guess of how long one upload takes, for estimates in `plan`."""
    source: str
    """Where the numbers come from, and the day they were read."""
    requests_at_once: int = 1
    """So many requests that add members, or remove some, may be under way for one audience."""
    account_requests_at_once: int | None = None
    """So many for all audiences of an account together; None: the platform says nothing of it."""
    base_url: str = ""
    """Its own address, for connections that name no other."""
    can_wipe: bool = False
    """An audience can be emptied by one call."""
    settles_within_s: int = 0
    """Requests that are accepted are worked off later, at most so many seconds; 0: at once."""
    sizes_settle_within_s: int = 172_800
    """For so long after a change the size that is told may be an older one."""
    smallest_size_told: int = 0
    """What stands for every smaller size, too."""
    changes_by_replace: bool = False
    """Members change by nothing but a whole replace session, which takes effect with its last
    batch or not at all; so an audience cannot be emptied. Only where `replaces_by` is `session`;
    such a session leaves nothing open."""
    members_last_days: int | None = None
    """A member that is not sent again for so many days is forgotten; None for never."""
    creates_with_members: bool = False
    """An audience comes to be with its first members. Until then `create` gives an id that stands
    for it, which every call takes; `describe` tells the platform's own id once there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One connection as a person configured it: where it leads and what opens it.

    `credentials` and `options` have the keys that the platform's page in docs/platforms names.
    """

    account: str
    base_url: str | None = None
    """None for the platform's own address; a path prefix is kept."""
    token_url: str | None = None
    api_version: str | None = None
    credentials: Mapping[str, str] = field(repr=False)
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """How long one call may take, in seconds, and what it needs before it leaves."""

    request_timeout_s: float = 60.0
    """Silence after which an answer is given up."""
    max_wait_s: float = 60.0
    """Pauses between the tries of one call, together."""
    gate: Gate | None = field(default=None, repr=False, compare=False)
    """None: a client keeps to what it is told itself, and knows of no others."""
    shelf: Shelf | None = field(default=None, repr=False, compare=False)
    """None: a client asks for access tokens of its own."""

    def uncounted(self) -> "HttpLimits":
        """The same for calls that count against no quota of the platform, such as for tokens."""
        return replace(self, gate=None)


def may_have_applied(error: AudsyncError) -> bool:
    """Whether a call that ended in `error` may nevertheless have taken effect.

    Besides `OutcomeUnknownError` these are errors that a person must act on, met when an earlier
    try of the same call had got no usable answer: they carry `details["unanswered_tries"]`.
    """
    return isinstance(error, OutcomeUnknownError) or bool(error.details.get("unanswered_tries"))


def may_be_rows(error: AudsyncError) -> bool:
    """Whether a call refused with `error` may be taken without some of its rows.

    Such errors carry `details["rows_suspected"]`: the platform's words do not tell a wrong value
    from a wrong request, and one wrong value has the whole request refused.
    """
    return isinstance(error, RejectedError) and bool(error.details.get("rows_suspected"))


def is_too_large(error: AudsyncError) -> bool:
    """Whether a call refused with `error` had too many rows; `details["reduce_rows"]` says so."""
    return isinstance(error, RejectedError) and bool(error.details.get("reduce_rows"))


class Connector(Protocol):
    """One account on one platform: knows the wire, nothing of jobs, stores or schedules.

    What a platform cannot do (`settlement`, `sweep`, `close_session`, `wipe`) is never asked of
    it: its `Spec` says so, and `BaseConnector` answers. Every method raises only the errors in
    audsync.errors. `send` of the same batch twice must leave the audience as one does.
    """

    @property
    def spec(self) -> Spec:
        """The platform's ways and limits."""
        ...

    def check_access(self) -> datetime | None:
        """Prove cheaply that credentials, scopes, account and terms are in order.

        Returns:
            when the credentials expire, aware UTC; None for never, or where nobody says.

        Raises:
            AttentionError: something a person must mend, named precisely.
        """
        ...

    def prolonged(self) -> Mapping[str, str] | None:
        """Credentials of the same rights that end later, to be kept in the place of those of now.

        Those of now stay good until their own end. Changes nothing on the platform.

        Returns:
            the keys that change; None where the platform has no such thing, or not for these.

        Raises:
            AudsyncError: the platform gives none.
        """
        ...

    def find(self, name: str) -> Sequence[RemoteId]:
        """Ids of all audiences of exactly this name, oldest first."""
        ...

    def create(self, name: str, description: str) -> RemoteId:
        """Make an empty audience; where `spec.creates_with_members`, only prepare to make it.

        Raises:
            OutcomeUnknownError: no usable answer; it may exist now. Never repeated by itself.
            DuplicateNameError: the platform wants another name.
        """
        ...

    def describe(self, audience: RemoteId) -> RemoteAudience:
        """Name, size and state; its id is the platform's own where there is one by now.

        Raises:
            AudienceGoneError: the platform does not have it any more.
        """
        ...

    def encoded(self, batch: UploadBatch) -> bytes | None:
        """The members as `send` writes them, so that it can be done while another request waits.

        Pure, and of nothing but the batch's audience, action, kinds and members.

        Returns:
            what belongs into the batch's `encoded`; None where `send` writes nothing ahead.
        """
        ...

    def send(self, batch: UploadBatch) -> Receipt:
        """Apply one batch of at most `spec.max_batch_rows` rows.

        Raises:
            TransientError, RejectedError: nothing applied; see `may_be_rows`, `is_too_large`.
            AttentionError, AudienceGoneError, ConfigError: nothing applied, unless
                `may_have_applied` says otherwise.
            OutcomeUnknownError: it may have been applied.
        """
        ...

    def close_session(self, audience: RemoteId, session: int, filler: UploadBatch) -> None:
        """End a replace session that an earlier run left open, so that other calls are let in.

        `filler`: a batch of one wanted row to carry the closing flag; its number goes on from the
        batches already sent, and its kinds are those of that session. A session that has ended by
        itself is no error.
        """
        ...

    def settlement(self, audience: RemoteId, reference: str) -> Settlement:
        """What became of a request that was accepted, by the reference of its receipt.

        Only where `spec.settles_within_s` is not 0.
        """
        ...

    def clock_mark(self) -> datetime:
        """A moment by the platform's own clock, aware UTC, that divides before and after.

        Whoever is added after this call counts as added after that moment, by whichever of the
        platform's clocks; may wait some seconds for that. Only where `replaces_by` is `sweep`.
        """
        ...

    def sweep(self, audience: RemoteId, before: datetime) -> Receipt:
        """Remove every member that was last added before that moment, a `clock_mark`.

        Only where `replaces_by` is `sweep`; raises what `send` raises.
        """
        ...

    def wipe(self, audience: RemoteId) -> None:
        """Remove every member. Doing so twice is as once. Only where `spec.can_wipe`."""
        ...

    def delete(self, audience: RemoteId) -> None:
        """Remove the audience; one that is already gone is no error."""
        ...

    def close(self) -> None:
        """Let go of the network connections."""
        ...


class BaseConnector:
    """The calls that not every platform has; one that has them says how it answers them."""

    def prolonged(self) -> Mapping[str, str] | None:
        """None: these credentials have no end, or a person renews them."""
        return None

    def encoded(self, batch: UploadBatch) -> bytes | None:  # noqa: ARG002 - see `Connector`
        """None: it is written as it is sent."""
        return None

    def settlement(self, audience: RemoteId, reference: str) -> Settlement:
        """Not asked where requests are applied at once."""
        raise NotImplementedError

    def clock_mark(self) -> datetime:
        """Not asked where members cannot be swept."""
        raise NotImplementedError

    def sweep(self, audience: RemoteId, before: datetime) -> Receipt:
        """Not asked where members cannot be swept."""
        raise NotImplementedError

    def wipe(self, audience: RemoteId) -> None:
        """Not asked where an audience cannot be emptied by one call."""
        raise NotImplementedError

    def close_session(self, audience: RemoteId, session: int, filler: UploadBatch) -> None:
        """Not asked where a replace is no session."""
        raise NotImplementedError
