"""What the last `run-due` came to, kept for `health`; and one that has nothing to do at all."""

import json
import os
import socket
from datetime import timedelta
from typing import Any

from audsync.services.schedule.rhythm import timetable_of
from audsync.services.wiring.runtime import Runtime
from audsync.store import glance


def key_of(tenant: int) -> str:
    """The setting that holds the last run of a tenant, as JSON."""
    return f"last_run_due:{tenant}"


def as_text(summary: dict[str, Any]) -> str:
    """What is kept of a run: who ran, and its summary."""
    return json.dumps({"host": socket.gethostname(), "pid": os.getpid(), **summary})


def was_idle(runtime: Runtime) -> bool:
    """Whether a `run-due` now would do nothing; then that it ran is noted, and it is over.

    Costs a fifth of a run that finds the same out: it loads neither the database layer nor the
    data plane (docs/design.md). Where anything is in doubt, or somebody waits for a sign of life,
    the answer is no.
    """
    config = runtime.config
    if config.heartbeat_url is not None:
        return False
    question = glance.Question(
        tenant=config.tenant, credentials_left=timedelta(seconds=config.health.credentials_left)
    )
    now = glance.idle_since(config.store.url, question, runtime.clock)
    if now is None or timetable_of(config).is_quiet(now):
        return False
    at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    summary = {
        "started_at": at,
        "due": 0,
        "ended_at": at,
        "quiet_until": None,
        "jobs": 0,
        "skipped": 0,
        "left": 0,
        "exit_code": 0,
    }
    return glance.rewrite_setting(config.store.url, key_of(config.tenant), as_text(summary))
