"""A file that did not change is not read again, and nobody can tell the difference."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from audsync.domain import SyncStatus
from audsync.objects.bucket import Stored
from audsync.segments import proof
from audsync.segments.contract import FileQuery
from audsync.segments.fetching import find_objects
from audsync.segments.listing import SourceFile
from tests.object_store import s3_place, s3_yaml
from tests.services.test_platforms import CASES, Person, Shop, crowd, written

_OF_THE_RUN = {"job_id", "started_at", "completed_at", "created_at", "retry_of"}
_FORMATS = ("csv", "parquet", "jsonl")


class Counted:
    """How often a source was read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        self.count_with(monkeypatch)

    def count_with(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from audsync.sync import desired

        original = desired._prepared  # noqa: SLF001 - the one place where rows are read

        def read(*given: Any) -> Any:  # noqa: ANN401 - whatever it takes and gives
            self.times += 1
            return original(*given)

        monkeypatch.setattr(desired, "_prepared", read)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(CASES["meta"], tmp_path)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


def configure(shop: Shop, before: str, after: str) -> None:
    file = shop.folder / "audsync.yaml"
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")
    shop.restart()


def told(job: dict[str, Any]) -> dict[str, Any]:
    """A job without what is its own."""
    return {key: value for key, value in job.items() if key not in _OF_THE_RUN}


def hostile() -> list[tuple[str, str, str]]:
    """People some of whom cannot be sent, come twice, or agree with none of their rows."""
    people = crowd(1, 9)
    return [*people, people[2], ("", "nobody@example.com", ""), ("77", "n/a", "12"), ("78", "", "")]


@pytest.mark.parametrize("form", _FORMATS)
def test_a_job_that_read_nothing_says_what_one_that_read_it_all_says(
    shop: Shop, read: Counted, form: str
) -> None:
    import duckdb

    written(shop, hostile())
    if form != "csv":
        target = shop.folder / f"vip.{form}"
        ways = "(format json)" if form == "jsonl" else "(format parquet)"
        source = f"read_csv('{shop.folder / 'vip.csv'}', all_varchar = true)"
        duckdb.execute(f"copy (from {source}) to '{target}' {ways}")
        configure(shop, "path: vip.csv", f"path: vip.{form}")
    shop.create()
    assert read.times == 1
    recognised = shop.sync()
    assert read.times == 1, "the same file was read again"
    os.utime(shop.folder / f"vip.{form}")  # written anew, the same: its bytes count
    assert told(shop.sync().job) == told(recognised.job)
    assert read.times == 1
    path = shop.folder / f"vip.{form}"
    renamed = path.with_name(f"other.{form}")
    path.rename(renamed)
    configure(shop, f"path: vip.{form}", f"path: other.{form}")
    whole = shop.sync()
    assert read.times == 2, "a file of another name is another file"
    assert told(whole.job) == told(recognised.job)
    assert whole.job["status"] == SyncStatus.COMPLETED
    assert whole.job["total_batches"] == 0


def test_other_bytes_of_the_same_length_and_time_are_read(shop: Shop, read: Counted) -> None:
    written(shop, crowd(1, 9))
    shop.create()
    path = shop.folder / "vip.csv"
    was = path.stat()
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("p3@example", "q3@example"), encoding="utf-8")
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert path.stat().st_size == was.st_size
    shop.people = [(i, e.replace("p3@", "q3@"), p) for i, e, p in shop.people]
    shop.sync()
    assert read.times == 2
    assert shop.is_exact()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("columns:", "region: GB\n    columns:"),
        ("phone: phone", "phone: [phone, email]"),
        ("path: vip.csv", "path: vip.csv, encoding: latin-1"),
        ("columns:", "holdout: {percent: 50, name: q4}\n    columns:"),
        ("columns:", "where: id <> '4'\n    columns:"),
        ("segments:", "suppress: [{type: file, path: out.csv, columns: {email: e}}]\nsegments:"),
    ],
    ids=["region", "mapping", "encoding", "holdout", "where", "suppression"],
)
def test_where_it_would_be_read_in_another_way_it_is_read(
    shop: Shop, read: Counted, before: str, after: str
) -> None:
    written(shop, crowd(1, 9))
    shop.create()
    (shop.folder / "out.csv").write_text("e\np5@example.com\n", encoding="utf-8")
    configure(shop, before, after)
    shop.sync(allow_shrink=True)
    assert read.times == 2


@pytest.mark.parametrize(
    "wish",
    [
        "where: id <> '4'\n    columns:",
        "holdout: {percent: 50, name: q4}\n    columns:",
    ],
    ids=["a condition may ask for the day", "a draw is a part of the rules"],
)
def test_what_depends_on_the_day_is_read_each_time(shop: Shop, read: Counted, wish: str) -> None:
    configure(shop, "columns:", wish)
    written(shop, crowd(1, 9))
    shop.create()
    shop.sync()
    assert read.times == (2 if "where" in wish else 1)


def test_a_file_that_is_too_old_is_refused_all_the_same(shop: Shop, read: Counted) -> None:
    configure(shop, "path: vip.csv", "path: vip.csv, max_age: 2h")
    written(shop, crowd(1, 9))
    path = shop.folder / "vip.csv"
    at = shop.clock.now().timestamp()
    os.utime(path, (at, at))
    shop.create()
    assert shop.sync().exit_code == 0
    shop.clock.advance(3 * 3600)
    report = shop.sync()
    assert report.job["status"] == SyncStatus.FAILED
    assert report.job["error"]["code"] == "SOURCE_ERROR"
    assert read.times == 1


