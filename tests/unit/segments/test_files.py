import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audsync.errors import SourceError
from audsync.segments.contract import FileQuery
from audsync.segments.files import columns_of, read

Take = Callable[..., list[dict[str, Any]]]
Ask = Callable[..., FileQuery]
Write = Callable[..., Path]
PEOPLE = [
    {"id": "00042", "email": "ada@example.com", "phone": "07700 900123"},
    {"id": "7", "email": " Zoë@Example.com ", "phone": "4915112345678"},
]
MAPPED = {"profile_id": ("id",), "email": ("email",), "phone": ("phone",)}
ENDINGS = [
    f".{format_}{packing}"
    for format_ in ("csv", "jsonl", "json", "parquet")
    for packing in ("", ".gz", ".zst")
    if format_ != "parquet" or not packing
]


def _people(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"id": row["profile_id"], "email": row["email.0"], "phone": row["phone.0"]} for row in rows
    ]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("shape", ["file", "folder", "glob"])
def test_every_format_packing_and_shape_reads_the_same(
    ending: str, shape: str, tmp_path: Path, write: Write, take: Take
) -> None:
    first = write(tmp_path / "in" / f"a{ending}", PEOPLE[:1])
    path = {"file": first, "folder": first.parent, "glob": first.parent / f"*{ending}"}[shape]
    if shape != "file":
        write(tmp_path / "in" / f"b{ending}", PEOPLE[1:])
    wanted = PEOPLE[:1] if shape == "file" else PEOPLE
    assert _people(take(path, columns=MAPPED)) == wanted


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".json", ".csv.gz", ".jsonl.zst"])
def test_a_byte_order_mark_is_no_part_of_the_data(
    ending: str, tmp_path: Path, write: Write, take: Take
) -> None:
    path = write(tmp_path / f"a{ending}", PEOPLE, bom=b"\xef\xbb\xbf")
    assert _people(take(path, columns=MAPPED)) == PEOPLE


def test_the_content_tells_the_packing_and_the_config_the_format(
    tmp_path: Path, write: Write, take: Take
) -> None:
    path = write(tmp_path / "a.csv.gz", PEOPLE).rename(tmp_path / "export")
    assert len(take(path, format="csv")) == 2


def test_json_may_hold_records_one_after_another(tmp_path: Path, take: Take) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"id": 1, "email": "a"}\n{"id": 2,\n "email": "b"}\n')
    assert [row["email.0"] for row in take(path)] == ["a", "b"]


def test_rows_come_in_order_when_asked_for(tmp_path: Path, take: Take) -> None:
    for part in range(3):
        start = part * 50_000
        header = "email,id\n" if part == 1 else "id,email\n"
        lines = (
            f"e{row},{row}\n" if part == 1 else f"{row},e{row}\n"
            for row in range(start, start + 50_000)
        )
        (tmp_path / f"{part}.csv").write_text(header + "".join(lines))
    rows = take(tmp_path)
    assert [row["profile_id"] for row in rows] == [str(row) for row in range(150_000)]
    assert all(row["email.0"] == f"e{row['profile_id']}" for row in rows)


def test_a_large_file_comes_in_order_too(tmp_path: Path, ask: Ask) -> None:
    path = tmp_path / "a.csv"
    with path.open("w") as file:
        file.write("id,email,note\n")
        file.writelines(f"{n},u{n}@example.com,{n % 97:040}\n" for n in range(400_000))
    columns = {"profile_id": ("id",), "email": ("email", "note"), "consent": ("email",)}
    ids = pa.concat_arrays([batch["profile_id"] for batch in read(ask(path, columns=columns))])
    assert ids.to_pylist() == [str(n) for n in range(400_000)]


def test_batches_are_small_and_typed_as_promised(tmp_path: Path, ask: Ask, write: Write) -> None:
    path = write(tmp_path / "a.csv", [{"id": row, "email": f"e{row}"} for row in range(10)])
    batches = list(read(ask(path, batch_rows=4)))
    assert [batch.num_rows for batch in batches] == [4, 4, 2]
    assert batches[0].schema == pa.schema(
        {
            "fingerprint": pa.uint64(),
            "profile_id": pa.string(),
            "has_consent": pa.bool_(),
            "email.0": pa.string(),
        }
    )


