"""What platforms refused for what it is, and jobs left out. Functions never commit.

Never the value: whoever has the segment finds the person by the profile's link.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session, col, select

from audsync.domain import Kind
from audsync.store import leases
from audsync.store.leases import Lease
from audsync.store.tables import Reject


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReject:
    """One profile that carries a refused identifier."""

    number: int
    """Of the batch that held nothing else."""
    profile: int
    """The profile's 64-bit link."""
    kind: Kind
    reason: str
    platform_code: str


def add(session: Session, lease: Lease, *, job_id: UUID, found: Sequence[NewReject]) -> None:
    """Keep what a job left out.

    Raises:
        LeaseLostError: the lease does not rule any more.
    """
    leases.check(session, lease)
    session.add_all(
        Reject(
            audience_id=lease.audience_id,
            job_id=job_id,
            number=one.number,
            profile=f"{one.profile:016x}",
            kind=one.kind.label,
            reason=one.reason,
            platform_code=one.platform_code,
        )
        for one in found
    )


def of_job(session: Session, job_id: UUID) -> Sequence[Reject]:
    """What a job left out, a profile's together."""
    statement = select(Reject).where(col(Reject.job_id) == job_id)
    return session.exec(
        statement.order_by(col(Reject.profile), col(Reject.kind), col(Reject.number))
    ).all()
