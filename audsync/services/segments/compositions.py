"""A configured segment, as the engine reads it: its source, or those of what it is made of."""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from audsync.config.model import ColumnsConfig, Identity, SegmentConfig
from audsync.domain import Platform
from audsync.services.segments import sources
from audsync.services.wiring.runtime import Runtime
from audsync.snapshots.folder import SPILL

if TYPE_CHECKING:
    from audsync.connectors.contract import Spec
    from audsync.snapshots.folder import AudienceFolder
    from audsync.sync.change.inputs import MakeSides
    from audsync.sync.change.local import LocalEngine
    from audsync.sync.contract import Cache, Desired
    from audsync.sync.ports import Segment
    from audsync.sync.together.companions import Member
    from audsync.sync.together.twins import Group
    from audsync.sync.wanted.holdout import Holdout
    from audsync.sync.wanted.sets import Combined, Leaf, People


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How sources are read."""

    platforms: Collection[Platform]
    """For whom: their columns of consent are read; none: that for all of them."""
    salt: str
    spill: Path
    """A private folder."""
    in_order: bool = False
    batch_rows: int | None = None
    """Rows in a batch; None: as usual."""


def people_of(runtime: Runtime, name: str, look: Look) -> "People":
    """What to read of a segment that may be used.

    Raises:
        SegmentNotFoundError, SegmentInactiveError: it may not.
    """
    config = runtime.segment(name)
    if config.include:
        return _combined(runtime, name, config, look)
    query = sources.query_of(
        runtime,
        config,
        look.platforms,
        salt=look.salt,
        spill=look.spill,
        in_order=look.in_order,
    )
    return replace(query, batch_rows=look.batch_rows) if look.batch_rows else query


def columns_of(runtime: Runtime, config: SegmentConfig) -> ColumnsConfig:
    """What the columns of a segment hold; of one made of others, of each the first that there is.

    A segment made of others has as many columns of a kind as that of its sources that has most.
    """
    if not config.include:
        return config.mapped
    every = [columns_of(runtime, runtime.config.segments[name]) for name in config.include]
    names: dict[str, tuple[str, ...]] = {}
    for columns in every:
        for kind, mine in columns.by_kind.items():
            known = names.get(kind.label, ())
            names[kind.label] = known + mine[len(known) :]
    return ColumnsConfig.model_validate({"profile_id": every[0].profile_id, **names})


def holdouts_of(runtime: Runtime, name: str) -> "tuple[Holdout, ...]":
    """The draws that keep people of a segment out: its own, and those of its parts."""
    from audsync.sync.wanted.holdout import Holdout

    config = runtime.config.segments[name]
    own = config.holdout or runtime.config.defaults.holdout
    parts = [each for part in config.include for each in holdouts_of(runtime, part)]
    if own is not None and own.percent:
        parts.insert(0, Holdout(name=own.name, percent=own.percent))
    return tuple(dict.fromkeys(parts))


def segment_for(
    runtime: Runtime, name: str, spec: "Spec", *, folder: "AudienceFolder", work: Path
) -> "Segment":
    """The segment as an audience with this `Spec` wants it, to be read when the engine says.

    Raises:
        SegmentNotFoundError, SegmentInactiveError: it may not be used.
    """
    from audsync.sync.desired import prepare_segment, rules_of
    from audsync.sync.ports import Segment
    from audsync.sync.wanted.parts import Reading

    config = runtime.segment(name)
    salt = sources.salt_of(runtime)
    look = Look(platforms=[spec.platform], salt=salt, spill=work / SPILL)
    reading = Reading(
        query=people_of(runtime, name, look),
        suppress=[
            sources.suppression_query(runtime, entry, salt=salt, spill=work / SPILL)
            for entry in runtime.config.suppress
        ],
        spec=sources.prepare_spec(runtime, config, spec.platform, spec.accepts),
        salt=salt,
        folder=folder,
        work=work,
        memory_bytes=sources.working_memory(runtime),
        advance=_advance(runtime),
        holdouts=holdouts_of(runtime, name),
        source=runtime.reader.read if runtime.reader else None,
        cluster=sources.cluster_of(runtime, config),
    )

    def prepare(cache: "Cache | None") -> "Desired":
        runtime.progress.phase("read", None)
        if runtime.reader is None:
            return prepare_segment(reading, cache)
        return _group(runtime, runtime.reader, folder).prepare(reading, cache)

    return Segment(prepare=prepare, rules=rules_of(reading))


def engine_for(
    runtime: Runtime, name: str, *, folder: "AudienceFolder", work: Path
) -> "LocalEngine":
    """The engine for a job of one audience of a segment; others of it may share in its work."""
    from audsync.sync.change.local import LocalEngine
    from audsync.sync.together.twins import TwinEngine

    memory_bytes = sources.working_memory(runtime)
    make_sides = _make_sides(runtime, name, work)
    if runtime.reader is None:
        return LocalEngine(folder, work, memory_bytes=memory_bytes, make_sides=make_sides)
    group = _group(runtime, runtime.reader, folder)
    return TwinEngine(group, work, memory_bytes=memory_bytes, make_sides=make_sides)


def _make_sides(runtime: Runtime, name: str, work: Path) -> "MakeSides":
    """What puts the two sides of a difference side by side: this machine, or a cluster."""
    from audsync.sync.change.sides import Sides

    segment = runtime.config.segments.get(name)
    cluster = sources.cluster_of(runtime, segment) if segment else None
    if cluster is None or not cluster.compares:
        return Sides
    from audsync.sync.spark.sides import Comparing

    return Comparing(
        cluster=cluster,
        work=work,
        memory_bytes=sources.working_memory(runtime),
        check=partial(_advance(runtime), 0),
    ).sides


def _group(runtime: Runtime, reader: "Member", folder: "AudienceFolder") -> "Group":
    from audsync.sync.together.twins import Group

    return Group(member=reader, folder=folder, check=partial(_advance(runtime), 0))


def _advance(runtime: Runtime) -> Callable[[int], None]:
    """Shows how far the reading has come, and lets a signal or the end of the time stop it."""

    def advance(rows: int) -> None:
        runtime.stop.check()
        if runtime.budget is not None:
            runtime.budget.check()
        runtime.progress.advance(rows)

    return advance


def _combined(
    runtime: Runtime,
    name: str,
    config: SegmentConfig,
    look: Look,
    traits: tuple[str, ...] | None = None,
) -> "Combined":
    """A set; `traits`: those of the whole that it is a part of, None where it is the whole."""
    from audsync.sync.wanted.sets import Combined, bare

    wanted = config.traits if traits is None else traits
    return Combined(
        name=name,
        include=tuple(_part(runtime, each, look, wanted) for each in config.include),
        # Consent does not matter for who is excluded, nor what else is known of them.
        exclude=tuple(bare(_part(runtime, each, look, ())) for each in config.exclude),
        by_identifier=config.by is Identity.IDENTIFIER,
        traits=wanted,
        salt=look.salt,
    )


def _part(runtime: Runtime, name: str, look: Look, traits: tuple[str, ...]) -> "Combined | Leaf":
    """A segment as a part of another; whether it may be synced itself does not matter."""
    from audsync.sync.wanted.sets import Leaf, Tune

    config = runtime.config.segments[name]
    if config.include:
        return _combined(runtime, name, config, look, traits)
    query = sources.query_of(
        runtime,
        config,
        look.platforms,
        salt=hashlib.sha256(f"{look.salt}\0{name}".encode()).hexdigest(),
        spill=look.spill.with_name(f"{look.spill.name}-{name}"),
        in_order=look.in_order,
    )
    spec = sources.prepare_spec(runtime, config, Platform.META)
    return Leaf(
        name=name,
        query=replace(
            query,
            traits=tuple(trait for trait in config.traits if trait in traits),
            batch_rows=look.batch_rows or query.batch_rows,
        ),
        tune=Tune(region=spec.region, phone_policy=spec.phone_policy, yes_words=spec.yes_words),
    )
