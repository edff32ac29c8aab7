"""What a plan may not do unless a person says so: shrink an audience, trust broken data. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from audsync.domain import IDENTIFIERS, Kind
from audsync.errors import GuardError
from audsync.sync.contract import PlanSummary, SegmentCounts

ALWAYS_SUSPICIOUS_REMOVALS = 1_000
_SUPPRESSED, _WITHDRAWN = "suppressed", "consent_withdrawn"
_NO_CONSENT = ", as the consent to it is gone"
FEW_REJECTS = 20
"""So many values of a kind may be wrong at once: typing errors, not a broken source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Limits of one audience. `is_lifted`: a person said --allow-shrink."""

    max_removed_percent: float = 30.0
    min_profiles: int | None = None
    max_rejects_rise_percent: float = 20.0
    is_lifted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one guard says about a plan."""

    name: str
    is_ok: bool
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What was there before the plan."""

    snapshot_size: int
    """Identifiers confirmed to be on the platform."""
    rejects: Mapping[str, float] = field(default_factory=dict)
    """Percent of the values of each kind that were rejected in the run before, by label."""
    list_sizes: Mapping[str, int] = field(default_factory=dict)
    """How many people each list of those never sent named in the run before."""


def judge(
    guard: Guard,
    *,
    counts: SegmentCounts,
    summary: PlanSummary,
    before: Before,
    list_sizes: Mapping[str, int] | None = None,
) -> tuple[Verdict, ...]:
    """Every guard's verdict on a plan.

    Who is on a list of people who are never sent was put there by somebody: these removals count
    for no guard. Withdrawn consent is one column, which can break: it counts for itself.

    Args:
        guard: the audience's limits; whether they are lifted does not matter here.
        counts: what reading the segment came to.
        summary: the plan.
        before: what it is compared with.
        list_sizes: how many people each list of those never sent names, in the order of the file.
    """
    snapshot_size = before.snapshot_size
    withdrawn = summary.causes.get(_WITHDRAWN, 0)
    ordinary = summary.removes - withdrawn - summary.causes.get(_SUPPRESSED, 0)
    is_empty = counts.rows == 0 and snapshot_size > 0
    least = guard.min_profiles
    verdicts = [
        Verdict(
            name="empty_source",
            is_ok=not is_empty,
            message=f"the source yielded no rows where {snapshot_size:,} identifiers are confirmed"
            if is_empty
            else f"the source yielded {counts.rows:,} rows",
        ),
        _of_removals(guard, ordinary, snapshot_size),
        *([_of_removals(guard, withdrawn, snapshot_size, _NO_CONSENT)] if withdrawn else []),
        *_of_lists(list_sizes or {}, before),
        *_of_rejects(guard, counts, summary, before),
    ]
    if least is not None:
        verdicts.append(
            Verdict(
                name="min_profiles",
                is_ok=counts.profiles + counts.suppressed >= least,
                message=f"{counts.profiles:,} profiles would be left; the least is {least:,}",
            )
        )
    return tuple(verdicts)


def _of_removals(guard: Guard, removed: int, snapshot_size: int, why: str = "") -> Verdict:
    percent = 100 * removed / snapshot_size if snapshot_size else 0.0
    is_many = removed > ALWAYS_SUSPICIOUS_REMOVALS or 2 * removed > snapshot_size
    return Verdict(
        name="max_removed_percent",
        is_ok=not (percent > guard.max_removed_percent and is_many),
        message=f"{removed:,} of {snapshot_size:,} identifiers ({percent:.1f} %) would be"
        f" removed{why}; the limit is {guard.max_removed_percent:g} %",
    )


def _of_lists(now: Mapping[str, int], before: Before) -> Iterator[Verdict]:
    """One verdict for each list that names nobody any more: who was on it would be sent again."""
    for number, (name, size) in enumerate(now.items()):
        then = before.list_sizes.get(name, 0)
        if then and not size:
            which = name if " " in name else f"suppress.{number}"
            yield Verdict(
                name="emptied_list",
                is_ok=False,
                message=f"the list {which} names nobody, where it named {then:,} people in the last"
                " run: they would be sent again",
            )


def reject_percents(counts: SegmentCounts, summary: PlanSummary) -> dict[str, float]:
    """Percent of the values of each kind of identifier that were rejected, by label."""
    sizes = summary.desired_sizes
    return {
        kind.label: 100 * rejected / (rejected + sizes.get(kind, 0))
        for kind in IDENTIFIERS
        if (rejected := _rejected(counts, kind)) or sizes.get(kind)
    }


def _of_rejects(
    guard: Guard, counts: SegmentCounts, summary: PlanSummary, before: Before
) -> Iterator[Verdict]:
    """One verdict for each kind of which the run before knew how much was rejected."""
    percents = reject_percents(counts, summary)
    for kind in IDENTIFIERS:
        if kind.label not in before.rejects or kind.label not in percents:
            continue
        now, then = percents[kind.label], before.rejects[kind.label]
        is_many = _rejected(counts, kind) > FEW_REJECTS
        yield Verdict(
            name="max_rejects_rise_percent",
            is_ok=not (now - then > guard.max_rejects_rise_percent and is_many),
            message=f"{now:.1f} % of the {kind.label} values are rejected, {then:.1f} % were in the"
            f" last run; the limit is a rise of {guard.max_rejects_rise_percent:g} points",
        )


def _rejected(counts: SegmentCounts, kind: Kind) -> int:
    return sum(counts.rejected.get(kind.label, {}).values())


def enforce(guard: Guard, verdicts: tuple[Verdict, ...], *, audience: str) -> None:
    """Refuse the plan when a guard objects.

    Raises:
        GuardError: naming every objection and the flag that overrides it.
    """
    objections = [verdict for verdict in verdicts if not verdict.is_ok]
    if guard.is_lifted or not objections:
        return
    reasons = "; ".join(verdict.message for verdict in objections)
    raise GuardError(
        f"Nothing was sent to {audience}: {reasons}. Look at the segment's source; if this is"
        " meant, run again with --allow-shrink.",
        details={"guards": [verdict.name for verdict in objections], "flag": "--allow-shrink"},
    )
