"""Every failure audsync expects, grouped by what the program does next.

AudsyncError
├── ConfigError            stop; a person edits a file or a command line              exit 2
│   ├── UsageError, FeatureDisabledError, SegmentNotFoundError, SegmentInactiveError
│   └── AudienceUnknownError, ConnectionUnknownError
├── LocalError             this machine's store, state or source failed               exit 1
│   ├── StoreError, StateError, SourceError
├── AttentionError         stop this connection; a person acts on the platform        exit 5
│   ├── CredentialsError, CredentialsExpiredError, PermissionDeniedError
│   └── TermsNotAcceptedError
├── TransientError         nothing was applied: the call may go again after `wait_s`  exit 6
│   ├── RateLimitError, UnavailableError, MaintenanceError, UnreachableError
│   ├── CircuitOpenError
│   └── SettlingError      accepted requests must become final before others leave
├── OutcomeUnknownError    sent, not answered: it may or may not have been applied    exit 6
├── RejectedError          the platform refused this request and would again          exit 1
│   ├── ValidationError, DuplicateNameError, PlatformError
│   └── ConflictError      the audience takes no changes now; it will later           exit 6
├── AudienceGoneError      the audience does not exist on the platform any more       exit 1
├── AudienceStaleError     it was found gone earlier; a person decides                exit 1
├── GuardError             the plan would hurt: nothing was sent                      exit 7
├── BusyError              another process works on this audience                     exit 4
├── LeaseLostError         another process took this audience over: stop at once      exit 4
├── BudgetEndedError       the time budget ended; what is done is saved               exit 8
└── CancelledError         interrupted by a signal; the state is consistent           exit 130

`code` is public: released once, never changed; docs/errors.md lists them all. No message and
no detail ever holds an identifier, raw or hashed, or a secret.
"""

from typing import Any, ClassVar


class AudsyncError(Exception):
    """Base of all of them. Whatever else escapes is a bug.

    Args:
        message: what happened, where, and what to do next, in one or two sentences.
        details: facts for programs: JSON values, never personal data.
        action_required: a token a program can act on, such as `reconnect_platform`.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    exit_code: ClassVar[int] = 1
    action: ClassVar[str | None] = None

    def __init__(
        self,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        action_required: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = dict(details or {})
        self.action_required = action_required or self.action

    def as_json(self) -> dict[str, Any]:
        """The value of `error` in every JSON answer."""
        return {
            "code": self.code,
            "message": self.message,
            "details": self.details,
            "action_required": self.action_required,
        }


class ConfigError(AudsyncError):
    """The configuration cannot be used as it stands."""

    code = "CONFIG_ERROR"
    exit_code = 2


class UsageError(ConfigError):
    """The command line asks for something that does not exist or does not fit together."""

    code = "USAGE_ERROR"


class FeatureDisabledError(ConfigError):
    """A feature flag is off."""

    code = "FEATURE_DISABLED"


class SegmentNotFoundError(ConfigError):
    """No segment of that name is configured."""

    code = "SEGMENT_NOT_FOUND"


class SegmentInactiveError(ConfigError):
    """The segment is configured with `active: false`."""

    code = "SEGMENT_INACTIVE"


class AudienceUnknownError(ConfigError):
    """No audience of that slug or id is in the store (`details.where` is `store`)."""

    code = "AUDIENCE_NOT_FOUND"


class ConnectionUnknownError(ConfigError):
    """No connection of that name is configured."""

    code = "CONNECTION_NOT_FOUND"


class LocalError(AudsyncError):
    """Something on our side of the network failed; nothing was sent."""


class StoreError(LocalError):
    """The database cannot be used."""

    code = "STORE_ERROR"


class StateError(LocalError):
    """A file of the state folder is missing, damaged or cannot be written."""

    code = "STATE_ERROR"


class SourceError(LocalError):
    """The segment's source cannot be read to its end."""

    code = "SOURCE_ERROR"


class AttentionError(AudsyncError):
    """A person must act on the platform before this connection works again."""

    exit_code = 5


