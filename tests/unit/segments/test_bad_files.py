"""Every bad source is an error that says file, place and remedy, and shows no cell."""

import gzip
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from audsync.errors import SourceError
from audsync.segments.contract import FileQuery
from audsync.segments.diagnosis import explain

Refuse = Callable[..., SourceError]
Write = Callable[..., Path]
LINES = "".join(f"{row},SECRET{row}\n" for row in range(3_000))
RECORDS = "".join(f'{{"id": {row}, "email": "SECRET{row}"}}\n' for row in range(3_000))
LONG = "SECRET" * 2_000_000


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        (f"id,email\n{LINES}7\n{LINES}", "line 3002", "1 cells where the header has 2"),
        (f"id,email\n{LINES}7,SECRET,x\n", "line 3002", "3 cells where the header has 2"),
        (f"id,email\n{LINES}7", "line 3002", "1 cells"),
        (f'id,email\n{LINES}7,"SECRET\n', "line 3002", "quote that is never closed"),
        (f'id,email\n7,"SECRET\n{LINES}', "line 2", "quote that is never closed"),
        (f'id,email\n"a\nb",c\n7,"SECRET"x\n{LINES}', "line 4", "inside a quoted cell"),
        (f"id,email\r\n1,a\r\n2,b\n{LINES}", "line 3", "ends otherwise"),
        (f"id,email\n{LINES}7,{LONG}\n8,b\n", "line 3002", "too long"),
        (f'id,email\n"a\nb",{"SECRET" * 12_000}\n', "line 2", "longer than 65536 bytes"),
        (f"id,email\n{LINES}7,SEC\0RET\n", "byte", "NUL byte"),
        ("id,em\0ail\n1,SECRET\n", "byte 5", "NUL byte"),
        ("", "0 bytes", "empty"),
        ("\n1,SECRET\n", "byte 0", "empty first line"),
        ("id,email,email\n1,SECRET,x\n", "`email`", "more than one column"),
        ("id,email,Email\n1,SECRET,x\n", "`Email`", "cannot tell apart"),
        ("id,e-mail\n1,SECRET\n", "`email`", "the nearest is `e-mail`"),
        ("id, email\n1,SECRET\n", "`email`", "the nearest is ` email`"),
        ("id,EMAIL\n1,SECRET\n", "`columns.email`", "the nearest is `EMAIL`"),
    ],
)
@pytest.mark.parametrize("packing", ["", ".gz"])
def test_bad_csv(
    content: str, place: str, words: str, packing: str, tmp_path: Path, refuse: Refuse
) -> None:
    path = tmp_path / f"a.csv{packing}"
    data = content.encode()
    path.write_bytes(gzip.compress(data, 1) if packing and data else data)
    error = refuse(path)
    assert str(path) in error.message
    assert place in error.message
    assert words in error.message


def test_a_wrong_encoding_is_named_by_its_byte(tmp_path: Path, refuse: Refuse) -> None:
    head = f"id,email\n{LINES}".encode()
    path = tmp_path / "a.csv"
    path.write_bytes(head + b"7,SECRET\xe9\n" + LINES.encode())
    error = refuse(path)
    assert error.details == {"path": str(path), "line": 3_002, "byte": len(head) + 8}
    assert "encoding: latin-1" in error.message
    path.write_bytes(b"id,caf\xe9,email\n1,2,SECRET\n")
    assert refuse(path).details["byte"] == 6
    path.write_bytes(head + b"7,SECRET\x80\n")
    error = refuse(path, encoding="latin-1")
    assert error.details == {"path": str(path), "line": 3_002, "byte": len(head) + 8}
    assert "CP1252" in error.message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("ending", ["csv", "jsonl", "json"])
