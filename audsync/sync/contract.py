"""The values that travel through a sync, and the seam behind which sets of members live.

An engine works on *files*, named by strings; planner, ledger, sender and CLI know only the small
values below. The local engine keeps the files as Parquet and works with DuckDB; the simulator's
keeps them as Python sets; a distributed one would keep them on shared storage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Protocol, Self

from audsync.domain import Action, BatchState, Kind

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """What changed since two large files of a segment were written, in small ones.

    outdated: profiles whose lines in the large files count no more. later_identifiers, later_rows:
    lines that count beside the others; all of a profile's, once any of them is here.
    """

    outdated: str | None = None
    later_identifiers: str | None = None
    later_rows: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFiles:
    """Names of an audience's files; None stands for an empty one.

    confirmed: what is certain to be on the platform (`identifiers`: profile, kind, value;
    `rows`: the source rows it came from; and their `Patch`). next_*: the same for the segment of
    the open plan.
    removals, additions: the open plan. uncertain: what may or may not be on the platform.
    repair: still to be sent again, since a removal may have taken the person along.
    echo: was uncertain in the last run: to be said once more, as a late effect may undo it.
    former: who carried a value once that somebody else still carries: on the platform these
    values belong to one person, so a removal of one may take her out of the others' sight too.
    next_former: the same after the open plan.
    refused: wanted, not on the platform since it refuses them, and so neither confirmed nor wanted
    wherever a value of this file occurs: the other files may hold it all the same.
    """

    identifiers: str | None = None
    rows: str | None = None
    outdated: str | None = None
    later_identifiers: str | None = None
    later_rows: str | None = None
    next_identifiers: str | None = None
    next_rows: str | None = None
    next_outdated: str | None = None
    next_later_identifiers: str | None = None
    next_later_rows: str | None = None
    removals: str | None = None
    additions: str | None = None
    uncertain: str | None = None
    repair: str | None = None
    echo: str | None = None
    former: str | None = None
    next_former: str | None = None
    refused: str | None = None

    @property
    def patch(self) -> Patch:
        """Of the confirmed files."""
        return Patch(
            outdated=self.outdated,
            later_identifiers=self.later_identifiers,
            later_rows=self.later_rows,
        )

    @property
    def next_patch(self) -> Patch:
        """Of the files of the open plan's segment."""
        return Patch(
            outdated=self.next_outdated,
            later_identifiers=self.next_later_identifiers,
            later_rows=self.next_later_rows,
        )

    def as_dict(self) -> dict[str, str]:
        """Role to name, without the empty ones."""
        return {role: name for role, name in asdict(self).items() if name}

    @classmethod
    def of(cls, names: Mapping[str, str]) -> Self:
        """The opposite of `as_dict`."""
        return cls(**{item.name: names.get(item.name) for item in fields(cls)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """The latest preparation of a segment, made by the rules of now."""

    files: StateFiles
    source: str | None = None
    """What the source and these files were told by; see `Desired.source`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentCounts:
    """What reading a segment came to. Rows are source rows that passed `where`.

    rows = no_consent + duplicates + no_identifier + suppressed + excluded + held_out + profiles.
    """

    rows: int = 0
    no_consent: int = 0
    duplicates: int = 0
    no_identifier: int = 0
    suppressed: int = 0
    excluded: int = 0
    held_out: int = 0
    profiles: int = 0
    rejected: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Kind label to reason label to number of cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """The segment as this platform takes it, read once, in this run's own files."""

    identifiers: str
    rows: str
    patch: Patch = Patch()
    counts: SegmentCounts
    sizes: Mapping[Kind, int] | None = None
    """Distinct identifiers by kind; None where the plan derives them from the change."""
    touched: str | None = None
    """Profiles that may differ from the confirmed ones; None when all may."""
    list_sizes: Mapping[str, int] | None = field(default_factory=dict)
    """How many people each list of those never sent names, in the order of the file, and rows of
    each excluded segment; by what these are called in the facts. None: nobody looked anew."""
    source: str | None = None
    """A digest of the bytes that were read and of the files they came to: where both are the same
    again, reading would come to the same. None where there is no such proof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFacts:
    """One batch: its place in the plan and what is known of it. Row numbers count file rows."""

    number: int
    action: Action
    first_row: int
    stop_row: int
    rows: int
    """Rows on the wire."""
    profiles: int = 0
    """Profiles that enter or change with it."""
    refreshed: int = 0
    """Unchanged profiles that are sent again with it."""
    identifiers: int = 0
    """Wire values that appear or vanish with it."""
    profiles_left: int = 0
    """Profiles that are gone once it is applied."""
    state: BatchState = BatchState.PLANNED
    unanswered_tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KindChange:
    """Identifiers of one kind: to add, to remove, and on the platform already and still wanted."""

    adds: int = 0
    removes: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummary:
    """What a plan comes to. `causes` counts removed identifiers by why they go."""

    kinds: Mapping[Kind, KindChange]
    causes: Mapping[str, int]
    profiles_sent: int
    profiles_new: int
    profiles_refreshed: int
    profiles_left: int
    profiles_left_silently: int
    """Of those, profiles none of whose identifiers need to be removed."""
    echoed: int
    """Identifiers said once more because an earlier request went unanswered."""
    session_kinds: tuple[Kind, ...]
    """Kinds that occur in the additions."""

    @property
    def adds(self) -> int:
        """Identifiers that appear."""
        return sum(change.adds for change in self.kinds.values())

    @property
    def removes(self) -> int:
        """Identifiers that vanish."""
        return sum(change.removes for change in self.kinds.values())

    @property
    def desired_sizes(self) -> dict[Kind, int]:
        """Identifiers on the platform after this plan, by kind."""
        return {kind: change.unchanged + change.adds for kind, change in self.kinds.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A durable plan: files, and the batches they are cut into, in the order they are sent."""

    files: StateFiles
    batches: tuple[BatchFacts, ...]
    summary: PlanSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """How a plan is to be made."""

    is_replace: bool
    """Send everything that is wanted instead of the difference, so that nothing else remains."""
    max_rows: int
    sizes: Mapping[Kind, int]
    """Confirmed identifiers by kind, as the last close recorded them."""
    takes_person_rows: bool = True
    """A row carries a person's values; else a request carries values of one kind, one a row."""
    replaces_by_sweep: bool = False
    """A replace adds everything and ends with a sweep; else it is one session."""
    aged: tuple[int, int] | None = None
    """Profiles that are sent again for their age: those whose link has its first 16 bits from the
    first number up to but without the second. A first upload and a replace send everybody."""
    tries_refused: bool = False
    """What the platform refused is wanted again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What is wanted and not there, since the platform refuses it."""

    identifiers: int = 0
    profiles: int = 0


NONE_REFUSED = Refused()


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """One profile that carries an identifier of a batch."""

    profile: int
    kind: Kind
    is_refresh: bool
    """It is only sent again: not among those who enter or change."""


class Engine(Protocol):
    """Sets of members, kept in files. Every file it returns is durable."""

    def fold(
        self, files: StateFiles, batches: Sequence[BatchFacts], *, is_replace: bool
    ) -> StateFiles:
        """Close an open plan without trusting any outcome that is not certain.

        Applied batches move into the confirmed set; batches that may have had an effect move into
        the uncertain set, with the links of their identifiers; planned and refused ones vanish.
        """
        ...

    def plan(self, files: StateFiles, desired: Desired, request: PlanRequest) -> Plan:
        """Difference between `desired` and what is confirmed or uncertain, cut into batches.

        Removals come first. Nothing that anybody wanted still holds is removed. Every wanted
        identifier that shares a profile, old or new, with a removed one is added again.
        """
        ...

    def close(self, files: StateFiles, batches: Sequence[BatchFacts]) -> StateFiles:
        """The state after a plan whose every batch was applied or left out.

        The desired is the confirmed, less what is refused: that was left out now or before, was
        not confirmed before, and was not taken now.
        """
        ...

    def sizes(self, files: StateFiles) -> Mapping[Kind, int]:
        """Distinct confirmed identifiers by kind."""
        ...

    def members(self, files: StateFiles, batch: BatchFacts) -> "pa.Table":
        """The batch's rows as `UploadBatch.members` wants them."""
        ...

    def halves(self, files: StateFiles, batch: BatchFacts) -> tuple[BatchFacts, ...]:
        """The batch as two smaller ones with its number; see `split.halves`."""
        ...

    def apart(
        self, files: StateFiles, batch: BatchFacts, rows: Sequence[int]
    ) -> tuple[BatchFacts, ...]:
        """The batch without the people of these wire rows, then those; see `split.apart`."""
        ...

    def carriers(self, files: StateFiles, batch: BatchFacts) -> Sequence[Carrier]:
        """Who carries the identifiers that a batch of additions holds."""
        ...

    def refused(self, files: StateFiles) -> Refused:
        """How many are wanted and refused."""
        ...
