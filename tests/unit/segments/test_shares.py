"""A reading in pieces has the rows of the whole, in their order, whoever reads them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audsync.errors import SourceError
from audsync.segments import files
from audsync.segments.contract import FileQuery
from audsync.segments.files import read, read_share, shares

Ask = Callable[..., FileQuery]
Write = Callable[..., Path]
Rows = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SHARE_ROWS", 10)


def _people(count: int, first: int = 0) -> Rows:
    return [{"id": str(n), "email": f"e{n}@x.org", "n": n} for n in range(first, first + count)]


def _both(query: FileQuery, tmp_path: Path) -> tuple[Rows, list[Rows]]:
    whole = [row for batch in read(query) for row in batch.to_pylist()]
    pieces = [
        [row for batch in read_share(one, spill=tmp_path / "there") for row in batch.to_pylist()]
        for one in shares(query)
    ]
    return whole, pieces


@pytest.mark.parametrize(("rows", "pieces"), [(0, 1), (1, 1), (10, 1), (11, 2), (20, 2), (95, 10)])
def test_a_parquet_file_is_cut_into_ranges_of_rows(
    rows: int, pieces: int, tmp_path: Path, ask: Ask
) -> None:
    kinds = {"id": pa.string(), "email": pa.string(), "n": pa.int64()}
    table = pa.Table.from_pylist(_people(rows), schema=pa.schema(kinds.items()))
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=7)
    whole, found = _both(ask(tmp_path / "a.parquet"), tmp_path)
    assert [len(each) for each in found] == [10] * (pieces - 1) + [rows - 10 * (pieces - 1)]
    assert [row for each in found for row in each] == whole
    assert len(whole) == rows


def test_a_condition_and_traits_hold_in_every_piece(tmp_path: Path, ask: Ask, write: Write) -> None:
    path = write(tmp_path / "in" / "a.parquet", _people(35))
    write(tmp_path / "in" / "b.parquet", _people(15, first=100))
    query = ask(path.parent, where="n % 3 = 1", traits=("n",))
    whole, found = _both(query, tmp_path)
    assert len(found) == 4 + 2
    assert [row for each in found for row in each] == whole
    assert [row["trait.n"] for row in whole[:3]] == [1, 4, 7]


def test_values_of_lists_and_structs_stay_with_their_rows(tmp_path: Path, ask: Ask) -> None:
    people = [
        {"id": str(n), "contact": {"email": [f"a{n}@x.org", f"b{n}@x.org"][: n % 3]}}
        for n in range(25)
    ]
    pq.write_table(pa.Table.from_pylist(people), tmp_path / "a.parquet", row_group_size=4)
    columns = {"profile_id": ("id",), "email": ("contact.email",)}
    whole, found = _both(ask(tmp_path / "a.parquet", columns=columns), tmp_path)
    assert len(found) == 3
    assert [row for each in found for row in each] == whole
    assert whole[5]["email.1"] == "b5@x.org"


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_files_of_text_are_pieces_as_they_are(
    ending: str, tmp_path: Path, ask: Ask, write: Write
) -> None:
    path = write(tmp_path / "in" / f"a{ending}", _people(30))
    write(tmp_path / "in" / f"b{ending}", _people(5))
    whole, found = _both(ask(path.parent), tmp_path)
    assert [len(each) for each in found] == [30, 5]
    assert [row for each in found for row in each] == whole


def test_a_column_of_the_name_that_rows_are_numbered_by_is_data(tmp_path: Path, ask: Ask) -> None:
    people = [{**one, "File_Row_Number": "3"} for one in _people(30)]
    pq.write_table(pa.Table.from_pylist(people), tmp_path / "a.parquet")
    query = ask(tmp_path / "a.parquet", columns={"profile_id": ("id",), "email": ("email",)})
    whole, found = _both(query, tmp_path)
    assert [row for each in found for row in each] == whole
    assert len(found) == 1


def test_a_file_that_was_replaced_is_no_piece_of_the_reading(tmp_path: Path, ask: Ask) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(_people(25)), path)
    first, *_ = shares(ask(path))
    pq.write_table(pa.Table.from_pylist(_people(26)), path)
    with pytest.raises(SourceError, match="not the file that was found"):
        list(read_share(first, spill=tmp_path / "there"))
