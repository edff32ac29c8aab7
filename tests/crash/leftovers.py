"""What dead processes may have left in the store and in the state folder, seen from behind."""

from pathlib import Path

from sqlmodel import col, select

from audsync.clock import SystemClock
from audsync.domain import AudienceState, SyncStatus
from audsync.store.database import Database
from audsync.store.tables import AudienceSyncJob, Lease, PlatformAudience

_OPEN = (SyncStatus.PENDING, SyncStatus.RUNNING)


def assert_none(store: str, folder: Path) -> None:
    """No lock is held, no job says that it goes on, and no file is left of who was deleted.

    Args:
        store: `store.url` of a project.
        folder: the project's, from which a relative path in it is seen.
    """
    is_relative = store.startswith("sqlite:///") and not store.startswith("sqlite:////")
    url = store.replace("sqlite:///", f"sqlite:///{folder}/") if is_relative else store
    database = Database(url, clock=SystemClock())
    try:
        with database.reading() as session:
            kept = session.exec(
                select(PlatformAudience.id).where(
                    col(PlatformAudience.state) != AudienceState.RETIRED
                )
            ).all()
            held = session.exec(
                select(Lease).where(col(Lease.owner).is_not(None), col(Lease.audience_id).in_(kept))
            ).all()
            going_on = session.exec(
                select(AudienceSyncJob).where(col(AudienceSyncJob.status).in_(_OPEN))
            ).all()
    finally:
        database.dispose()
    assert not held, "a lock that nobody alive holds"
    assert not going_on, "a job that says that it goes on"
    folders = {each.name for each in (folder / "audsync-state").glob("tenant-*/*")}
    assert folders <= {str(each) for each in kept}, "files of an audience that was deleted"