class CredentialsError(AttentionError):
    """The platform does not know the credentials."""

    code = "INVALID_CREDENTIALS"
    action = "reconnect_platform"


class CredentialsExpiredError(AttentionError):
    """The credentials were good once and are not any more."""

    code = "CREDENTIALS_EXPIRED"
    action = "reconnect_platform"


class PermissionDeniedError(AttentionError):
    """The credentials are good but may not do this."""

    code = "PERMISSION_DENIED"
    action = "grant_permission"


class TermsNotAcceptedError(AttentionError):
    """A person must accept the platform's terms first; `details.url` says where."""

    code = "TERMS_NOT_ACCEPTED"
    action = "accept_terms"


class TransientError(AudsyncError):
    """The platform applied nothing and may do so later.

    `wait_s`: how long the platform asked us to wait, 0 when it did not say.
    """

    exit_code = 6

    def __init__(
        self, message: str, *, wait_s: float = 0.0, details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message, details=details)
        self.wait_s = wait_s


class RateLimitError(TransientError):
    """Too many calls."""

    code = "RATE_LIMITED"


class UnavailableError(TransientError):
    """The platform says that it cannot serve now, and that it did nothing."""

    code = "PLATFORM_UNAVAILABLE"


class MaintenanceError(TransientError):
    """The platform announced maintenance."""

    code = "PLATFORM_MAINTENANCE"


class UnreachableError(TransientError):
    """No connection was made: nothing left this machine."""

    code = "PLATFORM_UNAVAILABLE"


class CircuitOpenError(TransientError):
    """Too many failures in a row: the connection rests until `details.recovery_at`."""

    code = "CIRCUIT_OPEN"


class SettlingError(TransientError):
    """The platform still works off requests that must be final before the next ones leave."""

    code = "PLATFORM_UNAVAILABLE"


class OutcomeUnknownError(AudsyncError):
    """A request left and no usable answer came: it may or may not have been applied."""

    code = "TIMEOUT"
    exit_code = 6

    def __init__(
        self, message: str, *, timed_out: bool = True, details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message, details=details)
        if not timed_out:
            self.code = "PLATFORM_UNAVAILABLE"  # type: ignore[misc]  # an answer came: a 5xx


class RejectedError(AudsyncError):
    """The platform refused this request, applied nothing, and would refuse it again."""


class ValidationError(RejectedError):
    """A value in the request is not allowed."""

    code = "VALIDATION_ERROR"


class DuplicateNameError(RejectedError):
    """The platform wants unique names and has this one already."""

    code = "DUPLICATE_NAME"


class PlatformError(RejectedError):
    """An answer we have no better word for."""

    code = "PLATFORM_ERROR"


class ConflictError(RejectedError):
    """The audience is in a state that forbids this now, such as a replace still running."""

    code = "PLATFORM_UNAVAILABLE"
    exit_code = 6


class AudienceGoneError(AudsyncError):
    """The platform does not have the audience any more (`details.where` is `platform`)."""

    code = "AUDIENCE_NOT_FOUND"
    action = "recreate_or_unlink"


class AudienceStaleError(AudsyncError):
    """The audience was found gone on the platform in an earlier run."""

    code = "AUDIENCE_STALE"
    action = "recreate_or_unlink"


class GuardError(AudsyncError):
    """The plan would take too much away; nothing was sent."""

    code = "GUARD_REFUSED"
    exit_code = 7


class BusyError(AudsyncError):
    """Another process works on this audience."""

    code = "SYNC_IN_PROGRESS"
    exit_code = 4


class LeaseLostError(BusyError):
    """Another process took this audience over while this one worked on it."""


class BudgetEndedError(AudsyncError):
    """The time budget ended; what was done is saved and the rest is due."""

    code = "TIME_BUDGET_ENDED"
    exit_code = 8


class CancelledError(AudsyncError):
    """A signal asked us to stop; the state is consistent."""

    code = "CANCELLED"
    exit_code = 130


class PartialFailureError(AudsyncError):
    """Some batches were confirmed and some were not; a retry can finish the rest."""

    code = "PARTIAL_FAILURE"
    exit_code = 3
