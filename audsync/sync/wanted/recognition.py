"""A segment that is the same as when it was prepared last: its files stand, and nothing is read.

Only what is proved counts: the bytes of the source, how it is read, and the files it came to.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np

from audsync.segments import proof
from audsync.segments.contract import Query
from audsync.segments.proof import Proof
from audsync.snapshots.folder import AudienceFolder
from audsync.sync.contract import Cache, Desired, Patch, StateFiles
from audsync.sync.tables.layers import NEXT, Layers
from audsync.sync.wanted import compose, tally
from audsync.sync.wanted.parts import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """An earlier preparation that is still there."""

    identifiers: str
    rows: str
    patch: Patch
    layers: Layers
    is_confirmed: bool
    """Whether these very files are also what is confirmed to be on the platform."""

    @classmethod
    def of(cls, folder: AudienceFolder, files: StateFiles) -> "Preparation | None":
        """The latest one: of the open plan, else of what is confirmed."""
        is_open = bool(files.next_identifiers and files.next_rows)
        prefix = NEXT if is_open else ""
        names = files.as_dict()
        paths = {role: folder.path(name) for role, name in names.items()}
        found = Layers.of(paths, prefix)
        if found is None or found.rows is None:
            return None
        return cls(
            identifiers=names[f"{prefix}identifiers"],
            rows=names[f"{prefix}rows"],
            patch=files.next_patch if is_open else files.patch,
            layers=found,
            is_confirmed=found.has_identifiers_of(Layers.of(paths)),
        )


def proof_of(reading: Reading) -> Proof | None:
    """The proof of the segment's source; None where it has none.

    A set has several sources, lists of people who are never sent are sources, too, and a cluster
    sees other files: these are read every time.
    """
    is_alone = not reading.suppress and reading.cluster is None
    if not is_alone or not isinstance(reading.query, Query):
        return None
    return proof.proof_of(reading.query)


def standing(reading: Reading, cache: Cache, proved: Proof) -> Desired | None:
    """The segment without reading it, where that would come to what is confirmed."""
    if cache.source is None:
        return None
    known = Preparation.of(reading.folder, cache.files)
    if known is None or not known.is_confirmed:
        return None
    found = _told_by(proved, known.identifiers, known.rows, known.patch)
    if found != cache.source or not proved.holds():
        return None
    return replace(unchanged(reading, known), source=found)


def told(desired: Desired, proved: Proof) -> Desired:
    """What was read, with what tells it; nothing does where the source changed meanwhile."""
    if not proved.holds():
        return desired
    found = _told_by(proved, desired.identifiers, desired.rows, desired.patch)
    return replace(desired, source=found)


def unchanged(
    reading: Reading, known: Preparation, *, list_sizes: Mapping[str, int] | None = None
) -> Desired:
    """The old files stand: not one row came, went or changed."""
    touched = compose.write_profiles(np.empty(0, dtype=np.uint64), reading.work / "touched.parquet")
    return Desired(
        identifiers=known.identifiers,
        rows=known.rows,
        patch=known.patch,
        counts=tally.count(known.layers),
        touched=reading.folder.keep(touched, "touched"),
        list_sizes=list_sizes or {},
    )


def _told_by(proved: Proof, identifiers: str, rows: str, patch: Patch) -> str:
    basis = json.dumps([proved.digest, identifiers, rows, asdict(patch)], sort_keys=True)
    return hashlib.sha256(basis.encode()).hexdigest()
