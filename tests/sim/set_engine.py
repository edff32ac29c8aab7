"""The engine in plain sets: what the contract says, in the fewest words, to hold others against.

Written from `audsync.sync.contract` and from the algorithm, not from the SQL, so that the two
implementations are witnesses for each other. A file is a Python tuple behind a name; it exists
from the moment it was kept, and its name depends on its content alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

import pyarrow as pa

from audsync.domain import FIRST_FIELD, SWAPS, Action, BatchState, Kind
from audsync.sync.contract import (
    BatchFacts,
    Carrier,
    Desired,
    Plan,
    PlanRequest,
    Refused,
    StateFiles,
)
from tests.sim import set_split
from tests.sim.set_change import (
    Change,
    Known,
    addition_rows,
    former_links,
    found_links,
    of_age,
    removal_rows,
)
from tests.sim.set_files import Files
from tests.sim.set_rows import (
    Cell,
    Gone,
    Laid,
    Link,
    Sent,
    SourceRow,
    Value,
    cut_additions,
    cut_by_kind,
    cut_removals,
    identifiers,
    lay_by_kind,
    less,
    on_the_wire,
    profiles,
    sizes_of,
    smallest_holders,
    values,
)
from tests.sim.set_summary import summarise

_TYPES = (pa.int32(), pa.uint8(), pa.binary())
MEMBERS = pa.schema(list(zip(("row", "kind", "value"), _TYPES, strict=True)))
_HARMLESS = frozenset({BatchState.PLANNED, BatchState.REFUSED, BatchState.LEFT_OUT})


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
        refused = self._refused_after(files, batches)
        if is_replace:
            wanted = less(known.d, values(refused))
            everything = set(identifiers(known.c | wanted | known.u | known.e))
            folded = self._settled(files, known.c, everything, frozenset(), None, is_same=True)
        else:
            folded = self._fold_update(files, known, batches, values(refused))
        return replace(folded, refused=self.store.keep_some(sorted(refused), "refused"))

    def plan(self, files: StateFiles, desired: Desired, request: PlanRequest) -> Plan:
        files = replace(files, next_identifiers=desired.identifiers, next_rows=desired.rows)
        unwanted = set() if request.tries_refused else values(self._links(files.refused))
        known = self.known(files, unwanted)
        if not desired.counts.profiles and not request.replaces_by_sweep:
            request = replace(request, is_replace=False)
        state = (files.identifiers, files.uncertain, files.repair, files.echo, files.refused)
        is_first = not any(state)
        change = self.change(known, request.aged)
        former = () if is_first else sorted(former_links(known))
        files = replace(files, next_former=self.store.keep_some(former, "former"))
        removals: list[Gone] = []
        additions: list[Sent] | list[Laid]
        if request.is_replace or is_first:
            cells = [cell for cell in self._cells(desired.identifiers) if cell[1:3] not in unwanted]
            additions = [(*cell, False, cell[3] == 0) for cell in cells]
            kept = self.store.keep_some(cells, "additions") if unwanted else desired.identifiers
            files = replace(files, removals=None, additions=kept)
        else:
            removals = removal_rows(known, change, self._rows(files.next_rows))
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
        summary = summarise(known, change, self._rows(files.next_rows))
        if request.is_replace or is_first:
            sent = sum(batch.profiles for batch in batches)
            summary = replace(summary, profiles_sent=sent, profiles_refreshed=0, echoed=0)
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
        is_swap = any(batch.action in SWAPS for batch in batches)
        refused = self._refused_after(files, batches)
        gone = self._removed(files, batches)
        in_doubt = [one for one in carriers if one[1:] in values(refused) - gone and not is_swap]
        unsure = unsure_adds | {link for link in carriers if link[1:] in unsure_removes}
        return StateFiles(
            identifiers=files.next_identifiers,
            rows=files.next_rows,
            uncertain=self.store.keep_some(sorted(identifiers(in_doubt)), "uncertain"),
            echo=self._keep_echo(known, known.u | known.twice, unsure, values(refused)),
            former=files.next_former,
            refused=self.store.keep_some(
                sorted(link for link in refused if link[1:] in values(known.d)), "refused"
            ),
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

    def halves(self, files: StateFiles, batch: BatchFacts) -> tuple[BatchFacts, ...]:
        return set_split.halves(batch, self._lines(files, batch))

    def apart(
        self, files: StateFiles, batch: BatchFacts, rows: Sequence[int]
    ) -> tuple[BatchFacts, ...]:
        return set_split.apart(batch, self._lines(files, batch), rows)

    def carriers(self, files: StateFiles, batch: BatchFacts) -> list[Carrier]:
        rows: Sequence[Sent] = self._lines(files, batch)
        return [
            Carrier(profile=row[0], kind=Kind(row[1]), is_refresh=any(row[4:5]))
            for row in rows
            if row[3] == 0 and row[1] < FIRST_FIELD
        ]

    def refused(self, files: StateFiles) -> Refused:
        links = self._links(files.refused)
        return Refused(identifiers=len(values(links)), profiles=len(profiles(links)))

    def _lines(self, files: StateFiles, batch: BatchFacts) -> Sequence[tuple[Any, ...]]:
        """The rows of a batch in its file; cells of a whole segment as those who come."""
        name = files.removals if batch.action is Action.REMOVE else files.additions
        rows: Sequence[tuple[Any, ...]] = self.store.read(name)[batch.first_row : batch.stop_row]  # type: ignore[assignment]  # kept by us
        is_cells = batch.action is not Action.REMOVE and len(rows[0]) == len(Cell.__args__)  # type: ignore[attr-defined]  # of a tuple type
        return [(*row, False, row[3] == 0) for row in rows] if is_cells else rows

    def known(self, files: StateFiles, unwanted: AbstractSet[Value] = frozenset()) -> Known:
        """The state files as sets, what is wanted without some values."""
        return Known(
            c=less(self._accepted(files.identifiers), values(self._links(files.refused))),
            d=less(self._accepted(files.next_identifiers), unwanted),
            u=self._links(files.uncertain),
            r=self._links(files.repair),
            e=frozenset(link for link, _ in self.echoes(files.echo)),
            f=self._links(files.former),
            masked=frozenset(
                link
                for link in self._accepted(files.next_identifiers)
                if link[1:] in values(self._links(files.refused))
            ),
            twice=frozenset(link for link, rounds in self.echoes(files.echo) if rounds > 1),
        )

    def change(self, known: Known, aged: tuple[int, int] | None = None) -> Change:
        """Who goes, who comes, who is said again."""
        wanted, confirmed = values(known.d), values(known.c)
        removed = (confirmed | values(known.u)) - wanted
        echoed = values(known.e) - wanted - removed
        changed = profiles(known.c ^ known.d)
        sent = changed & profiles(known.d)
        carriers = known.c | known.u | known.e | known.f | known.masked
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

    def _refused_after(self, files: StateFiles, batches: Sequence[BatchFacts]) -> set[Link]:
        """What is refused: before or now, unless it was sent since with another outcome."""
        now = [batch for batch in batches if batch.state is BatchState.LEFT_OUT]
        went = [batch for batch in batches if batch.state not in _HARMLESS]
        sent = values(self._added(files, went))
        refused = set(self._links(files.refused)) | identifiers(self._added(files, now))
        return {link for link in refused if link[1:] not in sent}

    def _fold_update(
        self,
        files: StateFiles,
        known: Known,
        batches: Sequence[BatchFacts],
        refused: set[Value],
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
            done = {BatchState.APPLIED, BatchState.LEFT_OUT}
            others = [batch for batch in batches if batch.state not in done]
            missing = missing | self._added(files, others)
        parted = {link[0] for link in known.c if link[1:] in removed}
        missing = missing | {link for link in known.c if link[0] in parted}
        unsure_removes = self._removed(files, unsure)
        unsure_links = self._added(files, unsure)
        unsure_links |= {link for link in carriers if link[1:] in unsure_removes}
        unsaid = {link for link in known.e if link[1:] not in said}
        once = unsaid | {link for link in known.u | known.twice if link[1:] in said}
        echo = self._keep_echo(known, once, unsure_links | (unsaid & known.twice), refused)
        missing = {link for link in missing if link[1:] not in said | refused}
        uncertain |= {link for link in carriers if link[1:] in refused - removed}
        return self._settled(files, confirmed, uncertain, missing, echo)

    def _settled(
        self,
        files: StateFiles,
        confirmed: Iterable[Link],
        uncertain: Iterable[Link],
        repair: Iterable[Link],
        echo: str | None,
        *,
        is_same: bool = False,
    ) -> StateFiles:
        kept = frozenset(confirmed)
        is_same = is_same or kept == self._accepted(files.identifiers)
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

    def _keep_echo(
        self, known: Known, once: Iterable[Link], twice: set[Link], refused: set[Value]
    ) -> str | None:
        """What is to be said again, with all that its profiles carried."""
        said, carried = set(once), known.c | known.u | known.e | known.r | known.f
        firmly, lightly = profiles(twice), profiles(said)
        twice = twice | {link for link in carried if link[0] in firmly}
        said |= {link for link in carried if link[0] in lightly}
        twice = twice | {link for link in known.f if link[1:] in values(twice)}
        said |= {link for link in known.f if link[1:] in values(said)}
        both = less(identifiers(twice | said), refused)
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