def test_utf_16_is_refused(encoding: str, ending: str, tmp_path: Path, refuse: Refuse) -> None:
    path = tmp_path / f"a.{ending}"
    text = "id,email\n1,SECRET\n" if ending == "csv" else '[{"id": 1, "email": "SECRET"}]'
    path.write_bytes(text.encode(encoding))
    assert str(path) in refuse(path).message
    if ending == "csv" and encoding != "utf-16":  # with a mark, the file itself tells
        assert "utf-8 and latin-1 can" in refuse(path, encoding=encoding).message


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (f'{RECORDS}{{"id": 7, "email": "SEC', 3_001, "cut short"),
        (f'{RECORDS}{{"id": 7, "email": "SECRET"', 3_001, "cut short"),
        (f'{RECORDS}{{"id": 7, "email": "SECRET}}\n{RECORDS}', 3_001, "one whole JSON object"),
        (f"{RECORDS}SECRET\n{RECORDS}", 3_001, "one whole JSON object"),
        (f"{RECORDS}\n[1]\n", 3_002, "must be an object"),
        (f"{RECORDS}5\n", 3_001, "must be an object"),
        (f'{RECORDS}{{"id": 7, "id": "SECRET"}}\n', 3_001, "`id` twice"),
        (f'{RECORDS}{{"id": 7}} {{"id": 8}}\n', 3_001, "one whole JSON object"),
        (f'{RECORDS}{{"id": 7, "email": "SEC\0RET"}}\n', 3_001, "one whole JSON object"),
        (f'{RECORDS}\n{{"id": 7, "email": ["SECRET"]}}\n', 3_002, "nested"),
        (f'{RECORDS}{{"id": 7, "email": {{"SECRET": 1}}}}\n', 3_001, "nested"),
        (f'{RECORDS}{{"id": 7, "email": "{LONG}"}}\n{RECORDS}', 3_001, "longer than 65536"),
    ],
)
@pytest.mark.parametrize("packing", ["", ".gz"])
def test_bad_json_lines(
    content: str, line: int, words: str, packing: str, tmp_path: Path, refuse: Refuse
) -> None:
    path = tmp_path / f"a.jsonl{packing}"
    path.write_bytes(gzip.compress(content.encode(), 1) if packing else content.encode())
    error = refuse(path)
    assert error.message.startswith(f"{path}, line {line}: ")
    assert words in error.message


ARRAY = "[" + RECORDS.replace("\n", ",\n")


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        (ARRAY, "byte", "closing bracket"),
        (f'{ARRAY}{{"id": 7, "email": "SEC', "line 3001", "not whole JSON"),
        (f'{ARRAY}{{"id": 7, "email": "SECRET"}}', "line 3001", "not closed"),
        (f'{ARRAY}{{"id": 7}}\n{{"id": "SECRET"}}]', "line 3002", "comma is missing"),
        (f"{ARRAY}]", "line 3001", "not whole JSON"),
        (f'{ARRAY}{{"id": 7}}\n]\nSECRET', "line 3003", "follows the end"),
        (f"{ARRAY}5]", "line 3001", "must be an object"),
        (f'{ARRAY}{{"id": 7, "email": "SECRET" x}}]', "line 3001", "not whole JSON"),
        (f'{ARRAY}{{"id": [7]}}]', "record 3001", "nested"),
        ("[", "line 1", "not closed"),
        ("", "0 bytes", "empty"),
        ("SECRET", "line 1", "not whole JSON"),
        (RECORDS + '{"id": "SECRET"', "line 3001", "not whole JSON"),
        (RECORDS + RECORDS[:-3], "line 6000", "not whole JSON"),
    ],
)
@pytest.mark.parametrize("packing", ["", ".gz"])
def test_bad_json(
    content: str, place: str, words: str, packing: str, tmp_path: Path, refuse: Refuse
) -> None:
    path = tmp_path / f"a.json{packing}"
    data = content.encode()
    path.write_bytes(gzip.compress(data, 1) if packing and data else data)
    error = refuse(path)
    assert str(path) in error.message
    assert place in error.message
    assert words in error.message


def test_json_that_is_not_utf_8_is_named_by_line_and_byte(tmp_path: Path, refuse: Refuse) -> None:
    for ending in ("jsonl", "json"):
        path = tmp_path / f"a.{ending}"
        path.write_bytes(RECORDS.encode() + b'{"id": 1, "email": "SECRET\xff"}\n')
        assert refuse(path).details == {
            "path": str(path),
            "line": 3_001,
            "byte": len(RECORDS) + 26,
        }


@pytest.mark.parametrize("packing", [".gz", ".zst"])
@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".json"])
@pytest.mark.parametrize("cut", [0.5, -1, -4, -8, -12])
def test_packed_files_that_are_cut_short_never_pass(
    packing: str, ending: str, cut: float, tmp_path: Path, refuse: Refuse
) -> None:
    text = f"id,email\n{LINES}" if ending == ".csv" else RECORDS
    text = f"{ARRAY[:-2]}]" if ending == ".json" else text
    path = tmp_path / f"a{ending}{packing}"
    whole = (
        gzip.compress(text.encode())
        if packing == ".gz"
        else pa.Codec("zstd").compress(text.encode(), asbytes=True)
    )
    path.write_bytes(whole[: int(len(whole) * cut) if isinstance(cut, float) else cut])
    assert str(path) in refuse(path).message


