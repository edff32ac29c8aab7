"""What `doctor` says about the outside: the clock and the segments' sources."""

import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from audsync.config.model import SegmentConfig, SuppressionConfig
from audsync.domain import Platform
from audsync.errors import AudsyncError
from audsync.services.doctor.checks import Check, bad, good
from audsync.services.doctor.connection_checks import connections_in_place
from audsync.services.segments import sources
from audsync.services.wiring.runtime import Runtime

if TYPE_CHECKING:
    from audsync.segments.contract import Query
    from audsync.sync.wanted.parts import Cluster

CLOCK_TOLERANCE = timedelta(seconds=60)
_SALT = "doctor"
"""For fingerprints that nobody keeps: looking must not make the store's own salt."""


def clock(runtime: Runtime) -> Iterator[Check]:
    """This machine's time against that of the first platform that answers."""
    from audsync.connectors.dates import server_time

    for address in _addresses(runtime):
        transport = runtime.transport() if runtime.transport else None
        theirs = server_time(address, transport=transport)
        if theirs is not None:
            yield _compared(runtime.clock.now(), theirs, address)
            return
    yield good("clock", "not compared: no platform answered")


def sources_readable(runtime: Runtime) -> Iterator[Check]:
    """Each active segment's files and columns, and those of the lists of people never sent."""
    with tempfile.TemporaryDirectory(prefix="audsync-doctor-") as spill:
        for name, segment in runtime.config.segments.items():
            if segment.active and segment.source:
                yield _source(runtime, name, segment, Path(spill))
        for number, entry in enumerate(runtime.config.suppress):
            yield _suppression(runtime, number, entry, Path(spill))


def _addresses(runtime: Runtime) -> dict[str, None]:
    """Where the connections lead, each once, in the order of the file."""
    found = [known.settings for known in connections_in_place(runtime).values()]
    return {one.base_url or runtime.spec_of(one).base_url: None for one in found}


def _compared(ours: datetime, theirs: datetime, address: str) -> Check:
    off = ours - theirs
    seconds = round(abs(off.total_seconds()))
    if abs(off) > CLOCK_TOLERANCE:
        way = "ahead of" if off > timedelta(0) else "behind"
        return bad(
            "clock",
            f"This machine's clock is {seconds:,} s {way} that of {address}.",
            "Set it, and keep it right with NTP: timedatectl set-ntp true",
        )
    return good("clock", f"within {seconds} s of {address}")


def _source(runtime: Runtime, name: str, segment: SegmentConfig, spill: Path) -> Check:
    """Files and columns; the rows, and so `where`, are for `audsync check`."""

    def query() -> "Query":
        return sources.query_of(runtime, segment, list(Platform), salt=_SALT, spill=spill)

    cluster = sources.cluster_of(runtime, segment)
    return _found(f"source {name}", f"segments.{name}", query, cluster)


def _suppression(runtime: Runtime, number: int, entry: SuppressionConfig, spill: Path) -> Check:
    key = f"suppress.{number}"
    return _found(
        key, key, lambda: sources.suppression_query(runtime, entry, salt=_SALT, spill=spill)
    )


def _found(
    title: str, key: str, query: Callable[[], "Query"], cluster: "Cluster | None" = None
) -> Check:
    try:
        return good(title, _looked_at(query(), cluster))
    except AudsyncError as error:
        return bad(title, f"{error.code}: {error.message}", f"Correct the file, or `{key}`.")


def _looked_at(query: "Query", cluster: "Cluster | None") -> str:
    """What is there, once every file has every mapped column, or the cluster's table has.

    Raises:
        SourceError: a file, a table or a column is missing.
    """
    from audsync.segments.contract import TableQuery
    from audsync.segments.reading import look

    if isinstance(query, TableQuery) and cluster is not None:
        from audsync.sync.spark import tables

        return tables.look(cluster, query)

    return look(query)
