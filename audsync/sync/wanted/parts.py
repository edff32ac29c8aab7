"""What one preparation of a segment starts from and comes to, wherever the rows are prepared."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from audsync.identifiers.kernel import PrepareSpec
from audsync.segments.contract import Query
from audsync.segments.reading import Source
from audsync.snapshots.folder import AudienceFolder
from audsync.sync.tables.hashes import Hashes
from audsync.sync.wanted import tally
from audsync.sync.wanted.holdout import Holdout
from audsync.sync.wanted.known import Known
from audsync.sync.wanted.sets import People


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A Spark cluster that reads files where they lie, and prepares them there."""

    remote: str = field(repr=False)
    """Of its Spark Connect server: `sc://host:15002`, with a token where it wants one."""
    folder: Path | None = None
    """A folder that client and executors see under this path; None: the run's own work folder."""
    ships: bool = True
    """Whether audsync and its libraries are sent along; else they are installed there."""
    compares: bool = False
    """Whether it also compares what it prepared with what is confirmed, where that is large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What to read, for whom, and where to work."""

    query: People
    suppress: Sequence[Query]
    spec: PrepareSpec
    salt: str = field(repr=False)
    folder: AudienceFolder
    work: Path
    memory_bytes: int
    advance: Callable[[int], None]
    """Told the number of source rows that were read since it was told last; raises to stop."""
    holdouts: Sequence[Holdout] = ()
    """Draws that keep people out."""
    source: Source | None = None
    """Reads each source, where that is not done alone."""
    cluster: Cluster | None = None
    """Where the rows are read and prepared; None for here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the rows that are not known came to."""

    identifiers: Path
    rows: Path
    row_count: int
    sizes: tally.Sizes
    suppressed: Hashes
    """Profiles on the lists, as far as that shows in the rows; see `suppression`."""
    excluded: Mapping[str, int]
    """Rows of each segment that is taken out of this one."""

    def is_unchanged(self, known: Known) -> bool:
        """Whether the source holds exactly the old rows."""
        return self.row_count == 0 and known.is_all_seen_once
