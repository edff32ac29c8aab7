"""What a platform says of an audience, kept and shown as it said it: ranges stay ranges.

Every platform counts the people it knows, not those who were sent, late and rounded.
"""

from datetime import datetime
from typing import Any

from audsync.connectors.contract import Spec
from audsync.domain import RemoteAudience
from audsync.services import reports, size_watch
from audsync.services.size_watch import ANEW_AT, Scene
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

    Where it tells no size for now, as some do for hours after a change, the last one stays, with
    its date.

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
    if remote.size_lower is None and remote.size_upper is None:
        sizes = before if is_same else {}
        told |= {name: sizes.get(name) for name in ("size_lower", "size_upper", "size_told_at")}
    audience.told = told | _judged(before if is_same else {}, remote, scene, now=now)
    audience.platform_size = told["size_upper"]
    is_exact = told["size_lower"] == told["size_upper"]
    audience.matched_size = told["size_upper"] if is_exact else None
    if remote.matched_percent is not None:
        audience.match_rate = remote.matched_percent / 100


def forget(audience: PlatformAudience) -> None:
    """Nothing that was said of another audience holds for this one."""
    audience.told = None
    audience.platform_size = audience.matched_size = None


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
        return {**known, "drift": found.as_json()}
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