def test_a_header_alone_is_no_rows(tmp_path: Path, take: Take) -> None:
    (tmp_path / "a.csv").write_text("id,email\n")
    (tmp_path / "a.jsonl").write_text("")
    (tmp_path / "a.json").write_text(" [ ]\n")
    pq.write_table(pa.table({"id": pa.array([], pa.int64()), "email": []}), tmp_path / "a.parquet")
    for ending in ("csv", "jsonl", "json", "parquet"):
        assert take(tmp_path / f"a.{ending}") == []


@pytest.mark.parametrize(
    ("sign", "delimiter"), [(",", None), (";", None), ("\t", None), ("|", None), ("#", "#")]
)
def test_the_header_tells_the_delimiter(
    sign: str, delimiter: str | None, tmp_path: Path, take: Take
) -> None:
    (tmp_path / "a.csv").write_text(f'id{sign}"email"\n1{sign}"a{sign}b"\n')
    (row,) = take(tmp_path / "a.csv", delimiter=delimiter)
    assert row["email.0"] == f"a{sign}b"


def test_quotes_and_line_ends_inside_cells_are_kept(tmp_path: Path, take: Take) -> None:
    (tmp_path / "a.csv").write_bytes(b'id,email\r\n1,"a\nb"\r\n2,"c ""d"", e"\r\n3,5\'11" f\r\n')
    assert [row["email.0"] for row in take(tmp_path / "a.csv")] == ["a\nb", 'c "d", e', "5'11\" f"]


def test_an_odd_number_of_inch_signs_is_not_an_unclosed_quote(tmp_path: Path, take: Take) -> None:
    (tmp_path / "a.csv").write_text("id,email\n1,5'11\"\n")
    assert len(take(tmp_path / "a.csv")) == 1


def test_latin_1_is_read_when_the_config_says_so(tmp_path: Path, take: Take) -> None:
    (tmp_path / "a.csv").write_bytes("id,email\n1,zoë\n".encode("latin-1"))
    assert take(tmp_path / "a.csv", encoding="latin-1")[0]["email.0"] == "zoë"


def test_blank_profile_ids_are_null_and_blank_cells_stay(tmp_path: Path, take: Take) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"id": " \\t", "email": "  "}\n{"id": null, "email": ""}\n{"email": null}\n'
    )
    rows = take(tmp_path / "a.jsonl")
    assert [row["profile_id"] for row in rows] == [None, None, None]
    assert [row["email.0"] for row in rows] == ["  ", "", None]


def test_several_columns_a_label_come_side_by_side(tmp_path: Path, take: Take) -> None:
    (tmp_path / "a.csv").write_text("id,b,a,key\n,x,y,k\n5,x,,k\n")
    columns = {"profile_id": ("id", "key"), "email": ("a", "b"), "external_id": ("key",)}
    rows = take(tmp_path / "a.csv", columns=columns)
    assert [row["profile_id"] for row in rows] == ["k", "5"]
    assert [(row["email.0"], row["email.1"], row["external_id.0"]) for row in rows] == [
        ("y", "x", "k"),
        (None, "x", "k"),
    ]


def test_consent_counts_only_when_it_is_plain(tmp_path: Path, write: Write, take: Take) -> None:
    yes = ["true", "1", "YES", " y ", "T", "Granted", "opt_in", 1, True, 1.0]
    no = ["", "false", "0", "no", "on", "opt-in", "2", None, 0, False]
    path = write(tmp_path / "a.jsonl", [{"email": "a", "ok": value} for value in yes + no])
    rows = take(path, columns={"email": ("email",), "consent": ("ok",)})
    assert [row["has_consent"] for row in rows] == [True] * len(yes) + [False] * len(no)
    path = write(tmp_path / "a.parquet", [{"a": True, "b": 1.0}, {"a": True, "b": None}])
    rows = take(path, columns={"consent": ("a", "b")})
    assert [row["has_consent"] for row in rows] == [True, False]


