"""A configured source as a query: of a segment, of what its people did, of a list."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audsync.config.model import (
    ColumnsConfig,
    EventsConfig,
    FileSource,
    IdentifierColumns,
    SegmentConfig,
    SparkEngineConfig,
    SqlSource,
    SuppressionConfig,
    TableSource,
)
from audsync.domain import YES_WORDS, Kind, Platform
from audsync.services.wiring.runtime import Runtime

if TYPE_CHECKING:
    from audsync.identifiers.kernel import PrepareSpec
    from audsync.segments.contract import Query
    from audsync.sync.wanted.parts import Cluster

SALT = "profile_salt"
SHARE_OF_DUCKDB = 0.4
"""Of `state.memory_limit`: the rest is for the interpreter and the batches on their way."""


def working_memory(runtime: Runtime) -> int:
    """Bytes that DuckDB may hold for one of the audiences that are worked on at once."""
    return int(runtime.config.state.memory_limit * SHARE_OF_DUCKDB) // runtime.at_once


def salt_of(runtime: Runtime) -> str:
    """The store's own salt for profile links and row fingerprints."""
    import secrets

    from audsync.store import settings

    with runtime.database.transaction() as session:
        # 128 bits: twice as many would make each link's hash a block longer, for nothing.
        return settings.get_or_create(session, SALT, lambda: secrets.token_hex(16))


def prepare_spec(
    runtime: Runtime,
    segment: SegmentConfig,
    platform: Platform,
    accepts: Sequence[Kind] | None = None,
) -> "PrepareSpec":
    """How the segment's raw values become what the platform takes.

    Args:
        runtime: the program's surroundings.
        segment: whose values.
        platform: for whom.
        accepts: what the audience can hold, `Spec.accepts` of its connection; None for all that the
            platform takes.
    """
    from audsync.identifiers.kernel import PhonePolicy, PrepareSpec
    from audsync.identifiers.rules import takes

    return PrepareSpec(
        carried=tuple(accepts) if accepts and set(takes(platform)) - set(accepts) else None,
        platform=platform,
        region=segment.region or runtime.config.defaults.region,
        phone_policy=PhonePolicy(segment.phone_policy.value),
        yes_words=yes_words_of(runtime, segment),
    )


def cluster_of(runtime: Runtime, segment: SegmentConfig) -> "Cluster | None":
    """Where the segment is read and prepared; None for this machine.

    The engine of the top is for segments that a cluster can read; others stay here.
    """
    engine = segment.engine or runtime.config.engine
    if not isinstance(engine, SparkEngineConfig) or not segment.can_be_shared:
        return None
    from audsync.sync.wanted.parts import Cluster

    return Cluster(
        remote=engine.remote.get_secret_value(),
        folder=Path(engine.folder) if engine.folder else None,
        ships=engine.ship,
        compares=engine.compare,
    )


def yes_words_of(runtime: Runtime, segment: SegmentConfig) -> tuple[str, ...]:
    """What means yes in the segment's columns of consent."""
    return segment.consent_values or runtime.config.defaults.consent_values or YES_WORDS


def query_of(
    runtime: Runtime,
    segment: SegmentConfig,
    platforms: Collection[Platform],
    *,
    salt: str,
    spill: Path,
    in_order: bool = False,
) -> "Query":
    """What to read of the source of a segment that has one.

    Args:
        runtime: the program's surroundings.
        segment: whose source.
        platforms: for whom: their columns of consent are read; none: that for all of them.
        salt: mixed into the fingerprints of rows.
        spill: a private folder.
        in_order: whether rows come in the order of the source.
    """
    assert segment.source is not None, "only those with a source are asked for it"
    return _query(
        runtime,
        segment.source,
        columns={**_columns(segment.mapped), **_consents(segment.mapped, platforms)},
        yes_words=yes_words_of(runtime, segment),
        where=segment.where,
        traits=tuple(segment.traits),
        salt=salt,
        spill=spill,
        in_order=in_order,
    )


def events_query(runtime: Runtime, events: EventsConfig, *, salt: str, spill: Path) -> "Query":
    """What to read of what people did: whose, when, and what is written of it."""
    return _query(
        runtime,
        events.source,
        columns={"profile_id": (events.profile_id,)},
        where=None,
        traits=tuple(dict.fromkeys((events.at, *events.columns))),
        salt=salt,
        spill=spill,
        in_order=True,
    )


def suppression_query(
    runtime: Runtime, entry: SuppressionConfig, *, salt: str, spill: Path
) -> "Query":
    """What to read of a list of people who are never sent."""
    return _query(
        runtime,
        entry,
        columns=_columns(entry.columns),
        where=entry.where,
        traits=(),
        salt=salt,
        spill=spill,
    )


def _columns(columns: IdentifierColumns) -> dict[str, tuple[str, ...]]:
    """Canonical label -> source columns, for what is mapped."""
    mapped = {kind.label: names for kind, names in columns.by_kind.items()}
    if isinstance(columns, ColumnsConfig):
        mapped["profile_id"] = (columns.profile_id,)
    return mapped


def _consents(
    columns: ColumnsConfig, platforms: Collection[Platform]
) -> dict[str, tuple[str, ...]]:
    """The columns of consent that matter for some platforms, by label."""
    consent = columns.consent
    if consent is None:
        return {}
    own = {platform: column for platform in platforms if (column := consent.own(platform))}
    labels: dict[str, tuple[str, ...]] = {
        f"consent.{platform}": (column,) for platform, column in own.items()
    }
    if not platforms or len(own) < len(platforms):
        labels["consent"] = consent.for_all
    return labels


def _query(
    runtime: Runtime,
    source: FileSource | SqlSource | TableSource,
    **shared: Any,  # noqa: ANN401 - the fields that every query has
) -> "Query":
    """What to read: the source's own fields beside the shared ones."""
    from audsync.segments.contract import FileQuery, SqlQuery, TableQuery

    shared["memory_bytes"] = working_memory(runtime)
    if isinstance(source, TableSource):
        return TableQuery(table=source.table, **shared)
    if source.max_age:
        shared["not_before"] = runtime.clock.now() - timedelta(seconds=source.max_age)
    if isinstance(source, SqlSource):
        return SqlQuery(
            url=source.url.get_secret_value(),
            select=source.query or source.table or "",
            is_table=source.table is not None,
            vars=source.vars,
            timeout_s=source.timeout,
            freshness=source.freshness,
            **shared,
        )
    return FileQuery(
        path=str(source.path),
        format=source.format.value if source.format else None,
        delimiter=source.delimiter,
        encoding=source.encoding,
        access=runtime.object_access,
        **shared,
    )
