"""What a plan may not do unless a person says so: empty an audience. Pure."""

from dataclasses import dataclass

from audsync.errors import GuardError
from audsync.sync.contract import PlanSummary, SegmentCounts

ALWAYS_SUSPICIOUS_REMOVALS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Limits of one audience. `is_lifted`: a person said --allow-shrink."""

    max_removed_percent: float = 30.0
    min_profiles: int | None = None
    is_lifted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one guard says about a plan."""

    name: str
    is_ok: bool
    message: str


def judge(
    guard: Guard, *, counts: SegmentCounts, summary: PlanSummary, snapshot_size: int
) -> tuple[Verdict, ...]:
    """Every guard's verdict on a plan.

    Args:
        guard: the audience's limits; whether they are lifted does not matter here.
        counts: what reading the segment came to.
        summary: the plan.
        snapshot_size: identifiers confirmed to be on the platform.
    """
    removed = summary.removes
    percent = 100 * removed / snapshot_size if snapshot_size else 0.0
    is_many = removed > ALWAYS_SUSPICIOUS_REMOVALS or 2 * removed > snapshot_size
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
        Verdict(
            name="max_removed_percent",
            is_ok=not (percent > guard.max_removed_percent and is_many),
            message=f"{removed:,} of {snapshot_size:,} identifiers ({percent:.1f} %) would be"
            f" removed; the limit is {guard.max_removed_percent:g} %",
        ),
    ]
    if least is not None:
        verdicts.append(
            Verdict(
                name="min_profiles",
                is_ok=counts.profiles >= least,
                message=f"{counts.profiles:,} profiles would be left; the least is {least:,}",
            )
        )
    return tuple(verdicts)


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
