"""What `export` means: the people of a segment who may be sent, in files that stream by."""

import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from audsync.config.model import EventsConfig
from audsync.domain import Kind, Platform
from audsync.errors import FeatureDisabledError, UsageError
from audsync.services.actor import harmless
from audsync.services.exports import export_places
from audsync.services.exports.export_parts import File, Parts, Style, report_of
from audsync.services.exports.export_wish import Wish, files_of, kinds_of, left_out_of
from audsync.services.segments.compositions import Look, columns_of, holdouts_of, people_of
from audsync.services.segments.sources import (
    events_query,
    prepare_spec,
    suppression_query,
    working_memory,
)
from audsync.services.wiring.runtime import Runtime
from audsync.store.glance import is_surely_missing
from audsync.sync.exports.events import Events, with_events
from audsync.sync.exports.pages import PAGES
from audsync.sync.exports.people import Admission, Order
from audsync.sync.exports.sheets import PlainSheet, Sheet
from audsync.sync.looks.people import People
from audsync.sync.tables.hashes import Hashes

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 50_000
"""Raw, examined and written out, a batch is in memory three times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was written: its JSON, the rows left out by cause, and what else there is to say."""

    report: dict[str, Any]
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def export(runtime: Runtime, wish: Wish, *, stdout: BinaryIO) -> Done:
    """Write a segment.

    Raises:
        FeatureDisabledError: exports are switched off.
        UsageError: the segment has no such identifiers, or nothing can be written there.
        SegmentNotFoundError, SegmentInactiveError, ConfigError: it cannot be used.
        SourceError: its source cannot be read to its end.
        StateError: the disk is full or refuses.
    """
    require_feature(runtime)
    segment = runtime.segment(wish.segment)
    destination = export_places.destination(runtime, wish.out, stdout, lasts_s=wish.lasts_s)
    _require_holdout(runtime, wish)
    mapping = columns_of(runtime, segment)
    wanted = files_of(segment, mapping, wish)
    _put_on_record(runtime, wish)
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="audsync-export-")))
        admission = Admission(_order(runtime, wish, kinds_of(mapping, wish), work))
        people = People(work, memory_bytes=working_memory(runtime))
        stack.enter_context(destination)
        parts = Parts(destination, wanted, _style(wish))
        tables = _tables(wanted, admission, people)
        if wish.with_events and segment.events and isinstance(wanted[0], PlainSheet):
            events = _events(runtime, segment.events, admission.order)
            tables = _tables_with_events(wanted[0], admission, people, events)
        for sheet, table in tables:
            parts.append(sheet, table)
        files = parts.publish()
        report = report_of(files, profiles=people.count(), form=wish.format)
    notes = (left_out_of(mapping, wish), _too_few(wish, files))
    return Done(
        report=report, left_out=admission.left_out, notes=tuple(note for note in notes if note)
    )


def _too_few(wish: Wish, files: Sequence[File]) -> str:
    """That the upload page will not like how short a file is; "" where it has no reason to."""
    fewest = PAGES[wish.page].fewest_rows if wish.page else 0
    if all(file.rows >= fewest for file in files):
        return ""
    return f"The upload page of {wish.page} wants at least {fewest:,} people in a file."


def require_feature(runtime: Runtime) -> None:
    """Make sure that exports are not switched off.

    Raises:
        FeatureDisabledError: they are.
    """
    if not runtime.config.features.audience_export:
        raise FeatureDisabledError(
            "Exporting is switched off: set `features.audience_export` to true to use it."
        )


def _require_holdout(runtime: Runtime, wish: Wish) -> None:
    """Make sure that there is a holdout, where it is what is to be written.

    Raises:
        UsageError: there is none.
    """
    if wish.is_of_holdout and not holdouts_of(runtime, wish.segment):
        raise UsageError(
            f"The segment {wish.segment} has no holdout: set `segments.{wish.segment}.holdout` or"
            " `defaults.holdout`, or leave --holdout out.",
            details={"option": "--holdout"},
        )


def _put_on_record(runtime: Runtime, wish: Wish) -> None:
    """Note it in the audit trail before it is done; in the clear, there has to be a trail.

    Raises:
        StoreError: it cannot be noted; then nothing is written.
    """
    if wish.is_hashed and is_surely_missing(runtime.config.store.url):
        return
    from audsync.services.acts import record
    from audsync.store.audit import Act

    told = {
        "is_hashed": wish.is_hashed,
        "format": wish.format,
        "out": harmless(wish.out),
        "identifiers": list(wish.identifiers) if wish.identifiers else None,
        "platform": wish.platform.value if wish.platform else None,
        "is_of_holdout": wish.is_of_holdout,
    }
    record(runtime, Act.SEGMENT_EXPORTED, {"segment": wish.segment}, told)


def _style(wish: Wish) -> Style:
    return Style(
        form=wish.format,
        is_excel_safe=wish.is_excel_safe,
        full_at_bytes=PAGES[wish.page].full_at_bytes if wish.page else None,
    )


def _order(runtime: Runtime, wish: Wish, kinds: Sequence[Kind], work: Path) -> Order:
    salt = secrets.token_hex(32)
    spill = work / "spill"
    look = Look(
        platforms=[wish.platform] if wish.platform else [],
        salt=salt,
        spill=spill,
        in_order=True,
        batch_rows=BATCH_ROWS,
    )
    return Order(
        query=people_of(runtime, wish.segment, look),
        spec=prepare_spec(runtime, runtime.segment(wish.segment), wish.platform or Platform.META),
        suppress=[
            suppression_query(runtime, entry, salt=salt, spill=spill)
            for entry in runtime.config.suppress
        ],
        work=work,
        memory_bytes=working_memory(runtime),
        begin=lambda: runtime.progress.phase("read", None),
        advance=_advance(runtime),
        kinds=kinds,
        holdouts=holdouts_of(runtime, wish.segment),
        is_of_holdout=wish.is_of_holdout,
    )


def _tables(
    wanted: Sequence[Sheet], admission: Admission, people: People
) -> Iterator[tuple[Sheet, "pa.Table"]]:
    """What goes into each kind of file; notes who stands in any."""
    for rows in admission.rows():
        for sheet in wanted:
            table, taken = sheet.table(rows)
            people.add(rows.links[taken])
            yield sheet, table


def _tables_with_events(
    sheet: PlainSheet, admission: Admission, people: People, events: Events
) -> Iterator[tuple[Sheet, "pa.Table"]]:
    """The same with what these people did."""

    def written() -> Iterator[tuple[Hashes, "pa.Table"]]:
        for rows in admission.rows():
            table, _ = sheet.table(rows)
            people.add(rows.links)
            yield rows.links, table

    order = admission.order
    joined = with_events(written(), events, work=order.work, memory_bytes=order.memory_bytes)
    for table, each in joined:
        yield sheet, sheet.with_events(table, each)


def _events(runtime: Runtime, events: EventsConfig, order: Order) -> Events:
    spill = order.work / "spill-events"
    return Events(
        query=events_query(runtime, events, salt=order.query.salt, spill=spill),
        at=events.at,
        columns=events.columns,
        most=events.most,
        since=events.since,
    )


def _advance(runtime: Runtime) -> Callable[[int], None]:
    def advance(rows: int) -> None:
        runtime.stop.check()
        runtime.progress.advance(rows)

    return advance
