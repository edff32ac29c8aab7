"""A segment that is built upon an older one is the one that is read from scratch."""

import csv
import os
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest

from audsync.domain import Platform
from audsync.errors import SourceError
from audsync.identifiers.kernel import PrepareSpec
from audsync.segments.contract import FileQuery
from audsync.snapshots.folder import SPILL, AudienceFolder
from audsync.sync import desired
from audsync.sync.contract import Cache, Desired, StateFiles
from audsync.sync.desired import prepare_segment
from audsync.sync.tables import duck, layers
from audsync.sync.tables.layers import NEXT, Layers
from audsync.sync.wanted.known import ROWS
from audsync.sync.wanted.parts import Reading

LIVES = int(os.environ.get("AUDSYNC_LIVES", "60")) // 15
_ROWS = 80
_DAYS = 5
_CONSENT = ["yes", "yes", "yes", "yes", "no"]
Row = tuple[str, str, str, str]
"""Profile id, e-mail, phone, consent."""
Line = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one segment is read."""

    root: Path
    folder: AudienceFolder
    memory_bytes: int = 200 << 20

    def prepare(
        self,
        rows: list[Row],
        opted_out: list[str],
        cache: Cache | None,
        watch: Callable[[int], None] = lambda _rows: None,
    ) -> Desired:
        _write(self.root / "people.csv", ["id", "email", "phone", "consent"], rows)
        listed_too = "stranger@example.com"  # a list without one good value would be refused
        _write(self.root / "out.csv", ["email"], [(each,) for each in (listed_too, *opted_out)])
        work = self.folder.open_work()
        columns = {name: (name,) for name in ("email", "phone", "consent")}
        query = FileQuery(
            path=str(self.root / "people.csv"),
            format="csv",
            columns={"profile_id": ("id",), **columns},
            where=None,
            traits=(),
            salt="salt",
            memory_bytes=200 << 20,
            spill=work / SPILL,
            batch_rows=7,
        )
        listed = replace(query, path=str(self.root / "out.csv"), columns={"email": ("email",)})
        reading = Reading(
            query=query,
            suppress=[listed] if opted_out else [],
            spec=PrepareSpec(platform=Platform.META, region="US"),
            salt="salt",
            folder=self.folder,
            work=work,
            memory_bytes=self.memory_bytes,
            advance=watch,
        )
        return prepare_segment(reading, cache)

    def layers(self, desired: Desired) -> Layers:
        paths = {role: self.folder.path(name) for role, name in _wanting(desired).items()}
        found = Layers.of(paths, NEXT)
        assert found is not None
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(root=tmp_path, folder=AudienceFolder(tmp_path / "state", "a"))


def _write(path: Path, header: list[str], rows: list[Row] | list[tuple[str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def _wanting(desired: Desired) -> dict[str, str]:
    return StateFiles(
        next_identifiers=desired.identifiers,
        next_rows=desired.rows,
        next_outdated=desired.patch.outdated,
        next_later_identifiers=desired.patch.later_identifiers,
        next_later_rows=desired.patch.later_rows,
    ).as_dict()


def _confirmed(desired: Desired) -> Cache:
    names = {role.removeprefix(NEXT): name for role, name in _wanting(desired).items()}
    return Cache(files=StateFiles.of(names), source=desired.source)


def _open(desired: Desired) -> Cache:
    return Cache(files=StateFiles.of(_wanting(desired)), source=desired.source)


def _identifiers(found: Layers) -> list[Line]:
    with duck.session(found.identifiers.parent / "work", memory_bytes=0) as con:
        return con.execute(f"select * from {layers.identifiers(con, found)}").fetchall()


def _rows(found: Layers) -> Counter[Line]:
    with duck.session(found.identifiers.parent / "work", memory_bytes=0) as con:
        rows = con.execute(f"select * from {layers.rows(con, found)}").fetchall()
    same = [batch.to_pylist() for batch in found.row_batches(ROWS.names)]
    assert Counter(rows) == Counter(tuple(row.values()) for some in same for row in some)
    return Counter(rows)


def _somebody(random: Random) -> Row:
    number = random.randrange(10_000)
    phone = f"+1202555{random.randrange(10_000):04}" if random.random() < 0.5 else ""
    email = f"p{number}@example.com" if random.random() < 0.9 else "nobody"
    return f"P{random.randrange(2_000)}", email, phone, random.choice(_CONSENT)


def _next_day(random: Random, rows: list[Row]) -> list[Row]:
    """Some leave, come, change, get a second row, or are in the file twice."""
    rows = list(rows)
    for _ in range(random.choice((0, 1, 2, 3, 20))):
        at = random.randrange(len(rows))
        chance = random.random()
        if chance < 0.2:
            del rows[at]
        elif chance < 0.5:
            rows.append(_somebody(random))
        elif chance < 0.75:
            rows[at] = (rows[at][0], *_somebody(random)[1:])
        elif chance < 0.9:
            rows.append((rows[at][0], *_somebody(random)[1:]))
        else:
            rows.append(rows[at])
    random.shuffle(rows)
    return rows


def _compare(place: Place, built: Desired, scratch: Desired) -> None:
    mine, its = place.layers(built), place.layers(scratch)
    assert built.counts == scratch.counts
    assert Counter(_identifiers(mine)) == Counter(_identifiers(its))
    assert _rows(mine) == _rows(its)
    together = [profile for profile, _ in groupby(line[0] for line in _identifiers(mine))]
    assert len(together) == len(set(together)), "a profile's lines stand together"


def _of_profiles(lines: list[Line]) -> dict[object, set[Line]]:
    found: dict[object, set[Line]] = defaultdict(set)
    for line in lines:
        found[line[0]].add(line)
    return found


def _assert_is_touched(place: Place, old: Desired, new: Desired) -> None:
    if new.touched is None:
        return
    touched = set(pq.read_table(place.folder.path(new.touched))["profile"].to_pylist())
    before = _of_profiles(_identifiers(place.layers(old)))
    after = _of_profiles(_identifiers(place.layers(new)))
    changed = {one for one in before.keys() | after.keys() if before.get(one) != after.get(one)}
    assert changed <= touched


@pytest.mark.parametrize("seed", range(LIVES))
def test_what_is_built_upon_old_files_is_what_is_read_from_scratch(place: Place, seed: int) -> None:
    _live(place, Random(seed), lists_people=seed % 2 == 1)


@pytest.mark.parametrize("seed", range(LIVES))
def test_where_memory_is_too_small_the_same_comes_of_a_file(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few rows are looked up at a time, and more than ten that changed are too many."""
    monkeypatch.setattr(desired, "BYTES_A_ROW", 1_000)
    place = Place(root=tmp_path, folder=AudienceFolder(tmp_path / "state", "a"), memory_bytes=800)
    _live(place, Random(seed), lists_people=seed % 2 == 1)


