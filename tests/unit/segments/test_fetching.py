"""Objects are a source like files: the same rows, the same refusals, and nothing left behind."""

import errno
import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audsync.errors import SourceError
from audsync.objects.address import address_of
from audsync.objects.bucket import Bucket, Stored
from audsync.segments import fetching
from audsync.segments.reading import columns_of, look, read
from tests.object_store import Place, s3_place
from tests.unit.segments.conftest import Ask

ZSTD = pa.Codec("zstd").compress
Take = Callable[..., list[dict[str, Any]]]
Refuse = Callable[..., SourceError]


@pytest.fixture
def place() -> Place:
    return s3_place()


@pytest.fixture(params=["nameless", "named"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies without a name as on Linux, and with one as elsewhere or where they are many."""
    if request.param == "named":
        monkeypatch.setattr(fetching, "_MOST_NAMELESS", 0)


def csv(*ids: str) -> bytes:
    return b"id,email\n" + "".join(f"{each},{each}@x.com\n" for each in ids).encode()


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["profile_id"] for row in rows]


def parquet(*ids: str) -> bytes:
    sink = pa.BufferOutputStream()
    emails = [f"{each}@x.com" for each in ids]
    pq.write_table(pa.table({"id": list(ids), "email": emails}), sink)
    return bytes(sink.getvalue())


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", csv("1", "2")),
        ("x.csv.gz", gzip.compress(csv("1", "2"))),
        ("x.jsonl.zst", ZSTD(b'{"id":"1","email":"a@x.com"}\n{"id":2}', asbytes=True)),
        ("x.json", b'[{"id":"1","email":"a@x.com"},{"id":"2"}]'),
        ("x.parquet", parquet("1", "2")),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_every_format_is_read_as_from_a_file(
    name: str, content: bytes, place: Place, take: Take, ask: Ask
) -> None:
    path = place.put(f"in/{name}", content)
    assert ids(take(path, access=place.access)) == ["1", "2"]
    query = ask(path, access=place.access)
    assert columns_of(query) == ["id", "email"]
    assert look(query) == f"{path}: 1 file, 2 columns"
    assert not list(query.spill.iterdir()), "nothing is left of the copies"


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        ("in", ["1", "2", "3", "6"]),
        ("in/", ["1", "2", "3", "6"]),
        ("in/*.csv", ["1", "2"]),
        ("in/a-?.csv", ["1", "2"]),
        ("in/a-[1].csv", ["1"]),
        ("in/**/*.csv", ["1", "2", "3", "6"]),
        ("*/deep", ["3", "6"]),
        ("in/_hidden", ["4"]),
        ("in/_*/4.csv", ["4"]),
        ("in/[odd].csv", ["5"]),
    ],
)
def test_folders_and_globs_of_keys_are_those_of_files(
    pattern: str, taken: list[str], place: Place, take: Take
) -> None:
    keys = {
        "in/a-1.csv": "1",
        "in/a-2.csv": "2",
        "in/deep/3.csv": "3",
        "in/_hidden/4.csv": "4",
        "in/_SUCCESS": "no",
        "in/deep/er/6.csv": "6",
        "input.csv": "no",
    }
    if "odd" in pattern:
        keys["in/[odd].csv"] = "5"
    for key, each in keys.items():
        place.put(key, csv(each))
    path = str(place.address.at(pattern))
    assert ids(take(path, access=place.access)) == taken


def test_what_cannot_be_placed_is_refused(place: Place, refuse: Refuse) -> None:
    def words(pattern: str) -> str:
        return refuse(str(place.address.at(pattern)), access=place.access).message

    place.put("in/a.csv", csv("1"))
    place.put("mix/a.csv", csv("1"))
    place.put("mix/b.jsonl", b"")
    place.put("delta/a.parquet", parquet("1"))
    place.put("delta/_delta_log/0.json", b"{}")
    place.put("empty.csv", b"")
    place.put("short.csv", b"id\n1\n")
    assert "matches no object" in words("nothing")
    assert "matches no object" in words("in/*.jsonl")
    assert f"mixes formats: {place.address.at('mix/a.csv')} (csv)" in words("mix")
    assert "delta is a Delta table" in words("delta")
    assert f"{place.address.at('empty.csv')} is empty (0 bytes)" in words("empty.csv")
    assert f"{place.address.at('short.csv')} has no column `email`" in words("short.csv")
    nowhere = refuse("s3://no-such-bucket/x/*.csv", access=place.access)
    assert "there is no s3://no-such-bucket" in nowhere.message


def test_damage_is_told_with_the_objects_name(place: Place, refuse: Refuse) -> None:
    path = place.put("in/x.csv", b'id,email\n1,SECRET@x.com\n2,"torn\n')
    assert f"{path}, line 3" in refuse(path, access=place.access).message


def test_the_newest_object_says_how_old_the_export_is(
    place: Place, take: Take, refuse: Refuse
) -> None:
    path = place.put("in/x.csv", csv("1"))
    now = datetime.now(UTC)
    assert take(path, access=place.access, not_before=now - timedelta(hours=1))
    error = refuse(path, access=place.access, not_before=now + timedelta(hours=1))
    assert f"{path} was written at" in error.message


def test_an_object_that_changes_before_it_is_fetched_is_refused(
    place: Place, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place.put("in/x.csv", csv("1"))
    fetch = Bucket.fetch

    def late(bucket: Bucket, wanted: Stored, target: Any) -> None:  # noqa: ANN401 - as in Bucket
        place.put("in/x.csv", csv("2"))
        fetch(bucket, wanted, target)

    monkeypatch.setattr(Bucket, "fetch", late)
    assert f"{path} was changed while it was read" in refuse(path, access=place.access).message


@pytest.mark.usefixtures("either_way")
def test_while_it_is_read_only_the_owner_could_read_the_copy(place: Place, ask: Ask) -> None:
    path = place.put("in/x.csv", csv(*map(str, range(5000))))
    query = ask(path, access=place.access, batch_rows=100)
    batches = read(query)
    next(batches)
    left = list(query.spill.glob("object-*"))
    is_nameless = fetching._MOST_NAMELESS > 0  # noqa: SLF001 - what the fixture has set
    assert len(left) == (0 if is_nameless else 1)
    assert all(file.stat().st_mode & 0o077 == 0 for file in left)
    batches.close()
    del batches
    assert not list(query.spill.glob("object-*"))


def test_a_full_disk_is_told(place: Place, refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = place.put("in/x.csv", csv("1"))
    monkeypatch.setattr(Bucket, "fetch", full)
    error = refuse(path, access=place.access)
    assert "No space left on device; make room there" in error.message


def test_of_many_objects_only_one_is_fetched_for_a_look(
    place: Place, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        place.put(f"in/{number}.csv", csv("1"))
    fetched = []
    fetch = Bucket.fetch

    def counted(bucket: Bucket, wanted: Stored, target: Any) -> None:  # noqa: ANN401 - as in Bucket
        fetched.append(wanted.address.key)
        fetch(bucket, wanted, target)

    monkeypatch.setattr(Bucket, "fetch", counted)
    path = str(place.address.at("in"))
    assert look(ask(path, access=place.access)) == f"{path}: 5 files, 2 columns"
    assert fetched == ["in/0.csv"]
    assert address_of(path) == place.address.at("in")


def test_no_descriptor_is_left_open(place: Place, take: Take) -> None:
    path = place.put("in/x.csv", csv("1"))
    take(path, access=place.access)
    before = len(list(Path("/proc/self/fd").iterdir())) if fetching._DESCRIPTORS.is_dir() else 0  # noqa: SLF001
    for _ in range(20):
        take(path, access=place.access)
    after = len(list(Path("/proc/self/fd").iterdir())) if before else 0
    assert after <= before + 2
