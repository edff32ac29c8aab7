"""`metrics`: what the store knows, as OpenMetrics text for a collector that reads files.

Every number is of now or of the last 24 hours, read from the store: no process has to stay alive
to count. Names, units and labels are stable; docs/health.md lists them.
"""

import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.openmetrics.exposition import generate_latest

from audsync import __version__
from audsync.errors import UsageError
from audsync.services import health
from audsync.services.runtime import Runtime
from audsync.store import audiences, connections, watch
from audsync.store.tables import PlatformAudience

if TYPE_CHECKING:
    from sqlmodel import Session

_OF_AUDIENCE = ("audience", "platform")


def text(runtime: Runtime) -> str:
    """The whole page."""
    registry = CollectorRegistry()
    Gauge("audsync_build_info", "The version.", ["version"], registry=registry).labels(
        __version__
    ).set(1)
    with runtime.database.reading() as session:
        now = runtime.database.now(session)
        _past(registry, watch.past(session, runtime.config.tenant, now - health.WINDOW))
        _audiences(registry, session, audiences.listed(session, runtime.config.tenant), now)
        _connections(registry, session, runtime.config.tenant, now)
    _health(registry, health.examine(runtime))
    page: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]  # it has no types
    return page.decode()


def write(runtime: Runtime, path: Path) -> None:
    """Put the page in place of `path` in one step: a collector never sees half of it.

    Raises:
        UsageError: it cannot be written.
    """
    page = text(runtime)
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            file.write(page)
        # A collector runs as another user.
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror or type(error).__name__}. Name a file in a"
            " folder that is there and may be written to.",
            details={"path": str(path)},
        ) from None


def _past(registry: CollectorRegistry, past: watch.Past) -> None:
    jobs = Gauge(
        "audsync_jobs", "Jobs that ended in the last 24 hours.", ["status"], registry=registry
    )
    for status, count in past.by_status.items():
        jobs.labels(status.value).set(count)
    slowest = Gauge(
        "audsync_slowest_job_seconds",
        "Duration of the slowest job of the last 24 hours.",
        registry=registry,
    )
    slowest.set((past.slowest[1] if past.slowest else 0) / 1000)


def _audiences(
    registry: CollectorRegistry,
    session: "Session",
    listed: Sequence[PlatformAudience],
    now: datetime,
) -> None:
    size = _gauge(registry, "audsync_audience_size", "People in it, as the platform tells.")
    rate = _gauge(registry, "audsync_audience_match_ratio", "Share of people the platform knows.")
    age = _gauge(
        registry,
        "audsync_audience_last_success_age_seconds",
        "Seconds since it was last brought wholly in step.",
    )
    for one in listed:
        labels = (one.slug, one.platform.value)
        if one.platform_size is not None:
            size.labels(*labels).set(one.platform_size)
        if one.match_rate is not None:
            rate.labels(*labels).set(one.match_rate)
        success_at = watch.last_success(session, one.id)
        if success_at is not None:
            age.labels(*labels).set((now - success_at).total_seconds())


def _connections(
    registry: CollectorRegistry, session: "Session", tenant_id: int, now: datetime
) -> None:
    left = Gauge(
        "audsync_credentials_left_seconds",
        "Seconds until the credentials of a connection end.",
        ["connection", "platform"],
        registry=registry,
    )
    for record in connections.listed(session, tenant_id):
        if record.expires_at is not None:
            seconds = (record.expires_at - now).total_seconds()
            left.labels(record.name, record.platform.value).set(seconds)


def _health(registry: CollectorRegistry, signals: Sequence[health.Signal]) -> None:
    check = Gauge(
        "audsync_check_ok", "Whether a check of `health` is in order.", ["check"], registry=registry
    )
    for signal in signals:
        check.labels(signal.check).set(signal.ok)


def _gauge(registry: CollectorRegistry, name: str, words: str) -> Gauge:
    return Gauge(name, words, _OF_AUDIENCE, registry=registry)