def test_numbers_keep_their_digits(tmp_path: Path, take: Take) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"id": 12345678901234567890123, "email": 4915112345678}\n'
        '{"id": 4.915112345678e12, "email": 1.50}\n{"id": true, "email": "1.0"}\n'
    )
    rows = take(tmp_path / "a.jsonl")
    assert [(row["profile_id"], row["email.0"]) for row in rows] == [
        ("12345678901234567890123", "4915112345678"),
        ("4915112345678", "1.5"),
        ("true", "1.0"),
    ]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (
            pa.array([4915112345678.0, 0.5, float("nan"), None]),
            ["4915112345678", "0.5", None, None],
        ),
        # Without a null, where statistics seem to say that every cell is a number.
        (pa.array([4915112345678.0, float("nan"), 0.5]), ["4915112345678", None, "0.5"]),
        (pa.array([2**63 + 1], pa.uint64()), ["9223372036854775809"]),
        (pa.array([Decimal("49.00"), Decimal("0.50")]), ["49", "0.50"]),
        (pa.array([date(1990, 1, 2)]), ["1990-01-02"]),
        (pa.array([datetime(1990, 1, 2), datetime(1990, 1, 2, 3)]), None),  # noqa: DTZ001
        (pa.array([datetime(1990, 1, 2, tzinfo=UTC)]), ["1990-01-02"]),
        (pa.array([b"abc"]), ["abc"]),
        (pa.array(["x"]).dictionary_encode(), ["x"]),
        (pa.array([True]), ["true"]),
    ],
)
def test_typed_parquet_columns_become_text(
    values: pa.Array, texts: list[str | None] | None, tmp_path: Path, take: Take
) -> None:
    pq.write_table(pa.table({"email": values}), tmp_path / "a.parquet")
    rows = take(tmp_path / "a.parquet", columns={"email": ("email",)})
    wanted = texts or ["1990-01-02", "1990-01-02 03:00:00"]
    assert [row["email.0"] for row in rows] == wanted


def test_parquet_files_of_other_types_do_not_bend_each_other(tmp_path: Path, take: Take) -> None:
    pq.write_table(pa.table({"id": [7], "email": ["a"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"email": ["b"], "id": ["007"]}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"id": [7.0], "email": ["c"]}), tmp_path / "c.parquet")
    assert [row["profile_id"] for row in take(tmp_path)] == ["7", "007", "7"]


def test_where_and_traits_see_types(tmp_path: Path, take: Take) -> None:
    (tmp_path / "a.csv").write_text(
        "id,email,ltv,plan,zip,since,ok\n"
        + "1,a,3,x,00501,2024-01-02,true\n" * 30_000
        + "2,b,1000.5,y,10001,2024-03-02T10:00:00Z,false\n3,c,,y,,,\n"
    )
    rows = take(
        tmp_path / "a.csv",
        where="ltv > 500.25 and since > date '2024-02-01' -- the good ones",
        traits=("ltv", "zip", "since", "ok", "plan"),
    )
    (row,) = rows
    assert row["profile_id"] == "2"
    assert (row["trait.ltv"], row["trait.zip"], row["trait.ok"]) == (1000.5, "10001", False)
    assert row["trait.since"] == datetime(2024, 3, 2, 10)  # noqa: DTZ001
    assert [r["profile_id"] for r in take(tmp_path / "a.csv", where="ltv is null")] == ["3"]


def test_traits_of_json_and_parquet_keep_their_types(
    tmp_path: Path, write: Write, take: Take
) -> None:
    rows = [
        {"id": "1", "email": "a", "n": 3, "f": 0.5, "t": "7", "d": "2024-01-02", "b": True},
        {"id": "2", "email": "b", "n": None, "f": 2, "t": "x", "d": None, "b": False},
    ]
    write(tmp_path / "a.jsonl", rows)
    write(tmp_path / "a.parquet", rows)
    for ending, day in (("jsonl", date(2024, 1, 2)), ("parquet", "2024-01-02")):
        first, second = take(tmp_path / f"a.{ending}", traits=("n", "f", "t", "d", "b"))
        assert [first[f"trait.{name}"] for name in "nftdb"] == [3, 0.5, "7", day, True]
        assert [second[f"trait.{name}"] for name in "nftdb"] == [None, 2.0, "x", None, False]


