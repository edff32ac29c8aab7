"""The engine in plain sets: what the contract says, in the fewest words, to hold others against.

Written from `audsync.sync.contract` and from the algorithm, not from the SQL, so that the two
implementations are witnesses for each other. A file is a Python tuple behind a name; it exists
from the moment it was kept, and its name depends on its content alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from audsync import steps
from audsync.domain import FIRST_FIELD, Action, BatchState, Kind
from audsync.sync.contract import (
    BatchFacts,
    Desired,
    KindChange,
    Plan,
    PlanRequest,
    PlanSummary,
    StateFiles,
)
from tests.sim.set_change import (
    Change,
    Known,
    addition_rows,
    former_links,
    found_links,
    of_age,
    removal_rows,
)
from tests.sim.set_rows import (
    Cell,
    Gone,
    Laid,
    Link,
    Sent,
    SourceRow,
    Value,
    by_kind,
    cut_additions,
    cut_by_kind,
    cut_removals,
    identifiers,
    lay_by_kind,
    on_the_wire,
    profiles,
    sizes_of,
    smallest_holders,
    values,
)

_TYPES = (pa.int32(), pa.uint8(), pa.binary())
MEMBERS = pa.schema(list(zip(("row", "kind", "value"), _TYPES, strict=True)))
_CAUSES = {3: "suppressed", 2: "consent_withdrawn", 1: "identifier_changed", 0: "left_segment"}
_HARMLESS = frozenset({BatchState.PLANNED, BatchState.REFUSED})


class Files:
    """Named contents. What was kept survives a crash; what was not never existed."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[object, ...]] = {}
        self._names: dict[tuple[str, tuple[object, ...]], str] = {}

    def keep(self, content: Iterable[object], role: str) -> str:
        """Make the content durable under a name of its own."""
        whole = tuple(content)
        name = self._names.setdefault((role, whole), f"{role}-{len(self._names)}")
        steps.reached(f"file: before rename {role}")
        self._kept[name] = whole
        steps.reached(f"file: after rename {role}")
        return name

    def keep_some(self, content: Iterable[object], role: str) -> str | None:
        """The same; None for an empty one."""
        whole = tuple(content)
        return self.keep(whole, role) if whole else None

    def read(self, name: str | None) -> tuple[object, ...]:
        """The content; empty where there is no name."""
        return self._kept[name] if name is not None else ()

    def sweep(self, live: Iterable[str]) -> None:
        """Forget whatever no row names."""
        named = set(live)
        self._kept = {name: content for name, content in self._kept.items() if name in named}

    def has(self, name: str) -> bool:
        """Whether the file is there."""
        return name in self._kept


