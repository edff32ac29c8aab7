"""Whether an audience has the size it should have, by what its platform told before.

Platforms tell how many people they know, as bounds, rounded, and days late; so how many of those
who were sent is their secret. But it is nearly the same from week to week. The last telling that
had nothing to catch up with is the *basis*: what is told later must be as much per profile or per
identifier, within a limit. Somebody who changes members on the platform shows in nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from audsync.connectors.contract import Spec
from audsync.domain import RemoteAudience
from audsync.services.wiring.runtime import Runtime
from audsync.store import jobs, ledger
from audsync.store.tables import PlatformAudience

if TYPE_CHECKING:
    from sqlmodel import Session

Json = dict[str, Any]
ANEW_AT = "anew_at"
"""What an audience's `told` says of the moment at which everybody had been sent again."""
_DIGITS_TOLD = 2
"""Significant digits of a size; Google documents so many, the others round no finer than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is surely in effect as a platform tells a size, and the limit of what may differ."""

    identifiers: int
    profiles: int | None
    limit_percent: float
    smallest_told: int = 0
    """What stands for every smaller size, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A size that is not what it should be."""

    percent: float
    """How far it is from the nearest size that would be in order; below 0: too small."""
    least: int
    most: int

    def as_json(self) -> Json:
        """As it is kept."""
        return {"percent": round(self.percent, 1), "least": self.least, "most": self.most}


def scene_of(
    session: "Session", runtime: Runtime, audience: PlatformAudience, spec: Spec
) -> Scene | None:
    """What a size that is told now can be held against; None while the platform catches up.

    That is as long as sizes may be late, after an upload of all or of more than the limit allows,
    and while anything is open.
    """
    head = ledger.head(session, audience.id)
    identifiers = sum(head.facts.get("sizes", {}).values())
    if head.open_job_id is not None or not identifiers:
        return None
    profiles = head.facts.get("profiles")
    limit_percent = runtime.config.health.max_size_drift_percent
    now = runtime.database.now(session)
    since = now - timedelta(seconds=spec.sizes_settle_within_s)
    anew_at = (audience.told or {}).get(ANEW_AT)
    if anew_at is not None and datetime.fromisoformat(anew_at) > since:
        return None
    recent = jobs.changes_since(session, audience.id, since)
    moved = max(recent.identifiers / identifiers, recent.profiles / (profiles or identifiers))
    if recent.is_whole or 100 * moved > limit_percent:
        return None
    return Scene(
        identifiers=identifiers,
        profiles=profiles,
        limit_percent=limit_percent,
        smallest_told=spec.smallest_size_told,
    )


def basis_of(remote: RemoteAudience, scene: Scene, *, now: datetime) -> Json | None:
    """The telling as a basis for later ones; None where it is no more than a bound."""
    lower = _lower(remote, scene)
    if not lower or remote.size_upper is None:
        return None
    return {
        "size_lower": lower,
        "size_upper": remote.size_upper,
        "identifiers": scene.identifiers,
        "profiles": scene.profiles,
        "at": now.isoformat(),
    }


def drift(basis: Mapping[str, Any], remote: RemoteAudience, scene: Scene) -> Drift | None:
    """How far the telling is from what the basis leads to expect; None where it fits.

    What the numbers may hide by being rounded counts as fitting, and so does a bound that leaves
    room for the right size.
    """
    growths = [scene.identifiers / basis["identifiers"]]
    if scene.profiles and basis["profiles"]:
        growths.append(scene.profiles / basis["profiles"])
    least = _least(basis["size_lower"]) * min(growths)
    most = _most(basis["size_upper"]) * max(growths)
    percent = 0.0
    if remote.size_upper is not None and _most(remote.size_upper) < least:
        percent = 100 * (_most(remote.size_upper) / least - 1)
    elif (lower := _least(_lower(remote, scene))) > most:
        percent = 100 * (lower / most - 1)
    if abs(percent) <= scene.limit_percent:
        return None
    return Drift(percent=percent, least=int(least), most=int(most))


def _lower(remote: RemoteAudience, scene: Scene) -> int:
    """The lower bound that the telling really is; 0 for none."""
    lower = remote.size_lower or 0
    return lower if lower > scene.smallest_told else 0


def _step(size: int) -> int:
    step: int = 10 ** max(0, len(str(size)) - _DIGITS_TOLD)
    return step


def _least(size: int) -> float:
    """Of what may have been rounded to `size`, to the nearest."""
    return max(size - _step(size) / 2, 0)


def _most(size: int) -> float:
    """Of what may have been rounded to `size`, to the nearest or down."""
    return size + _step(size)