def test_a_mapped_column_stays_text_though_where_sees_a_number(tmp_path: Path, take: Take) -> None:
    (tmp_path / "a.csv").write_text("id,email\n5,a\n50,b\n")
    (row,) = take(tmp_path / "a.csv", where="id > 9", traits=("id",))
    assert (row["profile_id"], row["trait.id"]) == ("50", 50)


def test_columns_of_names_the_columns_of_the_source(tmp_path: Path, write: Write, ask: Ask) -> None:
    row = {" Id": "1", 'say "hi"': "x", "id": None, "ID ": ""}
    for ending in ("csv", "jsonl", "json", "parquet"):
        path = write(tmp_path / f"a.{ending}", [row])
        assert columns_of(ask(path, columns={"email": ("nothing",)})) == list(row)


def test_strange_column_names_work_everywhere(tmp_path: Path, write: Write, take: Take) -> None:
    name = "e'm\"a}i{l 名, {files}"
    for ending in ("csv", "jsonl", "json", "parquet"):
        path = write(tmp_path / f"a.{ending}", [{"id": "1", name: "x"}])
        (row,) = take(path, columns={"email": (name,)}, traits=(name,))
        assert (row["email.0"], row[f"trait.{name}"]) == ("x", "x")


def test_a_key_that_only_late_records_have_is_found(tmp_path: Path, take: Take) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": 1}\n' * 30_000 + '{"id": 2, "email": "late"}\n')
    assert take(tmp_path / "a.jsonl")[-1]["email.0"] == "late"


def test_fingerprints_tell_rows_apart_and_repeat(tmp_path: Path, take: Take) -> None:
    columns = {**MAPPED, "consent": ("ok",), "country": ("land",)}
    variants = [
        "1,a,b,yes,DE,5",
        "2,a,b,yes,DE,5",
        "1,x,b,yes,DE,5",
        "1,a,x,yes,DE,5",
        "1,a,b,no,DE,5",
        "1,a,b,yes,FR,5",
        "1,,ab,yes,DE,5",
        "1,ab,,yes,DE,5",
    ]
    path = tmp_path / "a.csv"
    path.write_text("id,email,phone,ok,land,other\n" + "\n".join(variants) + "\n")
    first = [row["fingerprint"] for row in take(path, columns=columns)]
    assert len(set(first)) == len(variants)
    assert [row["fingerprint"] for row in take(path, columns=columns)] == first
    path.write_text(path.read_text().replace(",5\n", ",6\n"))
    assert [row["fingerprint"] for row in take(path, columns=columns)] == first
    salted = [row["fingerprint"] for row in take(path, columns=columns, salt="pepper")]
    assert not set(salted) & set(first)


@pytest.mark.parametrize("how", ["replaced", "appended", "removed"])
def test_a_file_that_changes_while_it_is_read_never_passes(
    how: str, tmp_path: Path, ask: Ask
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,email\n" + "1,a\n" * 300_000)
    batches = read(ask(path, batch_rows=1000))
    next(batches)
    if how == "replaced":
        (tmp_path / "new").write_text("id,email\n" + "2,b\n" * 300_000)
        (tmp_path / "new").rename(path)
    elif how == "appended":
        with path.open("a") as file:
            file.write("2,b\n" * 10)
    else:
        path.unlink()
    with pytest.raises(SourceError, match=r"a\.csv was changed while it was read"):
        list(batches)


def test_a_reading_that_is_dropped_leaves_no_thread(tmp_path: Path, ask: Ask) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,email\n" + "1,a\n" * 100_000)
    batches = read(ask(path, batch_rows=1000))
    next(batches)
    batches.close()
    assert not [thread for thread in threading.enumerate() if "sweep" in thread.name]