def _live(place: Place, random: Random, *, lists_people: bool) -> None:
    rows = [_somebody(random) for _ in range(_ROWS)]
    old = place.prepare(rows, [], None)
    for _ in range(_DAYS):
        rows = _next_day(random, rows) if random.random() < 0.8 else rows
        out = [row[1] for row in rows if random.random() < 0.02] if lists_people else []
        is_open = random.random() < 0.3
        cache = _open(old) if is_open else _confirmed(old)
        built = place.prepare(rows, out, cache)
        _compare(place, built, place.prepare(rows, out, None))
        assert built.touched is None or not is_open
        _assert_is_touched(place, old, built)
        old = built


def test_with_too_much_new_the_source_is_read_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desired, "BYTES_A_ROW", 1_000)
    place = Place(root=tmp_path, folder=AudienceFolder(tmp_path / "state", "a"), memory_bytes=800)
    rows: list[Row] = [(f"P{at}", f"p{at}@example.com", "", "yes") for at in range(_ROWS)]
    first = place.prepare(rows, [], None)
    for changed, expected in ((5, _ROWS), (6, 2 * _ROWS)):
        day = [(f"Q{at}", *rows[at][1:]) if at < changed else rows[at] for at in range(_ROWS)]
        told: list[int] = []
        built = place.prepare(day, [], _confirmed(first), watch=told.append)
        assert sum(told) == expected, "each of those who changed is gone and new"
        _compare(place, built, place.prepare(day, [], None))