def test_a_second_packed_member_that_is_cut_never_passes(tmp_path: Path, refuse: Refuse) -> None:
    codec = pa.Codec("zstd")
    first = codec.compress(f"id,email\n{LINES}".encode(), asbytes=True)
    second = codec.compress(LINES.encode(), asbytes=True)
    (tmp_path / "a.csv.zst").write_bytes(first + second[: len(second) // 2])
    assert "cannot be read to its end" in refuse(tmp_path / "a.csv.zst").message


def test_a_packed_file_with_a_wrong_checksum_never_passes(tmp_path: Path, refuse: Refuse) -> None:
    data = bytearray(gzip.compress(f"id,email\n{LINES}".encode()))
    data[-6] ^= 1
    (tmp_path / "a.csv.gz").write_bytes(data)
    assert "incorrect data check" in refuse(tmp_path / "a.csv.gz").message


def test_parquet_that_is_cut_or_is_none(tmp_path: Path, write: Write, refuse: Refuse) -> None:
    path = write(tmp_path / "a.parquet", [{"id": "1", "email": "SECRET"}])
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert f"ends at byte {len(whole) - 20} without Parquet's footer" in refuse(path).message
    path.write_bytes(whole[: len(whole) // 2] + whole[-30:])
    assert str(path) in refuse(path).message
    path.write_bytes(b"id,email\n1,SECRET\n")
    assert "(byte 0) does not begin as Parquet does" in refuse(path).message
    (tmp_path / "b.csv").write_bytes(whole)
    assert "(byte 0) holds Parquet, but is to be read as csv" in refuse(tmp_path / "b.csv").message
    (tmp_path / "c.parquet.gz").write_bytes(gzip.compress(whole))
    assert "unpack" in refuse(tmp_path / "c.parquet.gz").message


@pytest.mark.parametrize("value", [[["SECRET"]], [{"a": "SECRET"}], {"a": "SECRET"}])
def test_nested_parquet_columns_are_refused(
    value: object, tmp_path: Path, write: Write, refuse: Refuse
) -> None:
    path = write(tmp_path / "a.parquet", [{"id": "1", "email": value}])
    error = refuse(path)
    assert error.message.startswith(f"{path}: column `email` holds nested values")
    assert error.details["column"] == "email"


def test_long_and_nested_cells_in_parquet_and_traits(
    tmp_path: Path, write: Write, refuse: Refuse
) -> None:
    rows = [{"id": "1", "email": "a", "note": "b"}, {"id": "2", "email": "a", "note": LONG}]
    error = refuse(write(tmp_path / "a.parquet", rows), traits=("note",))
    assert f"{tmp_path / 'a.parquet'}, record 2: the cell in `note` is longer" in error.message
    path = write(tmp_path / "a.jsonl", [{"id": "1", "email": "a", "note": {"SECRET": 1}}])
    assert "column `note` holds nested values" in refuse(path, traits=("note",)).message


def test_one_bad_file_among_good_ones_is_named(
    tmp_path: Path, write: Write, refuse: Refuse
) -> None:
    for name in "abc":
        write(tmp_path / f"{name}.csv", [{"id": "1", "email": "SECRET"}])
    path = write(tmp_path / "b.csv", [{"id": "1", "mail": "SECRET"}])
    assert refuse(tmp_path).message.startswith(f"{path} has no column `email`")
    path.write_text(f"id,email\n{LINES}8\n")
    assert refuse(tmp_path).message.startswith(f"{path}, line 3002: the row has 1 cells")


def test_a_value_where_cannot_take_is_named_by_line(tmp_path: Path, refuse: Refuse) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f'id,email,n\n{LINES.replace(chr(10), ",5" + chr(10))}"1\n2",a,SECRET\n7,,x\n')
    error = refuse(path, where="n > 3")
    assert f"no number at line 3002 of {path}" in error.message
    assert "try_cast(n AS DOUBLE)" in error.message
    error = refuse(path, where="n::int > 3")
    assert error.message.startswith(f"{path}, line 3002: `where` fails on a value")
    assert "try_cast" in error.message


def test_memory_that_does_not_suffice_is_named(ask: Callable[..., FileQuery]) -> None:
    failure = duckdb.OutOfMemoryException("SECRET")
    message = explain(ask("/data/a.csv"), (), None, failure).message
    assert message.startswith("Reading /data/a.csv needs more than 256 MiB of memory")
    assert "SECRET" not in explain(ask("/data/a.csv"), (), None, ValueError("SECRET")).message


@pytest.fixture
def public_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def test_what_may_not_be_read_is_named(public_folder: Path, refuse: Refuse) -> None:
    closed = public_folder / "closed"
    closed.mkdir(mode=0o700)
    (public_folder / "a.csv").write_text(f"id,email\n{LINES}")
    (public_folder / "a.csv").chmod(0o600)
    user = os.geteuid()
    (public_folder / "a.csv").chmod(0 if user else 0o600)
    closed.chmod(0 if user else 0o700)
    if not user:
        os.seteuid(65_534)  # root reads everything: be nobody for a moment
    try:
        for path in (closed, public_folder / "a.csv"):
            error = refuse(path)
            assert re.match(
                rf"{path} cannot be read: permission denied; let the user", error.message
            )
    finally:
        os.seteuid(user)
        closed.chmod(0o700)
