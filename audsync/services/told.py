"""What a platform says of an audience, kept and shown as it said it: ranges stay ranges.

Every platform counts the people it knows, not those who were sent, late and rounded.
"""

from datetime import datetime
from typing import Any

from audsync.connectors.contract import Spec
from audsync.domain import RemoteAudience
from audsync.services import reports
from audsync.store.tables import PlatformAudience

Json = dict[str, Any]


def remember(audience: PlatformAudience, remote: RemoteAudience, *, now: datetime) -> None:
    """Put the platform's answer on the audience's record, in the caller's transaction.

    Where it tells no size for now, as some do for hours after a change, the last one stays, with
    its date.
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
    audience.told = told
    audience.platform_size = told["size_upper"]
    is_exact = told["size_lower"] == told["size_upper"]
    audience.matched_size = told["size_upper"] if is_exact else None
    if remote.matched_percent is not None:
        audience.match_rate = remote.matched_percent / 100


def forget(audience: PlatformAudience) -> None:
    """Nothing that was said of another audience holds for this one."""
    audience.told = None
    audience.platform_size = audience.matched_size = None


def too_small(audience: PlatformAudience, spec: Spec) -> Json | None:
    """The warning that the platform counts too few people for the audience to be used.

    None where it counts enough, or tells no upper bound.
    """
    most = (audience.told or {}).get("size_upper")
    if most is None or most >= spec.minimum_size:
        return None
    return {
        "code": "BELOW_MINIMUM_SIZE",
        "message": f"{spec.platform} knows {most:,} of these people at most, and needs"
        f" {spec.minimum_size:,} before an audience can be used.",
    }
