"""`metrics`: what the store knows, as OpenMetrics text for a collector that reads files.

Counters and the histogram are totals since the store was made, everything else is of now or of the
window of `health`: no process has to stay alive to count. Names, units and labels are stable;
docs/health.md lists them.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.openmetrics.exposition import generate_latest

from audsync import __version__
from audsync.domain import CircuitState, Platform
from audsync.errors import UsageError
from audsync.services.watch import health, signals
from audsync.services.watch.signals import Facts
from audsync.services.wiring.runtime import Runtime
from audsync.store import audiences, latencies, watch
from audsync.store.latencies import BOUNDS_S, Histogram
from audsync.store.tables import PlatformAudience

if TYPE_CHECKING:
    from sqlmodel import Session

Samples = dict[tuple[str, ...], float]
"""By the values of the labels, in their order."""
_OF_AUDIENCE = ("audience", "platform")
_STATES = {CircuitState.CLOSED: 0, CircuitState.HALF_OPEN: 1, CircuitState.OPEN: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Numbers:
    """What the page is made of."""

    facts: Facts
    listed: Sequence[tuple[PlatformAudience, datetime | None]]
    """Each audience, and when it was last brought wholly in step."""
    totals: Sequence[watch.Totals]
    latencies: dict[Platform, Histogram]
    budgets: Sequence[watch.BudgetUse]


def text(runtime: Runtime) -> str:
    """The whole page."""
    registry = CollectorRegistry()
    registry.register(_page(runtime))
    page: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]  # it has no types
    return page.decode()


def document(runtime: Runtime) -> list[dict[str, Any]]:
    """The same for `--json`: each metric with its samples."""
    return [
        {
            "name": metric.name,
            "type": metric.type,
            "unit": metric.unit or None,
            "help": metric.documentation,
            "samples": [
                {"name": one.name, "labels": one.labels, "value": one.value}
                for one in metric.samples
            ],
        }
        for metric in _page(runtime).collect()
    ]


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


def _page(runtime: Runtime) -> "_Page":
    facts = health.known(runtime)
    with runtime.database.reading() as session:
        return _Page(_numbers(session, runtime.config.tenant, facts))


def _numbers(session: "Session", tenant_id: int, facts: Facts) -> _Numbers:
    listed = audiences.listed(session, tenant_id)
    return _Numbers(
        facts=facts,
        listed=[(one, watch.last_success(session, one.id)) for one in listed],
        totals=watch.totals(session, tenant_id),
        latencies=latencies.by_platform(session, tenant_id),
        budgets=watch.budgets(session, facts.now),
    )


class _Page:
    """The families, in the order of docs/health.md."""

    def __init__(self, numbers: _Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterator[Metric]:
        """Every family with its samples."""
        numbers, facts = self._numbers, self._numbers.facts
        yield _gauge("build_info", "The version.", {(__version__,): 1}, "version")
        yield from _jobs(facts)
        yield from _totals(numbers.totals)
        yield _latency(numbers.latencies)
        yield from _audiences(numbers)
        yield from _queue(facts)
        yield from _connections(facts)
        yield from _budgets(numbers.budgets)
        waiting, lost = facts.undelivered
        yield _gauge(
            "notifications",
            "Notifications that wait to be sent, and that were given up in the window.",
            {("pending",): waiting, ("given_up",): lost},
            "status",
        )
        checks: Samples = {(one.check,): float(one.ok) for one in signals.judge(facts)}
        yield _gauge("check_ok", "Whether a check of `health` is in order.", checks, "check")


def _jobs(facts: Facts) -> Iterator[Metric]:
    counts: Samples = {
        (status.value,): float(count) for status, count in facts.past.by_status.items()
    }
    yield _gauge("jobs", "Jobs that ended in the window.", counts, "status")
    slowest = facts.past.slowest
    took_s = slowest.took_ms / 1000 if slowest else 0.0
    yield _gauge(
        "slowest_job_seconds", "Duration of the slowest of them.", {(): took_s}, unit="seconds"
    )


def _totals(totals: Sequence[watch.Totals]) -> Iterator[Metric]:
    profiles = CounterMetricFamily(
        "audsync_profiles",
        "Profiles of all jobs, by what became of them.",
        labels=["platform", "outcome"],
    )
    batches = CounterMetricFamily(
        "audsync_batches",
        "Batches of all jobs, by what became of them.",
        labels=["platform", "outcome"],
    )
    for one in totals:
        for outcome in ("added", "removed", "failed"):
            profiles.add_metric([one.platform.value, outcome], getattr(one, outcome))
        batches.add_metric([one.platform.value, "confirmed"], one.confirmed_batches)
        batches.add_metric([one.platform.value, "failed"], one.failed_batches)
    yield profiles
    yield batches


def _latency(found: dict[Platform, Histogram]) -> Metric:
    family = HistogramMetricFamily(
        "audsync_request_seconds",
        "How long platforms took to answer, from the request's leaving to its end.",
        labels=["platform"],
        unit="seconds",
    )
    for platform, seen in found.items():
        bounds = [*(str(bound) for bound in BOUNDS_S), "+Inf"]
        so_far = [sum(seen.counts[: place + 1]) for place in range(len(seen.counts))]
        buckets = list(zip(bounds, so_far, strict=True))
        family.add_metric([platform.value], buckets, sum_value=seen.sum_s)
    return family


def _audiences(numbers: _Numbers) -> Iterator[Metric]:
    sizes: Samples = {}
    rates: Samples = {}
    ages: Samples = {}
    for one, success_at in numbers.listed:
        labels = (one.slug, one.platform.value)
        if one.platform_size is not None:
            sizes[labels] = one.platform_size
        if one.match_rate is not None:
            rates[labels] = one.match_rate
        if success_at is not None:
            ages[labels] = (numbers.facts.now - success_at).total_seconds()
    yield _gauge("audience_size", "People in it, as the platform tells.", sizes, *_OF_AUDIENCE)
    yield _gauge(
        "audience_match_ratio",
        "Share of people the platform knows.",
        rates,
        *_OF_AUDIENCE,
        unit="ratio",
    )
    yield _gauge(
        "audience_last_success_age_seconds",
        "Seconds since it was last brought wholly in step.",
        ages,
        *_OF_AUDIENCE,
        unit="seconds",
    )


def _queue(facts: Facts) -> Iterator[Metric]:
    due: Samples = {(): len(facts.due_since)}
    yield _gauge("due_audiences", "Audiences that are due now.", due)
    started = facts.last_run["started_at"] if facts.last_run else None
    age: Samples = {}
    if started is not None:
        age[()] = (facts.now - datetime.fromisoformat(started)).total_seconds()
    yield _gauge(
        "run_due_age_seconds", "Seconds since the last `run-due` began.", age, unit="seconds"
    )


def _connections(facts: Facts) -> Iterator[Metric]:
    left: Samples = {
        (one.name, one.platform.value): (one.expires_at - facts.now).total_seconds()
        for one in facts.records
        if one.expires_at is not None
    }
    yield _gauge(
        "credentials_left_seconds",
        "Seconds until the credentials of a connection end.",
        left,
        "connection",
        "platform",
        unit="seconds",
    )
    states: Samples = {(name,): float(_STATES[one.state]) for name, one in facts.circuits.items()}
    yield _gauge("circuit_state", "0 closed, 1 half-open, 2 open.", states, "connection")
    openings: Samples = {(name,): float(one.openings) for name, one in facts.circuits.items()}
    yield _gauge("circuit_openings", "Times it opened in the last hour.", openings, "connection")


def _budgets(found: Sequence[watch.BudgetUse]) -> Iterator[Metric]:
    ahead: Samples = {(one.quota, one.rate): one.ahead_s for one in found}
    yield _gauge(
        "budget_ahead_seconds",
        "How far from now a rate limit's places are taken; 0: a call leaves at once.",
        ahead,
        "quota",
        "rate",
        unit="seconds",
    )
    blocked: Samples = {(one.quota,): one.blocked_s for one in found}
    yield _gauge(
        "budget_blocked_seconds",
        "For so long the platform asked for calm.",
        blocked,
        "quota",
        unit="seconds",
    )


def _gauge(name: str, words: str, samples: Samples, *labels: str, unit: str = "") -> Metric:
    family = GaugeMetricFamily(f"audsync_{name}", words, labels=list(labels), unit=unit)
    for values, number in samples.items():
        family.add_metric(list(values), number)
    return family
