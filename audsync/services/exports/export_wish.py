"""What a person asks of `export`, and which kinds of value and files that comes to. No I/O."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from audsync.config.model import ColumnsConfig, SegmentConfig
from audsync.domain import IDENTIFIERS, Kind, Platform
from audsync.errors import UsageError
from audsync.identifiers.rules import COLUMN_KINDS
from audsync.sync.exports.pages import PAGES
from audsync.sync.exports.sheets import Choice, PlainSheet, Sheet
from audsync.sync.exports.uploads import sheets
from audsync.sync.wanted.inspection import is_taken

_KINDS = {kind.label: kind for kind in COLUMN_KINDS}
_DEFAULT = (Kind.EMAIL, Kind.PHONE)
_CSV = "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person asked for."""

    segment: str
    out: str
    """A path; `-` for stdout."""
    format: str
    """csv, json, jsonl or parquet."""
    identifiers: tuple[str, ...] | None = None
    """Types; None: what the upload page takes, else email and phone where they are mapped, else
    whatever identifies."""
    is_hashed: bool = True
    platform: Platform | None = None
    """Whose form; None: Meta's, and a hash also where Meta takes the value raw."""
    with_traits: bool = True
    with_events: bool = False
    is_excel_safe: bool = False
    lasts_s: int | None = None
    """How long the URL of an object is to work; None: as long as usual."""
    is_of_holdout: bool = False
    """Those who are held out of every platform, and nobody else."""

    @property
    def page(self) -> Platform | None:
        """Whose upload page the files are for."""
        return self.platform if self.format == _CSV else None


def files_of(segment: SegmentConfig, mapping: ColumnsConfig, wish: Wish) -> list[Sheet]:
    """The kinds of file that the wish comes to; `mapping`: what the segment's columns hold.

    Raises:
        UsageError: the segment has no such identifiers or events, the page takes none, or it is to
            get people who are kept out.
    """
    _check_events(segment, wish)
    if wish.is_of_holdout and wish.page is not None:
        raise UsageError(
            f"--holdout writes people who are kept out of every platform, and --for {wish.page}"
            " with CSV makes a file for its upload page: leave one of them out.",
            details={"option": "--holdout"},
        )
    columns = mapping.by_kind
    kinds = {kind: len(columns[kind]) for kind in kinds_of(mapping, wish)}
    if wish.page is not None:
        return sheets(wish.page, kinds, is_hashed=wish.is_hashed)
    choice = Choice(
        kinds=kinds,
        traits=segment.traits if wish.with_traits else (),
        is_hashed=wish.is_hashed,
        is_sent_form=wish.platform is not None,
        has_events=wish.with_events,
        has_lists=wish.format != _CSV,
    )
    return [PlainSheet(choice)]


def left_out_of(mapping: ColumnsConfig, wish: Wish) -> str:
    """Which mapped kinds the page would take, were others mapped too, in words; "" where none."""
    if wish.page is None or wish.identifiers is not None:
        return ""
    mapped = mapping.by_kind
    lonely = _lonely(wish.page, mapped)
    if not lonely:
        return ""
    missing = PAGES[wish.page].together.difference(mapped)
    return (
        f"{_taker(wish)} takes {_labels(_ordered(lonely))} only together with"
        f" {_labels(_ordered(missing))}, which the segment does not map: left out."
    )


def kinds_of(mapping: ColumnsConfig, wish: Wish) -> list[Kind]:
    """The kinds to write.

    Raises:
        UsageError: one is not mapped, or the platform or its page does not take it.
    """
    columns = mapping.by_kind
    mapped = {kind: columns[kind] for kind in COLUMN_KINDS if kind in columns}
    if wish.identifiers is None:
        kinds = _unsaid(mapped, wish)
    else:
        kinds = _said(mapped, wish.identifiers)
        for kind in kinds:
            if not _is_taken(wish, kind):
                raise UsageError(
                    f"{_taker(wish)} does not take {kind.label}: leave it out of --identifiers.",
                    details={"option": "--identifiers"},
                )
    if wish.page is None:
        return kinds
    if lonely := _lonely(wish.page, kinds):
        raise UsageError(
            f"{_taker(wish)} takes {_labels(_ordered(PAGES[wish.page].together))} together or not"
            f" at all: leave {_labels(_ordered(lonely))} out of --identifiers, or name all.",
            details={"option": "--identifiers"},
        )
    if not any(kind.is_identifier for kind in kinds):
        raise UsageError(
            f"{_taker(wish)} needs an identifier; the segment maps"
            f" {_labels(kind for kind in mapped if kind.is_identifier)}.",
            details={"option": "--identifiers"},
        )
    return kinds


def _unsaid(mapped: Mapping[Kind, Sequence[str]], wish: Wish) -> list[Kind]:
    if wish.page is not None:
        useless = _lonely(wish.page, mapped)
        return [kind for kind in mapped if _is_taken(wish, kind) and kind not in useless]
    kinds = [kind for kind in _DEFAULT if kind in mapped]
    kinds = kinds or [kind for kind in IDENTIFIERS if kind in mapped]
    return [kind for kind in kinds if _is_taken(wish, kind)]


def _lonely(page: Platform, kinds: Collection[Kind]) -> frozenset[Kind]:
    """Kinds that the page takes only together with others which are not there."""
    together = PAGES[page].together
    return frozenset() if together.issubset(kinds) else together.intersection(kinds)


def _said(mapped: Mapping[Kind, Sequence[str]], identifiers: Sequence[str]) -> list[Kind]:
    names = dict.fromkeys(name.strip() for name in identifiers)
    kinds = [_KINDS[name] for name in names if name in _KINDS]
    if len(kinds) < len(names) or any(kind not in mapped for kind in kinds):
        raise UsageError(
            f"--identifiers names a type that the segment does not map. It maps {_labels(mapped)}.",
            details={"option": "--identifiers"},
        )
    return kinds


def _is_taken(wish: Wish, kind: Kind) -> bool:
    if wish.page is not None:
        return kind in PAGES[wish.page].columns
    return wish.platform is None or is_taken(wish.platform, kind)


def _taker(wish: Wish) -> str:
    return f"The upload page of {wish.page}" if wish.page else str(wish.platform)


def _labels(kinds: Iterable[Kind]) -> str:
    return ", ".join(kind.label for kind in kinds)


def _ordered(kinds: Iterable[Kind]) -> list[Kind]:
    return sorted(kinds, key=COLUMN_KINDS.index)


def _check_events(segment: SegmentConfig, wish: Wish) -> None:
    """Make sure that the events that are asked for can be written.

    Raises:
        UsageError: they cannot.
    """
    if not wish.with_events:
        return
    if segment.events is None:
        raise UsageError(
            f"The segment {wish.segment} has no `events`: say in the file where they are, or leave"
            " --events out.",
            details={"option": "--events"},
        )
    if wish.page is not None:
        raise UsageError(
            f"{_taker(wish)} takes no events: leave --events out.", details={"option": "--events"}
        )
