"""The two ways out when the platform has lost an audience: make it anew, or let it go."""

from audsync.domain import AudienceState, SyncOperation
from audsync.errors import UsageError
from audsync.services.audiences import delete, find
from audsync.services.jobs import told
from audsync.services.jobs.continuity import AFRESH
from audsync.services.jobs.succession import PREDECESSOR
from audsync.services.jobs.sync_audience import Report, Wish, bring_in_step
from audsync.services.wiring.runtime import Runtime
from audsync.store import audiences, audit, leases, ledger
from audsync.store.audit import Act
from audsync.store.tables import PlatformAudience


def unlink(runtime: Runtime, reference: str) -> Report:
    """Retire the audience here; the platform is not touched."""
    return delete(runtime, reference, keep_remote=True)


def recreate(runtime: Runtime, reference: str, *, allow_shrink: bool = False) -> Report:
    """Make a new audience on the platform under the same slug, and upload the segment at once.

    Raises:
        UsageError: the audience is not stale.
        FeatureDisabledError: a flag is off; what is known of the audience is kept.
    """
    audience = find(runtime, reference)
    runtime.require_feature(audience.platform)
    runtime.segment(audience.segment)
    if audience.state is AudienceState.STALE:
        _forget(runtime, audience)
    elif audience.state is not AudienceState.CREATING:
        raise UsageError(
            f"{audience.slug} is not stale: the platform has it. `audsync replace"
            f" {audience.slug}` loads it anew.",
            details={"audience": audience.slug, "state": audience.state.value},
        )
    wish = Wish(operation=SyncOperation.CREATE, allow_shrink=allow_shrink)
    return bring_in_step(runtime, audience, wish)


def _forget(runtime: Runtime, audience: PlatformAudience) -> None:
    """Nothing that was confirmed of the lost audience says anything of a new one."""
    lease = leases.claim(runtime.database, audience.id, owner=leases.this_process())
    try:
        with runtime.database.transaction() as session:
            facts = ledger.head(session, audience.id).facts
            told_id = {"lost_platform_audience_id": audience.platform_audience_id}
            subject = {"audience": audience.slug}
            audit.note(session, audience.tenant_id, Act.AUDIENCE_RECREATED, subject, told_id)
            lasting = {name: facts[name] for name in (PREDECESSOR,) if name in facts}
            ledger.close_plan(session, lease, files={}, facts={AFRESH: True, **lasting})
            audience.state = AudienceState.CREATING
            audience.platform_audience_id = None
            audience.create_attempted_at = None
            audience.known_before = []
            told.forget(audience)
            audiences.save(session, audience, now=runtime.database.now(session))
    finally:
        leases.release(runtime.database, lease)
