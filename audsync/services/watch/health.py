"""`health`: what a monitor asks: are the connections, the scheduler and the syncs in order?

Nothing is asked of any platform: it tells what tests, jobs and the last `run-due` left behind.
"""

import json
from datetime import timedelta

from audsync.services.schedule import due
from audsync.services.watch import last_run
from audsync.services.watch.signals import Facts, Signal, judge
from audsync.services.wiring.runtime import Runtime
from audsync.store import breakers, connections, latencies, notifications, settings, watch
from audsync.store.due import candidates


def examine(runtime: Runtime) -> list[Signal]:
    """Every check, in the order a person should read them."""
    return judge(known(runtime))


def known(runtime: Runtime) -> Facts:
    """What the store knows at this moment."""
    tenant, limits = runtime.config.tenant, runtime.config.health
    with runtime.database.reading() as session:
        now = runtime.database.now(session)
        since = now - timedelta(seconds=limits.window)
        found = candidates(session, tenant)
        text = settings.read(session, last_run.key_of(tenant))
        return Facts(
            now=now,
            platforms={name: one.platform for name, one in runtime.config.connections.items()},
            records=tuple(connections.listed(session, tenant)),
            waiting=tuple(found),
            due_since=tuple(one.since for one in due.due(found, now)),
            last_run=json.loads(text) if text else None,
            past=watch.past(session, tenant, since),
            match_rates=watch.match_rates(session, tenant),
            rated_at=watch.rated_at(session, tenant),
            drifts=watch.drifts(session, tenant),
            limits=limits,
            circuits=breakers.listed(session, tenant),
            latencies=latencies.by_platform(session, tenant, since=since),
            undelivered=notifications.counts(session, tenant, since=since),
            first_lost_at=notifications.first_lost(session, tenant, since=since),
        )