def test_after_a_partial_sync_it_is_read_and_the_next_one_knows_it(
    shop: Shop, read: Counted
) -> None:
    from audsync.sandbox.faults import FaultKind, Rule

    written(shop, crowd(1, 9))
    shop.create()
    written(shop, crowd(3, 12))
    shop.world.faults.arm([Rule(kind=FaultKind.RESET, path="/users", nth=2, times=0)])
    assert shop.sync().exit_code != 0
    shop.world.faults.disarm()
    shop.until_done(shop.sync)
    assert shop.is_exact()
    before = read.times
    shop.sync()
    shop.sync()
    assert read.times == before
    assert shop.is_exact()


def test_a_file_that_comes_while_the_others_are_looked_at_is_for_the_next_run(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shop.folder / "people"
    folder.mkdir()
    later = folder / "2.csv"

    def written_to(file: Path, people: list[tuple[str, str, str]]) -> None:
        rows = [f"{number},{email},+{phone}" for number, email, phone in people]
        file.write_text("\n".join(["id,email,phone", *rows, ""]), encoding="utf-8")

    def hashed(file: SourceFile) -> str:
        found = original(file)
        written_to(later, crowd(50, 60))
        return found

    original = proof._sha256  # noqa: SLF001 - the moment in which a file comes
    configure(shop, "path: vip.csv", "path: people")
    shop.people = crowd(1, 9)
    written_to(folder / "1.csv", shop.people)
    shop.create()
    shop.people = crowd(1, 12)
    written_to(folder / "1.csv", shop.people)
    monkeypatch.setattr(proof, "_sha256", hashed)
    assert shop.sync().exit_code == 0
    assert later.exists()
    monkeypatch.undo()
    later.unlink()
    assert shop.sync().exit_code == 0
    assert shop.is_exact()
    written_to(later, crowd(50, 60))
    shop.people = [*crowd(1, 12), *crowd(50, 60)]
    assert shop.sync().exit_code == 0
    assert shop.is_exact()


def test_a_file_that_is_replaced_after_its_bytes_were_looked_at_is_read_as_it_stands(
    shop: Shop, read: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(shop, crowd(1, 9))
    shop.create()

    def hashed(file: SourceFile) -> str:
        found = original(file)
        written(shop, crowd(1, 12))
        return found

    original = proof._sha256  # noqa: SLF001 - the moment in which the file is replaced
    monkeypatch.setattr(proof, "_sha256", hashed)
    assert shop.sync().exit_code == 0
    assert shop.is_exact()
    monkeypatch.setattr(proof, "_sha256", original)
    shop.sync()
    assert read.times == 3, "of what was not looked at nothing is proved"
    shop.sync()
    assert read.times == 3


class Objects:
    """A segment of objects in a bucket, written as files are."""

    def __init__(self, shop: Shop, path: str) -> None:
        self._shop = shop
        self.place = s3_place()
        file = shop.folder / "audsync.yaml"
        text = file.read_text(encoding="utf-8")
        source = f"path: '{self.place.address.at(path)}'"
        file.write_text(text.replace("path: vip.csv", source) + s3_yaml(), encoding="utf-8")
        shop.restart()

    def put(self, key: str, people: Sequence[Person]) -> None:
        written(self._shop, people)
        self.place.put(key, (self._shop.folder / "vip.csv").read_bytes())


def test_objects_in_the_same_state_are_not_fetched_again(shop: Shop, read: Counted) -> None:
    objects = Objects(shop, "in/*.csv")
    objects.put("in/1.csv", crowd(1, 9))
    shop.create()
    first = shop.sync()
    assert read.times == 1, "the same object was read again"
    assert told(shop.sync().job) == told(first.job)
    assert first.job["total_batches"] == 0
    objects.put("in/2.csv", crowd(50, 60))
    shop.people = [*crowd(1, 9), *crowd(50, 60)]
    shop.sync()
    assert read.times == 2
    assert shop.is_exact()
    objects.place.bucket().delete("in/2.csv")
    shop.people = crowd(1, 9)
    shop.sync(allow_shrink=True)
    assert read.times == 3
    assert shop.is_exact()


def test_an_object_of_other_bytes_and_the_same_length_is_read(shop: Shop, read: Counted) -> None:
    objects = Objects(shop, "vip.csv")
    objects.put("vip.csv", crowd(1, 9))
    shop.create()
    others = [(i, e.replace("p3@", "q3@"), p) for i, e, p in crowd(1, 9)]
    objects.put("vip.csv", others)
    shop.sync()
    assert read.times == 2
    assert shop.is_exact()


def test_of_a_store_that_does_not_name_states_objects_are_read_each_time(
    shop: Shop, read: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = Objects(shop, "vip.csv")
    objects.put("vip.csv", crowd(1, 9))
    monkeypatch.setattr(Stored, "has_strong_etag", False)
    shop.create()
    shop.sync()
    assert read.times == 2
    assert shop.is_exact()


def test_an_object_that_is_replaced_after_it_was_looked_at_is_read_as_it_stands(
    shop: Shop, read: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = Objects(shop, "vip.csv")
    objects.put("vip.csv", crowd(1, 9))
    shop.create()

    def looked_at(query: FileQuery) -> tuple[Stored, ...]:
        found = find_objects(query)
        monkeypatch.undo()
        read.count_with(monkeypatch)
        objects.put("vip.csv", crowd(1, 12))
        return found

    monkeypatch.setattr(proof, "find_objects", looked_at)
    assert shop.sync().exit_code == 0
    assert shop.is_exact()
    shop.sync()
    assert read.times == 3, "of what was not looked at nothing is proved"
    shop.sync()
    assert read.times == 3