class SetEngine:
    """`audsync.sync.contract.Engine` over `Files`."""

    def __init__(self, files: Files) -> None:
        self.store = files

    def fold(
        self, files: StateFiles, batches: Sequence[BatchFacts], *, is_replace: bool
    ) -> StateFiles:
        known = self.known(files)
        if all(batch.state in _HARMLESS for batch in batches):
            former = self.store.keep_some(sorted(known.f | found_links(known)), "former")
            return replace(files, removals=None, additions=None, former=former, next_former=None)
        if is_replace:
            everything = identifiers(known.c | known.d | known.u | known.e)
            return self._settled(files, known.c, everything, frozenset(), None)
        return self._fold_update(files, known, batches)

    def plan(self, files: StateFiles, desired: Desired, request: PlanRequest) -> Plan:
        files = replace(files, next_identifiers=desired.identifiers, next_rows=desired.rows)
        known = self.known(files)
        if not desired.counts.profiles and not request.replaces_by_sweep:
            request = replace(request, is_replace=False)
        is_first = not (files.identifiers or files.uncertain or files.repair or files.echo)
        change = self.change(known, request.aged)
        former = () if is_first else sorted(former_links(known))
        files = replace(files, next_former=self.store.keep_some(former, "former"))
        removals: list[Gone] = []
        additions: list[Sent] | list[Laid]
        if request.is_replace or is_first:
            cells = self._cells(desired.identifiers)
            additions = [(*cell, False, cell[3] == 0) for cell in cells]
            files = replace(files, removals=None, additions=desired.identifiers)
        else:
            removals = removal_rows(known, change)
            additions = addition_rows(known, change)
            files = replace(
                files,
                removals=self.store.keep_some(removals, "removals"),
                additions=self.store.keep_some(additions, "additions"),
            )
        if not request.takes_person_rows:
            additions = lay_by_kind(additions)
            files = replace(files, additions=self.store.keep_some(additions, "additions"))
        batches = self._cut(removals, additions, request)
        summary = self._summary(files, known, change)
        if request.is_replace or is_first:
            summary = replace(
                summary, profiles_sent=desired.counts.profiles, profiles_refreshed=0, echoed=0
            )
        kinds = tuple(Kind(kind) for kind in sorted({row[1] for row in additions if row[3] == 0}))
        return Plan(
            files=files, batches=tuple(batches), summary=replace(summary, session_kinds=kinds)
        )

    def _cut(
        self, removals: list[Gone], additions: list[Sent] | list[Laid], request: PlanRequest
    ) -> list[BatchFacts]:
        most = request.max_rows
        batches = cut_removals(removals, most, takes_person_rows=request.takes_person_rows)
        is_sweep = request.is_replace and request.replaces_by_sweep
        action = Action.REPLACE if request.is_replace and not is_sweep else Action.ADD
        if request.takes_person_rows:
            batches += cut_additions([row[:6] for row in additions], most, action, len(batches) + 1)
        else:
            laid: list[Laid] = additions  # type: ignore[assignment]  # laid just above
            batches += cut_by_kind(laid, most, len(batches) + 1)
        if is_sweep:
            end = batches[-1].stop_row if batches else 0
            batches.append(
                BatchFacts(
                    number=len(batches) + 1,
                    action=Action.SWEEP,
                    first_row=end,
                    stop_row=end,
                    rows=0,
                )
            )
        return batches

    def close(self, files: StateFiles, batches: Sequence[BatchFacts]) -> StateFiles:
        known = self.known(files)
        unsure_removes = self._removed(files, [b for b in batches if b.unanswered_tries])
        unsure_adds = self._added(files, [b for b in batches if b.unanswered_tries])
        carriers = known.c | known.u | known.e
        unsure = unsure_adds | {link for link in carriers if link[1:] in unsure_removes}
        return StateFiles(
            identifiers=files.next_identifiers,
            rows=files.next_rows,
            echo=self._keep_echo(known, known.u | known.twice, unsure),
            former=files.next_former,
        )

    def sizes(self, files: StateFiles) -> Mapping[Kind, int]:
        return sizes_of(self.known(files).c)

    def members(self, files: StateFiles, batch: BatchFacts) -> pa.Table:
        rows: list[tuple[int, int, bytes]]
        if batch.action is Action.REMOVE:
            gone = self._gone(files.removals)[batch.first_row : batch.stop_row]
            rows = [(row, kind, value) for row, (kind, value, *_) in enumerate(gone)]
        else:
            sent = self.store.read(files.additions)[batch.first_row : batch.stop_row]
            rows = on_the_wire(sent)  # type: ignore[arg-type]  # kept by this class
        columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
        return pa.table(
            [pa.array(c, kind) for c, kind in zip(columns, _TYPES, strict=True)], MEMBERS
        )

    def known(self, files: StateFiles) -> Known:
        """The state files as sets."""
        return Known(
            c=self._accepted(files.identifiers),
            d=self._accepted(files.next_identifiers),
            u=self._links(files.uncertain),
            r=self._links(files.repair),
            e=frozenset(link for link, _ in self.echoes(files.echo)),
            f=self._links(files.former),
            twice=frozenset(link for link, rounds in self.echoes(files.echo) if rounds > 1),
        )

    def change(self, known: Known, aged: tuple[int, int] | None = None) -> Change:
        """Who goes, who comes, who is said again."""
        wanted, confirmed = values(known.d), values(known.c)
        removed = (confirmed | values(known.u)) - wanted
        echoed = values(known.e) - wanted - removed
        changed = profiles(known.c ^ known.d)
        sent = changed & profiles(known.d)
        carriers = known.c | known.u | known.e | known.f
        parted = {link[0] for link in carriers if link[1:] in removed | echoed}
        again = values(known.u | known.r | known.e) | values(
            link for link in known.c | known.d | known.u | known.f if link[0] in parted
        )
        return Change(
            removed=frozenset(removed),
            echoed=frozenset(echoed),
            appearing=frozenset(wanted - confirmed),
            sent=frozenset(sent),
            refreshed=smallest_holders(known.d, again, sent) | (of_age(known, aged) - sent),
            departed=frozenset(profiles(identifiers(known.c)) - profiles(known.d)),
        )

    def _fold_update(
        self, files: StateFiles, known: Known, batches: Sequence[BatchFacts]
    ) -> StateFiles:
        applied = [batch for batch in batches if batch.state is BatchState.APPLIED]
        doubtful = [b for b in batches if b.state not in _HARMLESS | {BatchState.APPLIED}]
        unsure = [batch for batch in applied if batch.unanswered_tries]
        added, removed = self._added(files, applied), self._removed(files, applied)
        said = values(added) | removed
        doubtful_removes = self._removed(files, doubtful)
        sent = profiles(added)
        confirmed = added | {
            link
            for link in known.c
            if link[1:] not in removed and not (link[1] >= FIRST_FIELD and link[0] in sent)
        }
        carriers = known.c | known.u | known.e
        uncertain = {link for link in known.u if link[1:] not in said}
        uncertain |= self._added(files, doubtful)
        uncertain |= {link for link in carriers if link[1:] in doubtful_removes}
        missing: frozenset[Link] | set[Link] = known.r
        if files.removals or files.repair:
            others = [batch for batch in batches if batch.state is not BatchState.APPLIED]
            missing = missing | self._added(files, others)
        parted = {link[0] for link in known.c if link[1:] in removed}
        missing = missing | {link for link in known.c if link[0] in parted}
        unsure_removes = self._removed(files, unsure)
        unsure_links = self._added(files, unsure)
        unsure_links |= {link for link in carriers if link[1:] in unsure_removes}
        unsaid = {link for link in known.e if link[1:] not in said}
        once = unsaid | {link for link in known.u | known.twice if link[1:] in said}
        echo = self._keep_echo(known, once, unsure_links | (unsaid & known.twice))
        missing = {link for link in missing if link[1:] not in said}
        return self._settled(files, confirmed, uncertain, missing, echo)

    def _settled(
        self,
        files: StateFiles,
        confirmed: Iterable[Link],
        uncertain: Iterable[Link],
        repair: Iterable[Link],
        echo: str | None,
    ) -> StateFiles:
        kept = frozenset(confirmed)
        is_same = kept == self._accepted(files.identifiers)
        cells = [(*link, 0) for link in sorted(kept)]
        return replace(
            files,
            identifiers=files.identifiers if is_same else self.store.keep(cells, "identifiers"),
            rows=files.rows if is_same else None,
            removals=None,
            additions=None,
            uncertain=self.store.keep_some(sorted(identifiers(uncertain)), "uncertain"),
            repair=self.store.keep_some(sorted(identifiers(repair)), "repair"),
            echo=echo,
            former=self.store.keep_some(
                sorted(
                    self._links(files.former)
                    | self._links(files.next_former)
                    | found_links(self.known(files))
                ),
                "former",
            ),
            next_former=None,
        )

    def _summary(self, files: StateFiles, known: Known, change: Change) -> PlanSummary:
        wanted, confirmed = sizes_of(known.d), values(known.c)
        adds, removes = by_kind(change.appearing), by_kind(change.removed)
        stays = by_kind(values(known.d) & confirmed)
        lasts = {link[0] for link in known.c if link[1:] in change.removed}
        carried = {link[0] for link in known.c if link[1] < FIRST_FIELD}
        return PlanSummary(
            kinds={
                kind: KindChange(
                    adds=adds.get(kind, 0),
                    removes=removes.get(kind, 0),
                    unchanged=stays.get(kind, 0),
                )
                for kind in sorted({*wanted, *removes, *sizes_of(known.c)})
            },
            causes=self._causes(files, known, change),
            profiles_sent=len(change.sent),
            profiles_new=len(change.sent - carried),
            profiles_refreshed=len(change.refreshed),
            profiles_left=len(change.departed),
            profiles_left_silently=len(change.departed - lasts),
            echoed=len(known.e),
            session_kinds=(),
        )

    def _causes(self, files: StateFiles, known: Known, change: Change) -> dict[str, int]:
        states: dict[int, int] = {}
        for row in self._rows(files.next_rows):
            _, profile, state, _ = row
            states[profile] = max(states.get(profile, 1), state)
        worst: dict[Value, int] = dict.fromkeys(change.removed, 0)
        for profile, *value in known.c | known.u:
            key = (value[0], value[1])
            if key in worst:
                worst[key] = max(worst[key], states.get(profile, 0))
        causes: dict[str, int] = {}
        for code in worst.values():
            causes[_CAUSES[code]] = causes.get(_CAUSES[code], 0) + 1
        return causes

    def links(self, name: str | None) -> set[Link]:
        """The accepted links of a file of any role that holds links."""
        rows: tuple[tuple[object, ...], ...] = self.store.read(name)  # type: ignore[assignment]
        is_echo = name is not None and name.startswith("echo")
        return {row[:3] for row in rows if is_echo or not any(row[3:4])}  # type: ignore[misc]  # kept by us

    def _rows(self, name: str | None) -> list[SourceRow]:
        return list(self.store.read(name))  # type: ignore[arg-type]  # kept by whoever prepares

    def _cells(self, name: str | None) -> list[Cell]:
        rows: tuple[Sent, ...] = self.store.read(name)  # type: ignore[assignment]  # kept by us
        return [row[:4] for row in rows]

    def _keep_echo(self, known: Known, once: Iterable[Link], twice: set[Link]) -> str | None:
        """What is to be said again, with all that its profiles carried."""
        said, carried = set(once), known.c | known.u | known.e | known.r | known.f
        firmly, lightly = profiles(twice), profiles(said)
        twice = twice | {link for link in carried if link[0] in firmly}
        said |= {link for link in carried if link[0] in lightly}
        twice = twice | {link for link in known.f if link[1:] in values(twice)}
        said |= {link for link in known.f if link[1:] in values(said)}
        both = identifiers(twice | said)
        return self.store.keep_some([(*link, 1 + (link in twice)) for link in sorted(both)], "echo")

    def echoes(self, name: str | None) -> list[tuple[Link, int]]:
        """Links of an echo file, and in how many runs they are to be said."""
        rows: tuple[Cell, ...] = self.store.read(name)  # type: ignore[assignment]  # kept by us
        return [(row[:3], row[3]) for row in rows]

    def _gone(self, name: str | None) -> list[Gone]:
        return list(self.store.read(name))  # type: ignore[arg-type]  # kept by this class

    def _links(self, name: str | None) -> frozenset[Link]:
        return frozenset(self.store.read(name))  # type: ignore[arg-type]  # kept by this class

    def _accepted(self, name: str | None) -> frozenset[Link]:
        return frozenset(cell[:3] for cell in self._cells(name) if cell[3] == 0)

    def _added(self, files: StateFiles, batches: Iterable[BatchFacts]) -> set[Link]:
        cells = self._cells(files.additions)
        return {
            cell[:3]
            for batch in batches
            if batch.action is not Action.REMOVE
            for cell in cells[batch.first_row : batch.stop_row]
            if cell[3] == 0
        }

    def _removed(self, files: StateFiles, batches: Iterable[BatchFacts]) -> set[Value]:
        rows = self._gone(files.removals)
        return {
            (kind, value)
            for batch in batches
            if batch.action is Action.REMOVE
            for kind, value, *_ in rows[batch.first_row : batch.stop_row]
        }
