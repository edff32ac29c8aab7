"""Records of the store as the JSON that scripts rely on."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from audsync.store.tables import AudienceSyncJob, Batch, PlatformAudience, Reject

_JOB_COUNTS = (
    "profiles_unchanged",
    "profiles_sent",
    "profiles_added",
    "profiles_failed",
    "profiles_pending",
    "profiles_removed",
    "profiles_refreshed",
    "identifiers_added",
    "identifiers_removed",
    "platform_rejected",
    "total_batches",
    "successful_batches",
    "failed_batches",
)
_NO_SKIPPED = {"no_valid_identifier": 0, "no_consent": 0, "suppressed": 0, "duplicate": 0}


def moment(value: datetime | None) -> str | None:
    """ISO 8601 in UTC with a Z; None stays None."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if value else None


def job(record: AudienceSyncJob) -> dict[str, Any]:
    """A job, wherever it appears."""
    return {
        "job_id": str(record.id),
        "audience_id": str(record.platform_audience_id),
        "audience": record.audience,
        "platform": record.platform.value,
        "operation": record.operation.value,
        "status": record.status.value,
        "profiles_read": record.profiles_read,
        "profiles_skipped": {**_NO_SKIPPED, **record.profiles_skipped},
        **{name: getattr(record, name) for name in _JOB_COUNTS},
        "match_rate": record.match_rate,
        "duration_ms": record.duration_ms or 0,
        "triggered_by": record.triggered_by.value,
        "started_at": moment(record.started_at),
        "completed_at": moment(record.completed_at),
        "warnings": list(record.warnings),
        "rejected": dict(record.rejected),
        "settlement": record.settlement,
        "error": record.error,
    }


def batch(record: Batch) -> dict[str, Any]:
    """A row of the ledger."""
    return {
        "number": record.number,
        "action": record.action.value,
        "state": record.state.value,
        "rows": record.rows,
        "profiles": record.profiles,
        "attempts": record.attempts,
        "unanswered_tries": record.unanswered_tries,
        "received_rows": record.received_rows,
        "rejected_rows": record.rejected_rows,
        "reference": record.reference,
        "sent_at": moment(record.sent_at),
        "done_at": moment(record.done_at),
        "error": record.error,
    }


def left_out(records: Sequence[Reject]) -> list[dict[str, Any]]:
    """What a job left out, one entry a profile: its link and never a value."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for record in records:
        key = (record.profile, record.reason, record.platform_code)
        found.setdefault(key, []).append(record.kind)
    return [
        {
            "profile": profile,
            "kinds": sorted(set(kinds)),
            "reason": reason,
            "platform_code": platform_code or None,
        }
        for (profile, reason, platform_code), kinds in found.items()
    ]


def audience(record: PlatformAudience, *, success_rate: float | None) -> dict[str, Any]:
    """An audience as `status` shows it; what its platform said keeps its bounds."""
    told = record.told or {}
    percent = told.get("matched_percent")
    return {
        "audience": record.slug,
        "audience_id": str(record.id),
        "segment": record.segment,
        "connection": record.connection,
        "platform": record.platform.value,
        "platform_audience_id": record.platform_audience_id,
        "platform_audience_name": record.platform_audience_name,
        "ad_account_id": record.ad_account_id,
        "state": record.state.value,
        "is_active": record.is_active,
        "auto_sync": record.auto_sync,
        "sync_interval_hours": record.sync_interval_hours,
        "platform_size": record.platform_size,
        "matched_size": record.matched_size,
        "match_rate": record.match_rate,
        "size_lower": told.get("size_lower"),
        "size_upper": told.get("size_upper"),
        "size_told_at": told.get("size_told_at"),
        "matched_percent": None if percent is None else [percent, percent],
        "platform_note": told.get("note") or None,
        "last_sync_at": moment(record.last_sync_at),
        "last_sync_status": record.last_sync_status.value if record.last_sync_status else None,
        "last_sync_error": record.last_sync_error,
        "next_sync_at": moment(record.next_sync_at),
        "success_rate_30d": success_rate,
    }
