"""Audiences of one segment whose files would be the same: prepared once, planned once.

Where mapped columns have the same rules, the same rows come to the same lines, whatever platform
they are for; where the earlier files are the same, too, so are the new ones, and the plan. All
files are named by their content and never changed, so the others just have them, too.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from audsync.domain import Kind, Platform
from audsync.identifiers.rules import column_rule
from audsync.segments.contract import Query
from audsync.snapshots.folder import AudienceFolder
from audsync.sync.change.inputs import MakeSides
from audsync.sync.change.local import LocalEngine
from audsync.sync.contract import Cache, Desired, Plan, PlanRequest, StateFiles
from audsync.sync.desired import prepare_segment
from audsync.sync.together.alike import Task
from audsync.sync.together.companions import Member, same_rows
from audsync.sync.wanted.parts import Reading
from audsync.sync.wanted.sets import Combined, Leaf, People, leaves

T = TypeVar("T", Desired, Plan)
_KINDS = {kind.label: kind for kind in Kind}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One of the audiences of a segment that are synced together."""

    member: Member
    folder: AudienceFolder
    check: Callable[[], None]
    """Raises to stop."""

    def prepare(self, reading: Reading, cache: Cache | None) -> Desired:
        """As `desired.prepare_segment`, by this audience or another."""
        return self._once(
            ("prepare", *_preparation(reading), cache and _segments_of(cache)),
            do=partial(prepare_segment, reading, cache),
            names=_names_of_desired,
            own=cache.files.as_dict().values() if cache else (),
        )

    def plan(
        self, engine: LocalEngine, files: StateFiles, desired: Desired, request: PlanRequest
    ) -> Plan:
        """As `LocalEngine.plan`, by this audience or another."""
        return self._once(
            ("plan", files, desired, request),
            do=partial(LocalEngine.plan, engine, files, desired, request),
            names=lambda plan: plan.files.as_dict().values(),
            own=(*files.as_dict().values(), *_names_of_desired(desired)),
        )

    def _once(
        self,
        key: object,
        *,
        do: Callable[[], T],
        names: Callable[[T], Iterable[str]],
        own: Iterable[str],
    ) -> T:
        """Do it, or take over what another made; `own` files are here and were proved."""

        def done() -> tuple[T, AudienceFolder]:
            return do(), self.folder

        def take_over(made: tuple[T, AudienceFolder]) -> tuple[T, AudienceFolder] | None:
            found, theirs = made
            missing = sorted(set(names(found)) - set(own))
            is_whole = all(self.folder.adopt(name, theirs.place_of(name)) for name in missing)
            return made if is_whole else None

        task = Task(key=key, do=done, take_over=take_over, check=self.check)
        return self.member.once(task)[0]


class TwinEngine(LocalEngine):
    """Plans once where others would make the same plan of the same files."""

    def __init__(
        self, group: Group, work: Path, *, memory_bytes: int, make_sides: MakeSides
    ) -> None:
        super().__init__(group.folder, work, memory_bytes=memory_bytes, make_sides=make_sides)
        self._group = group

    def plan(self, files: StateFiles, desired: Desired, request: PlanRequest) -> Plan:
        """Difference between `desired` and what is confirmed or uncertain, cut into batches."""
        return self._group.plan(self, files, desired, request)


def _preparation(reading: Reading) -> tuple[object, ...]:
    """What a preparation comes to depends on, beside the rows and the earlier files."""
    spec = reading.spec
    # Lists are compared in a platform's own forms of kinds that the segment may not have.
    decides = bool(reading.suppress) or spec.carried is not None
    return (
        _plain(reading.query),
        [same_rows(query) for query in reading.suppress],
        _rules(reading),
        replace(spec, platform=Platform.META) if not decides else spec,
        reading.salt,
        tuple(reading.holdouts),
        reading.cluster,
        reading.memory_bytes,
    )


def _rules(reading: Reading) -> dict[str, object]:
    """How each mapped column that the platform takes becomes what it takes, by label."""
    people = reading.query
    queries: Iterable[Query] = (
        [leaf.query for leaf in leaves(people)] if isinstance(people, Combined) else [people]
    )
    labels = {label for query in queries for label in query.columns if label in _KINDS}
    rules = {label: column_rule(reading.spec.platform, _KINDS[label]) for label in labels}
    return {label: (rule.form, rule.is_raw) for label, rule in rules.items() if rule}


def _plain(people: People | Leaf) -> object:
    """The same without what does not change the rows."""
    if isinstance(people, Query):
        return same_rows(people)
    if isinstance(people, Leaf):
        return replace(people, query=same_rows(people.query))
    parts = ([_plain(part) for part in some] for some in (people.include, people.exclude))
    return [replace(people, include=(), exclude=()), *parts]


def _segments_of(cache: Cache) -> tuple[object, ...]:
    """What a preparation takes of an earlier one."""
    files = cache.files
    return (
        replace(cache, files=StateFiles()),
        (files.identifiers, files.rows, files.patch),
        (files.next_identifiers, files.next_rows, files.next_patch),
    )


def _names_of_desired(desired: Desired) -> list[str]:
    patch = desired.patch
    names = (
        desired.identifiers,
        desired.rows,
        desired.touched,
        patch.outdated,
        patch.later_identifiers,
        patch.later_rows,
    )
    return [name for name in names if name]