def test_a_small_change_leaves_the_large_files_alone(place: Place) -> None:
    rows: list[Row] = [(f"P{at}", f"p{at}@example.com", "", "yes") for at in range(_ROWS)]
    first = place.prepare(rows, [], None)
    rows[5] = ("P5", "other@example.com", "", "yes")
    second = place.prepare(
        [*rows[:-1], ("P99", "new@example.com", "", "yes")], [], _confirmed(first)
    )
    assert (second.identifiers, second.rows) == (first.identifiers, first.rows)
    assert len(_identifiers(place.layers(second))) == _ROWS
    third = place.prepare(rows, [], _confirmed(second))
    assert third.identifiers == first.identifiers
    assert len(_identifiers(place.layers(third))) == _ROWS, "nobody is in two patches"
    assert third.patch != second.patch
    same = place.prepare(rows, [], _confirmed(third))
    assert same.patch == third.patch


def test_where_much_has_changed_everything_is_written_anew(place: Place) -> None:
    rows: list[Row] = [(f"P{at}", f"p{at}@example.com", "", "yes") for at in range(_ROWS)]
    old = place.prepare(rows, [], None)
    for at in range(_ROWS // 5):
        rows[at] = (f"P{at}", f"other{at}@example.com", "", "yes")
        new = place.prepare(rows, [], _confirmed(old))
        if new.identifiers != old.identifiers:
            assert new.patch == type(new.patch)()
            assert at == _ROWS // 10, "a tenth was outdated before"
            return
        old = new
    pytest.fail("the patch grew and grew")


def test_a_source_that_is_the_same_to_the_byte_is_not_read(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[Row] = [(f"P{at}", f"p{at}@example.com", "", "yes") for at in range(_ROWS)]
    first = place.prepare(rows, [], None)
    rows[3] = ("P3", "other@example.com", "", "yes")
    second = place.prepare(rows, [], _confirmed(first))
    assert second.source is not None
    _forbid_reading(monkeypatch)
    again = place.prepare(rows, [], _confirmed(second))
    assert _wanting(again) == _wanting(second)
    assert (again.counts, again.source) == (second.counts, second.source)


def test_of_files_that_are_not_confirmed_a_source_is_read_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[Row] = [("P1", "p1@example.com", "", "yes")]
    first = place.prepare(rows, [], None)
    _forbid_reading(monkeypatch)
    for cache in (_open(first), Cache(files=_confirmed(first).files), None):
        with pytest.raises(_ReadError):
            place.prepare(rows, [], cache)


def test_a_list_of_people_who_are_never_sent_is_read_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[Row] = [("P1", "p1@example.com", "", "yes")]
    first = place.prepare(rows, [], None)
    _forbid_reading(monkeypatch)
    with pytest.raises(_ReadError):
        place.prepare(rows, ["p1@example.com"], _confirmed(first))


def test_a_source_that_is_replaced_while_it_is_read_proves_nothing(place: Place) -> None:
    rows: list[Row] = [("P1", "p1@example.com", "", "yes")]
    path = place.root / "people.csv"

    def replace_it(_rows: int) -> None:
        text = path.read_bytes()
        path.unlink()
        path.write_bytes(text)

    with pytest.raises(SourceError, match="changed"):
        place.prepare(rows, [], None, watch=replace_it)


class _ReadError(Exception):
    """Somebody reads."""


def _forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object) -> None:
        raise _ReadError

    monkeypatch.setattr("audsync.sync.desired._prepared", read)
