"""Sending again what a job did not get confirmed, and what it left out."""

from audsync.domain import SyncOperation, SyncStatus
from audsync.errors import UsageError
from audsync.services.jobs.sync_audience import Report, Wish, bring_in_step
from audsync.services.wiring.runtime import Runtime
from audsync.store import jobs, rejects
from audsync.store.tables import PlatformAudience


def retry(runtime: Runtime, reference: str, *, allow_shrink: bool = False) -> Report:
    """Send again what a job did not get confirmed, with the segment as that job had read it.

    A job that is completed but for what it left out is retried with the segment as it is now.

    Raises:
        UsageError: the job has nothing left to retry, or a later one went on from it.
    """
    with runtime.database.reading() as session:
        job = jobs.by_id(session, runtime.config.tenant, reference)
        audience = session.get_one(PlatformAudience, job.platform_audience_id)
        latest = jobs.recent(session, runtime.config.tenant, audience_id=audience.id, limit=1)
        had_plan = bool(jobs.batches(session, job.id))
        has_left_out = bool(rejects.of_job(session, job.id))
    if job.status is SyncStatus.COMPLETED and has_left_out:
        wish = Wish(
            operation=SyncOperation.UPDATE,
            allow_shrink=allow_shrink,
            retry_of=job.id,
            tries_refused=True,
        )
        return bring_in_step(runtime, audience, wish)
    if job.status not in (SyncStatus.PARTIAL, SyncStatus.FAILED, SyncStatus.CANCELLED):
        raise UsageError(
            f"Job {job.id} is {job.status}: there is nothing to retry.",
            details={"job_id": str(job.id), "status": job.status.value},
        )
    if latest and latest[0].id != job.id and latest[0].started_at != job.started_at:
        raise UsageError(
            f"A later job went on where job {job.id} stopped: run `audsync sync"
            f" {audience.slug}` instead.",
            details={"job_id": str(job.id), "latest_job_id": str(latest[0].id)},
        )
    wish = Wish(
        operation=job.operation,
        allow_shrink=allow_shrink,
        retry_of=job.id,
        reread=not had_plan,
        tries_refused=True,
    )
    return bring_in_step(runtime, audience, wish)
