"""Making the platform's audience exactly once, whatever gets lost on the way.

Before the first attempt the ids of all audiences of that name are noted. If no answer comes, an
audience of that name that was not there before is ours. Nothing else is ever adopted.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import UUID

from audsync.connectors.contract import Connector
from audsync.domain import AudienceState, RemoteAudience, RemoteId
from audsync.errors import DuplicateNameError, OutcomeUnknownError
from audsync.services.wiring.runtime import Runtime
from audsync.store import leases
from audsync.store.leases import Lease
from audsync.store.tables import PlatformAudience

if TYPE_CHECKING:
    from sqlmodel import Session

MAX_NAMES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """The platform's audience. `is_new`: this run made or found it.

    Where an audience is made with its first members, that it is new only means that it is to be
    made: `remote` stands for it.
    """

    remote: RemoteId
    is_new: bool = False
    warnings: list[dict[str, str]] = field(default_factory=list)


def ensure_created(
    runtime: Runtime,
    connector: Connector,
    audience_id: UUID,
    *,
    when_made: Callable[["Session"], None],
) -> Created:
    """The audience's id on the platform; made now if it never was.

    The caller holds the audience's lease. `when_made` is called in the transaction that links a
    new audience.

    Raises:
        AudsyncError: the platform refused, or did not answer: the next attempt finds out.
    """
    audience = _load(runtime, audience_id)
    if audience.platform_audience_id:
        return Created(remote=RemoteId(audience.platform_audience_id))
    wanted = audience.platform_audience_name
    if audience.create_attempted_at is not None:
        ours = _made_by_us(connector, audience)
        if ours is not None:
            return _created(runtime, audience, ours, wanted, when_made)
    for name in _names(runtime, wanted, connector.spec.max_name_chars):
        try:
            remote = _attempt(runtime, connector, audience, name)
        except DuplicateNameError:
            continue
        return _created(runtime, audience, remote, wanted, when_made)
    raise DuplicateNameError(
        f"{connector.spec.platform.label} has audiences of the name `{wanted}` and of {MAX_NAMES}"
        " variants of it: choose another --name.",
        details={"platform": connector.spec.platform.value},
    )


def known_as(runtime: Runtime, lease: Lease, created: Created, found: RemoteAudience) -> Created:
    """`created` under the platform's own id, once it has one; that is kept from now on."""
    if found.id == created.remote:
        return created
    with runtime.database.transaction() as session:
        leases.check(session, lease)
        audience = session.get_one(PlatformAudience, lease.audience_id)
        audience.platform_audience_id = found.id
        session.add(audience)
    return replace(created, remote=found.id)


def _attempt(
    runtime: Runtime, connector: Connector, audience: PlatformAudience, name: str
) -> RemoteId:
    """Note what is there and that we try, then try; a lost answer is looked after once."""
    audience.platform_audience_name = name
    audience.known_before = [str(found) for found in connector.find(name)]
    with runtime.database.transaction() as session:
        audience.create_attempted_at = runtime.database.now(session)
        session.merge(audience)
    try:
        return connector.create(name, audience.description or "")
    except OutcomeUnknownError:
        ours = _made_by_us(connector, audience)
        if ours is None:
            raise
        return ours


def _made_by_us(connector: Connector, audience: PlatformAudience) -> RemoteId | None:
    before = set(audience.known_before)
    found = [
        remote for remote in connector.find(audience.platform_audience_name) if remote not in before
    ]
    return found[0] if found else None


def _created(
    runtime: Runtime,
    audience: PlatformAudience,
    remote: RemoteId,
    wanted: str,
    when_made: Callable[["Session"], None],
) -> Created:
    audience.platform_audience_id = remote
    audience.state = AudienceState.ACTIVE
    with runtime.database.transaction() as session:
        when_made(session)
        session.merge(audience)
    warnings = []
    if audience.platform_audience_name != wanted:
        warnings.append(
            {
                "code": "NAME_CHANGED",
                "message": f"The name `{wanted}` was taken: the audience is called"
                f" `{audience.platform_audience_name}`.",
            }
        )
    return Created(remote=remote, is_new=True, warnings=warnings)


def _names(runtime: Runtime, wanted: str, max_chars: int) -> list[str]:
    """The wanted name, then with the day, then with the day and a number."""
    day = f" - {runtime.clock.now():%Y%m%d}"
    endings = ["", day, *(f"{day}-{number}" for number in range(2, MAX_NAMES))]
    return [wanted[: max_chars - len(ending)] + ending for ending in endings]


def _load(runtime: Runtime, audience_id: UUID) -> PlatformAudience:
    with runtime.database.reading() as session:
        return session.get_one(PlatformAudience, audience_id)
