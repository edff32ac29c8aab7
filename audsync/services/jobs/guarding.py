"""Which guard watches over an audience's changes."""

from audsync.services.wiring.runtime import Runtime
from audsync.store.tables import PlatformAudience
from audsync.sync.guards import Guard


def guard_of(runtime: Runtime, audience: PlatformAudience, *, allow_shrink: bool) -> Guard:
    """The audience's guard: as the file says now, else as it was when it was created."""
    configured = runtime.config.audiences.get(audience.slug)
    values = configured.guard.model_dump() if configured else (audience.guard or {})
    return Guard(**values, is_lifted=allow_shrink)
