"""One sync's way to its platform: connectors that may send only while its lease holds."""

from functools import partial

from audsync.connectors.contract import Connector, Spec
from audsync.services.jobs.heartbeat import Heartbeat
from audsync.services.wiring.runtime import Runtime
from audsync.store.tables import PlatformAudience
from audsync.sync.lanes import ThreadLanes


def connect(runtime: Runtime, audience: PlatformAudience, heartbeat: Heartbeat) -> Connector:
    """A connector that asks before each request whether the lease outlasts it."""
    return runtime.connect(audience.connection, confirm=heartbeat.confirm)


def lanes(
    runtime: Runtime, audience: PlatformAudience, heartbeat: Heartbeat, first: Connector
) -> ThreadLanes:
    """Where its requests fly beside each other. To be closed."""
    another = partial(connect, runtime, audience, heartbeat)
    width, most = requests_at_once(runtime, first.spec), first.spec.account_requests_at_once
    account = runtime.connection(audience.connection).account
    room = runtime.room((first.spec.platform.value, account), most) if most else None
    return ThreadLanes(first, another, width=width, room=room)


def requests_at_once(runtime: Runtime, spec: Spec) -> int:
    """Requests under way: as many as the platform lets, or fewer where a person says so."""
    most = spec.requests_at_once
    return min(most, runtime.config.limits.max_requests_at_once or most)


def max_rows(runtime: Runtime, spec: Spec) -> int:
    """Rows a request: the platform's limit, or less where a person says so."""
    most = spec.max_batch_rows
    return min(most, runtime.config.limits.max_batch_size or most)
