"""What a person does with audiences: create, sync, replace, delete, watch, schedule."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from audsync.domain import (
    AudienceState,
    RemoteId,
    SyncOperation,
    SyncStatus,
    TriggeredBy,
)
from audsync.errors import AudsyncError, BusyError, UsageError
from audsync.services import acts, overview, reports
from audsync.services.cron import follow_up
from audsync.services.jobs import aftermath
from audsync.services.jobs.state_files import folder_of
from audsync.services.jobs.succession import PREDECESSOR
from audsync.services.jobs.sync_audience import Report, Wish, bring_in_step
from audsync.services.schedule.rhythm import timetable_of
from audsync.services.watch import notices, outbox
from audsync.services.watch.notices import Desk
from audsync.services.wiring.runtime import Runtime
from audsync.store import audiences, jobs, leases, ledger, rejects
from audsync.store.tables import PlatformAudience


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAudience:
    """What `create` was told; None where the file or a default decides."""

    segment: str
    connection: str
    slug: str | None = None
    name: str | None = None
    description: str | None = None
    every_hours: int | None = None
    auto_sync: bool | None = None


def create(runtime: Runtime, new: NewAudience) -> Report:
    """Make the platform audience and upload the segment; finishes a create that broke.

    Raises:
        UsageError: an audience of that slug exists and is complete.
    """
    runtime.segment(new.segment)
    connection = runtime.connection(new.connection)
    runtime.require_feature(connection.platform)
    audience = _existing(runtime, new) or _add(runtime, new)
    report = bring_in_step(runtime, audience, Wish(operation=SyncOperation.CREATE))
    job = {
        **report.job,
        "platform_audience_id": report.audience["platform_audience_id"],
        "platform_audience_name": report.audience["platform_audience_name"],
    }
    return Report(job=job, exit_code=report.exit_code, audience=report.audience)


def sync(runtime: Runtime, reference: str, *, allow_shrink: bool = False) -> Report:
    """Send the difference."""
    wish = Wish(operation=SyncOperation.UPDATE, allow_shrink=allow_shrink)
    return bring_in_step(runtime, find(runtime, reference), wish)


def replace(
    runtime: Runtime, reference: str, *, allow_shrink: bool = False, wipe: bool = False
) -> Report:
    """Make the platform hold exactly the segment, trusting no snapshot.

    Raises:
        UsageError: `wipe` where the platform cannot empty an audience.
    """
    audience = find(runtime, reference)
    if wipe and not runtime.spec_of(runtime.connection(audience.connection)).can_wipe:
        raise UsageError(
            f"{audience.platform.label} needs no --wipe: `audsync replace {audience.slug}` leaves"
            " exactly the segment without an empty moment.",
            details={"platform": audience.platform.value},
        )
    wish = Wish(operation=SyncOperation.REPLACE, allow_shrink=allow_shrink, wipe=wipe)
    return bring_in_step(runtime, audience, wish)


def reconcile(runtime: Runtime, reference: str, *, allow_shrink: bool = False) -> Report:
    """Make the platform hold exactly the segment, whatever became of audsync's own state.

    Where the platform swaps all members without an empty moment, that is a replace. Elsewhere the
    audience stays and all that may be in it is sent or removed anew, as an update; if its state is
    lost, so that nobody knows what may be in it, a new audience takes its place.
    """
    wish = Wish(operation=SyncOperation.REPLACE, allow_shrink=allow_shrink, keeps_remote=True)
    return bring_in_step(runtime, find(runtime, reference), wish)


def delete(runtime: Runtime, reference: str, *, keep_remote: bool = False) -> Report:
    """Delete the audience on the platform, then retire it; its history is kept."""
    audience = find(runtime, reference)
    if not keep_remote:
        runtime.require_feature(audience.platform)
    owner = leases.this_process()
    lease = leases.claim(runtime.database, audience.id, owner=owner)
    try:
        report = _delete(runtime, audience, lease, keep_remote=keep_remote)
    finally:
        leases.release(runtime.database, lease)
    outbox.deliver(runtime)
    return report


def find(runtime: Runtime, reference: str) -> PlatformAudience:
    """The audience of that slug or UUID.

    Raises:
        AudienceUnknownError: there is none.
    """
    with runtime.database.reading() as session:
        return audiences.by_reference(session, runtime.config.tenant, reference)


def all_references(runtime: Runtime) -> Sequence[str]:
    """Slugs of every audience that `sync --all` means."""
    with runtime.database.reading() as session:
        listed = audiences.listed(session, runtime.config.tenant)
    return [one.slug for one in listed if one.is_active and one.state is not AudienceState.STALE]


def status(
    runtime: Runtime, *, reference: str | None = None, segment: str | None = None
) -> list[dict[str, Any]]:
    """All audiences, those of a segment, or one, with their health; by slug.

    Args:
        runtime: the program's.
        reference: one audience's slug or UUID.
        segment: only audiences of this segment.
    """
    found = _chosen(runtime, reference, segment)
    with runtime.database.reading() as session:
        return [overview.describe(runtime, session, one) for one in found]


def refresh(
    runtime: Runtime, *, reference: str | None = None, segment: str | None = None
) -> dict[str, AudsyncError]:
    """Ask the platforms for sizes, and how far they have come with what they accepted.

    Returns:
        by the slug of each audience of which nothing could be learned, why.
    """
    problems = {}
    for one in _chosen(runtime, reference, segment):
        runtime.stop.check()
        try:
            follow_up.refresh(runtime, one)
        except AudsyncError as error:
            problems[one.slug] = error
    return problems


def history(
    runtime: Runtime, *, reference: str | None = None, status: SyncStatus | None = None
) -> list[dict[str, Any]]:
    """Jobs, newest first."""
    audience_id = find(runtime, reference).id if reference else None
    with runtime.database.reading() as session:
        found = jobs.recent(session, runtime.config.tenant, audience_id=audience_id, status=status)
    return [reports.job(job) for job in found]


def job_in_depth(runtime: Runtime, reference: str) -> dict[str, Any]:
    """One job with its batches, and what it left out as the platform refused it."""
    with runtime.database.reading() as session:
        job = jobs.by_id(session, runtime.config.tenant, reference)
        batches = jobs.batches(session, job.id)
        left_out = rejects.of_job(session, job.id)
    return {
        **reports.job(job),
        "batches": [reports.batch(batch) for batch in batches],
        "left_out": reports.left_out(left_out),
    }


def schedule(
    runtime: Runtime,
    reference: str,
    *,
    every_hours: int | None = None,
    auto_sync: bool | None = None,
) -> dict[str, Any]:
    """Change how often an audience is synced, or whether at all."""
    audience = find(runtime, reference)
    if every_hours is not None:
        audience.sync_interval_hours = _allowed(runtime, every_hours)
    if auto_sync is not None:
        audience.auto_sync = auto_sync
    with runtime.database.transaction() as session:
        now = runtime.database.now(session)
        if every_hours is not None:
            aftermath.keep_time(audience, timetable_of(runtime.config))
        audiences.save(session, audience, now=now)
        acts.rescheduled(session, audience, every_hours=every_hours, auto_sync=auto_sync)
        return overview.describe(runtime, session, audience)


def unlock(runtime: Runtime, reference: str, *, force: bool = False) -> dict[str, Any]:
    """Release the lock of a dead holder, or of a live one when forced.

    Raises:
        BusyError: the holder is alive.
    """
    audience = find(runtime, reference)
    with runtime.database.reading() as session:
        holder = leases.holder(session, audience.id)
        is_live = holder is not None and leases.is_live(session, holder)
    held_by = None
    if holder is not None:
        held_by = {
            "host": holder.host,
            "pid": holder.pid,
            "since": reports.moment(holder.acquired_at),
            "heartbeat_at": reports.moment(holder.heartbeat_at),
        }
        if is_live and not force:
            raise BusyError(
                f"{audience.slug} is locked by process {holder.pid} on {holder.host} since"
                f" {held_by['since']}, and it is alive. Wait for it, or say --force: its next"
                " write then fails.",
                details={"audience": audience.slug, **held_by},
            )
        leases.force_release(runtime.database, audience.id)
    return {"audience": audience.slug, "released": holder is not None, "holder": held_by}


def _chosen(
    runtime: Runtime, reference: str | None, segment: str | None
) -> Sequence[PlatformAudience]:
    if reference is not None:
        return [find(runtime, reference)]
    with runtime.database.reading() as session:
        listed = audiences.listed(session, runtime.config.tenant)
    return [one for one in listed if segment in (None, one.segment)]


def _existing(runtime: Runtime, new: NewAudience) -> PlatformAudience | None:
    """The audience of that slug, if its create broke and is to be finished."""
    slug = _slug(new)
    with runtime.database.reading() as session:
        listed = audiences.listed(session, runtime.config.tenant)
    found = next((one for one in listed if one.slug == slug), None)
    if found is None:
        return None
    is_other = found.segment != new.segment or found.connection != new.connection
    is_done = found.last_sync_status is SyncStatus.COMPLETED
    if is_other or is_done or found.state is AudienceState.STALE:
        raise UsageError(
            f"There is an audience `{slug}` already, of segment `{found.segment}` on connection"
            f" `{found.connection}`: run `audsync sync {slug}`, or choose another --id.",
            details={"audience": slug},
        )
    return found


def _add(runtime: Runtime, new: NewAudience) -> PlatformAudience:
    slug = _slug(new)
    configured = runtime.config.audiences.get(slug)
    connection = runtime.connection(new.connection)
    every = new.every_hours or (configured.every if configured else None)
    auto_sync = configured.auto_sync if configured and new.auto_sync is None else new.auto_sync
    name = new.name or (configured.name if configured else slug)
    description = new.description or (configured.description if configured else None)
    spec = runtime.spec_of(connection)
    if spec.creates_with_members:
        _require_own_name(runtime, name, account=connection.account)
    limit = spec.max_name_chars
    if len(name) > limit:
        raise UsageError(
            f"The name has {len(name)} characters; {connection.platform.label} takes {limit} at"
            " most: choose a shorter --name.",
            details={"max_name_chars": limit},
        )
    with runtime.database.transaction() as session:
        now = runtime.database.now(session)
        audience = PlatformAudience(
            tenant_id=runtime.config.tenant,
            slug=slug,
            segment=new.segment,
            connection=new.connection,
            platform=connection.platform,
            platform_audience_name=name,
            ad_account_id=connection.account,
            description=description,
            auto_sync=auto_sync if auto_sync is not None else True,
            sync_interval_hours=_allowed(runtime, every or runtime.config.defaults.every),
            guard=configured.guard.model_dump() if configured else None,
            created_at=now,
            updated_at=now,
        )
        return audiences.add(session, audience)


def _require_own_name(runtime: Runtime, name: str, *, account: str) -> None:
    """Until it is made, an audience is told from others of its account by its name alone.

    Raises:
        UsageError: another audience of that account has the name.
    """
    with runtime.database.reading() as session:
        listed = audiences.listed(session, runtime.config.tenant)
    for one in listed:
        if (one.ad_account_id, one.platform_audience_name) == (account, name):
            raise UsageError(
                f"The audience {one.slug} has the name `{name}` in this ad account already, and"
                f" {one.platform.label} cannot tell the two apart there: choose another --name.",
                details={"audience": one.slug},
            )


def _slug(new: NewAudience) -> str:
    return new.slug or f"{new.segment}-{new.connection}"


def _allowed(runtime: Runtime, hours: int) -> int:
    least = runtime.config.defaults.minimum_every
    if hours < least:
        raise UsageError(
            f"Every {hours} h is more often than `defaults.minimum_every` ({least} h) allows.",
            details={"minimum_hours": least},
        )
    return hours


def _delete(
    runtime: Runtime, audience: PlatformAudience, lease: leases.Lease, *, keep_remote: bool
) -> Report:
    folder = folder_of(runtime, audience.id)
    with runtime.database.transaction() as session:
        now = runtime.database.now(session)
        for left in jobs.abandoned(session, audience.id):
            aftermath.close_abandoned(session, left, now=now)
        job = jobs.begin(session, audience, SyncOperation.DELETE, TriggeredBy.MANUAL, now)
    error = None
    try:
        if not keep_remote:
            _delete_remote(runtime, audience)
    except AudsyncError as refused:
        error = refused
    with runtime.database.transaction() as session:
        leases.check(session, lease)
        now = runtime.database.now(session)
        done = SyncStatus.FAILED if error else SyncStatus.COMPLETED
        jobs.finish(session, job, status=done, now=now, error=error.as_json() if error else None)
        desk = Desk.of(runtime.config, session, now)
        if error is not None:
            notices.note_job(desk, audience, job)
        if error is None:
            audience.state = AudienceState.RETIRED
            audience.is_active = audience.auto_sync = False
            audience.next_sync_at = None
            ledger.close_plan(session, lease, files={}, facts={})
            acts.retired(session, audience, keep_remote=keep_remote)
            notices.note_end(desk, audience)
            # Before the commit: nobody ever comes back for the files of a retired audience.
            folder.remove()
        audiences.save(session, audience, now=now)
    return Report(
        job=reports.job(job),
        exit_code=error.exit_code if error else 0,
        audience=reports.audience(audience, success_rate=None),
    )


def _delete_remote(runtime: Runtime, audience: PlatformAudience) -> None:
    """Delete it, and the one whose place it was to take."""
    with runtime.database.reading() as session:
        predecessor = ledger.head(session, audience.id).facts.get(PREDECESSOR)
    ids = [one for one in (audience.platform_audience_id, predecessor) if one]
    if not ids:
        return
    with closing(runtime.connect(audience.connection)) as connector:
        for one in ids:
            connector.delete(RemoteId(one))
