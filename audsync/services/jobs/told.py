"""What a platform says of an audience, kept and shown as it said it: ranges stay ranges.

Every platform counts the people it knows, not those who were sent, late and rounded.
"""

from datetime import datetime
from typing import Any

from audsync.connectors.contract import Spec
from audsync.domain import RemoteAudience
from audsync.services import reports
from audsync.services.jobs import size_watch
from audsync.services.jobs.size_watch import ANEW_AT, Scene
from audsync.store.tables import PlatformAudience

Json = dict[str, Any]
_WATCHED = ("basis", "drift", ANEW_AT)
"""What is kept from one telling to the next; see `size_watch`."""


def remember(
    audience: PlatformAudience,
    remote: RemoteAudience,
    *,
    now: datetime,
    scene: Scene | None = None,
) -> None:
    """Put the platform's answer on the audience's record, in the caller's transaction.

    Where it tells no size or match rate for now, as some do for hours after a change, the last one
    stays, a size with its date.

    Args:
        audience: the record.
        remote: what the platform says.
        now: the moment, aware UTC.
        scene: what a size can be held against; None while the platform catches up with a change.
    """
    before = audience.told or {}
    is_same = before.get("id") == remote.id
    told: Json = {
        "id": remote.id,
        "size_lower": remote.size_lower,
        "size_upper": remote.size_upper,
        "size_told_at": reports.moment(now),
        "matched_percent": remote.matched_percent,
        "note": remote.note,
    }
    sizes = before if is_same else {}
    if remote.matched_percent is None:
        told["matched_percent"] = sizes.get("matched_percent")
    if remote.size_lower is None and remote.size_upper is None:
        told |= {name: sizes.get(name) for name in ("size_lower", "size_upper", "size_told_at")}
    audience.told = told | _judged(before if is_same else {}, remote, scene, now=now)
    audience.platform_size = told["size_upper"]
    is_exact = told["size_lower"] == told["size_upper"]
    audience.matched_size = told["size_upper"] if is_exact else None
    rate = match_rate(audience)
    audience.match_rate = audience.match_rate if rate is None else rate


def forget(audience: PlatformAudience) -> None:
    """Nothing that was said of another audience holds for this one."""
    audience.told = None
    audience.platform_size = audience.matched_size = None


def match_rate(audience: PlatformAudience) -> float | None:
    """The share of people that the platform knows; None where it tells none."""
    percent = (audience.told or {}).get("matched_percent")
    return None if percent is None else percent / 100


def start_anew(audience: PlatformAudience, *, now: datetime) -> None:
    """Everybody was sent again: what sizes were before says nothing any more."""
    kept = {name: value for name, value in (audience.told or {}).items() if name not in _WATCHED}
    audience.told = {**kept, ANEW_AT: now.isoformat()}


def drifts(audience: PlatformAudience) -> Json | None:
    """The warning that the platform counts another size than it should; None while it does not."""
    drift = (audience.told or {}).get("drift")
    if drift is None:
        return None
    told = audience.told or {}
    bounds = dict.fromkeys(told.get(name) for name in ("size_lower", "size_upper"))
    size = " to ".join(f"{bound:,}" for bound in bounds if bound is not None)
    few = "fewer" if drift["percent"] < 0 else "more"
    return {
        "code": "SIZE_DRIFT",
        "message": f"{audience.platform.label} counts {size} people, {abs(drift['percent']):.0f} %"
        f" {few} than what it counted before leads to expect ({drift['least']:,} to"
        f" {drift['most']:,}). Somebody may have changed members there: `audsync reconcile"
        f" {audience.slug}` makes it exactly the segment.",
    }


def matches_few(audience: PlatformAudience, *, least_percent: float) -> Json | None:
    """The warning that the platform knows few of those who were sent.

    None where it knows at least `least_percent` of them, or tells no match rate.
    """
    percent = (audience.told or {}).get("matched_percent")
    if percent is None or percent >= least_percent:
        return None
    return {
        "code": "LOW_MATCH_RATE",
        "message": f"{audience.platform.label} knows {percent} % of these people, fewer than the"
        f" {least_percent:g} % of `health.min_match_percent`: `audsync check {audience.segment}`"
        " shows which columns are worth mending.",
    }


def _judged(before: Json, remote: RemoteAudience, scene: Scene | None, *, now: datetime) -> Json:
    """The basis for later sizes, and how far this one is from what the last leads to expect.

    A size that fits is the next basis; one that does not is none, so that the warning stays until
    the size is right or everybody was sent again.
    """
    is_told = not (remote.size_lower is None and remote.size_upper is None)
    known = {name: before[name] for name in _WATCHED if before.get(name)}
    lasting = {ANEW_AT: known[ANEW_AT]} if ANEW_AT in known else {}
    if scene is None or not is_told:
        return known
    basis = known.get("basis")
    found = size_watch.drift(basis, remote, scene) if basis else None
    if found is not None:
        since = (known.get("drift") or {}).get("since") or now.isoformat()
        return {**known, "drift": {**found.as_json(), "since": since}}
    basis = size_watch.basis_of(remote, scene, now=now) or basis
    return {**lasting, "basis": basis} if basis else lasting


def too_small(audience: PlatformAudience, spec: Spec) -> Json | None:
    """The warning that the platform counts too few people for the audience to be used.

    None where it counts enough, or tells no upper bound.
    """
    most = (audience.told or {}).get("size_upper")
    if most is None or most >= spec.minimum_size:
        return None
    return {
        "code": "BELOW_MINIMUM_SIZE",
        "message": f"{spec.platform.label} knows {most:,} of these people at most, and needs"
        f" {spec.minimum_size:,} before an audience can be used.",
    }
