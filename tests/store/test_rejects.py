"""What was left out is kept by profile and kind, never by value."""

from uuid import UUID

import pytest

from audsync.domain import Kind
from audsync.errors import LeaseLostError
from audsync.store import leases, rejects
from audsync.store.database import Database
from audsync.store.rejects import NewReject
from tests.store.test_ledger import Run, run

__all__ = ["run"]


def reject(profile: int, kind: Kind = Kind.EMAIL) -> NewReject:
    return NewReject(number=1, profile=profile, kind=kind, reason="No.", platform_code="100/33")


def told(database: Database, job_id: UUID) -> list[tuple[str, str]]:
    with database.reading() as session:
        return [(one.profile, one.kind) for one in rejects.of_job(session, job_id)]


def test_rejects_of_a_job_are_told_a_profile_s_together(run: Run) -> None:
    found = [reject(2**64 - 1), reject(7, Kind.PHONE), reject(7)]
    with run.database.transaction() as session:
        rejects.add(session, run.lease, job_id=run.job_id, found=found)
    assert told(run.database, run.job_id) == [
        ("0000000000000007", "email"),
        ("0000000000000007", "phone"),
        ("ffffffffffffffff", "email"),
    ]


def test_only_the_holder_of_the_lease_adds_any(run: Run) -> None:
    leases.release(run.database, run.lease)
    with pytest.raises(LeaseLostError), run.database.transaction() as session:
        rejects.add(session, run.lease, job_id=run.job_id, found=[reject(1)])
    assert told(run.database, run.job_id) == []
