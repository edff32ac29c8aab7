"""`doctor`: everything a sync needs, looked at without changing any of it."""

from audsync.errors import ConfigError
from audsync.services.doctor import (
    access_checks,
    connection_checks,
    engine_checks,
    notify_checks,
    storage_checks,
)
from audsync.services.doctor.checks import Check, bad, good, guarded
from audsync.services.wiring.runtime import Runtime


def broken_config(error: ConfigError) -> Check:
    """The one verdict when the configuration cannot be used: nothing else can be looked at."""
    return bad("config", error.message, "Correct what is named, then run `audsync doctor` again.")


def examine(runtime: Runtime) -> list[Check]:
    """Every verdict: config, store, state, clock, key, connections, sources, receivers.

    What fails never keeps the rest from being looked at.
    """
    return [
        _config(runtime),
        *guarded(
            "store",
            lambda: storage_checks.store(runtime),
            mend="Correct `store.url`, or start the database server.",
        ),
        *guarded("state", lambda: storage_checks.state(runtime), mend="Correct `state.url`."),
        *access_checks.clock(runtime),
        *guarded(
            "key",
            lambda: connection_checks.keys(runtime),
            mend="Name the right key, then run doctor again.",
        ),
        *connection_checks.connections(runtime),
        *access_checks.sources_readable(runtime),
        *engine_checks.engines(runtime),
        *guarded(
            "notify",
            lambda: notify_checks.receivers(runtime),
            mend="Correct `notify`, then run doctor again.",
        ),
    ]


def _config(runtime: Runtime) -> Check:
    config = runtime.config
    return good(
        "config",
        f"connections: {', '.join(config.connections) or 'none'}; segments:"
        f" {', '.join(config.segments) or 'none'}; in {config.folder}",
    )
