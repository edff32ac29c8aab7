"""The audiences of a tenant. Functions take the caller's session; none commits."""

from collections.abc import Sequence
from datetime import datetime
from difflib import get_close_matches
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from audsync.domain import AudienceState
from audsync.errors import AudienceUnknownError, UsageError
from audsync.store import audit
from audsync.store.audit import Act
from audsync.store.tables import PlatformAudience


def add(session: Session, audience: PlatformAudience) -> PlatformAudience:
    """Store a new audience.

    Raises:
        UsageError: an audience of this tenant that is not retired has the slug already.
    """
    if _of_slug(session, audience.tenant_id, audience.slug) is not None:
        raise _taken(audience.slug)
    session.add(audience)
    try:
        session.flush()
    except IntegrityError:
        # Another host was quicker, between the look and the insert.
        raise _taken(audience.slug) from None
    subject = {"audience": audience.slug}
    told = {
        "segment": audience.segment,
        "connection": audience.connection,
        "account": audience.ad_account_id,
    }
    audit.note(session, audience.tenant_id, Act.AUDIENCE_CREATED, subject, told)
    return audience


def save(session: Session, audience: PlatformAudience, *, now: datetime) -> None:
    """Write the changed fields of an audience, whichever session it was read in."""
    audience.updated_at = now
    session.add(audience)
    session.flush()


def by_reference(session: Session, tenant_id: int, reference: str) -> PlatformAudience:
    """The audience of that slug that is not retired, or of that UUID in whatever state.

    Raises:
        AudienceUnknownError: there is none; the message offers the nearest slugs.
    """
    found = _of_slug(session, tenant_id, reference)
    if found is None and (audience_id := _uuid(reference)) is not None:
        by_id = session.get(PlatformAudience, audience_id)
        found = by_id if by_id is not None and by_id.tenant_id == tenant_id else None
    if found is None:
        raise _unknown(reference, [each.slug for each in listed(session, tenant_id)])
    return found


def listed(session: Session, tenant_id: int) -> Sequence[PlatformAudience]:
    """All audiences of the tenant that are not retired, by slug."""
    statement = (
        select(PlatformAudience)
        .where(
            col(PlatformAudience.tenant_id) == tenant_id,
            col(PlatformAudience.state) != AudienceState.RETIRED,
        )
        .order_by(col(PlatformAudience.slug))
    )
    return session.exec(statement).all()


def of_all_tenants(session: Session) -> Sequence[PlatformAudience]:
    """All audiences that are not retired, by tenant and slug."""
    statement = (
        select(PlatformAudience)
        .where(col(PlatformAudience.state) != AudienceState.RETIRED)
        .order_by(col(PlatformAudience.tenant_id), col(PlatformAudience.slug))
    )
    return session.exec(statement).all()


def of_segment(session: Session, tenant_id: int, segment: str) -> Sequence[PlatformAudience]:
    """The audiences fed by one segment that are not retired, by slug."""
    return [each for each in listed(session, tenant_id) if each.segment == segment]


def of_connection(session: Session, tenant_id: int, name: str) -> Sequence[PlatformAudience]:
    """The audiences that one connection leads to, not retired, by slug."""
    return [each for each in listed(session, tenant_id) if each.connection == name]


def _of_slug(session: Session, tenant_id: int, slug: str) -> PlatformAudience | None:
    statement = select(PlatformAudience).where(
        col(PlatformAudience.tenant_id) == tenant_id,
        col(PlatformAudience.slug) == slug,
        col(PlatformAudience.state) != AudienceState.RETIRED,
    )
    return session.exec(statement).first()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _taken(slug: str) -> UsageError:
    return UsageError(
        f"An audience `{slug}` exists already: choose another name with --id, or "
        f"`audsync sync {slug}`.",
        details={"audience": slug},
    )


def _unknown(reference: str, slugs: Sequence[str]) -> AudienceUnknownError:
    near = get_close_matches(reference, slugs, n=3)
    hint = (
        f"did you mean {', '.join(f'`{slug}`' for slug in near)}?"
        if near
        else ("`audsync status` lists them.")
    )
    return AudienceUnknownError(
        f"No audience `{reference}` is in the store: {hint}",
        details={"where": "store", "audience": reference, "near": near},
    )
