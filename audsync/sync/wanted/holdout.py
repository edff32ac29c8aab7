"""People who are kept out of every platform, so that what the ads do can be measured. Pure.

Whether somebody is held out follows from the profile id and the name of the draw alone: on every
host, with every store, and for as long as the share only grows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audsync.identifiers.kernel import link
from audsync.sync.tables.hashes import Flags

_SPACE = 1 << 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdout:
    """One draw. `percent`: from 0 up to but without 100."""

    name: str
    percent: float

    @property
    def limit(self) -> int:
        """Numbers below it are held out: a larger share holds everybody of a smaller one."""
        return round(self.percent * _SPACE / 100)


def is_held_out(ids: pa.Array, holdouts: Sequence[Holdout]) -> Flags:
    """Who of these profiles is held out by any of the draws.

    The number of a profile is the first 8 bytes, big-endian, of the SHA-256 of `holdout:NAME`,
    NUL and profile id. Who has no profile id (null) is held out by none: nothing of theirs lasts.
    """
    held = np.zeros(len(ids), dtype=bool)
    for holdout in holdouts:
        numbers = link(pc.cast(ids, pa.string()), f"holdout:{holdout.name}")
        is_named = numbers.is_valid().to_numpy(zero_copy_only=False)
        held |= is_named & (numbers.fill_null(0).to_numpy() < np.uint64(holdout.limit))
    return held
