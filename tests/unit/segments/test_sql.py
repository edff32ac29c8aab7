"""The same rows come out of a database as out of files, by whatever driver."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audsync.errors import SourceError
from audsync.segments.contract import SqlQuery
from audsync.segments.reading import columns_of, look, read
from tests.unit.segments.sql_databases import KINDS, database

Take = Callable[..., list[dict[str, Any]]]
Write = Callable[..., Path]
Load = Callable[..., str]
COLUMNS = {
    "profile_id": ("id",),
    "email": ("email", "work"),
    "phone": ("phone",),
    "zip_code": ("zip",),
    "consent": ("ok",),
}
NASTY = [
    dict(zip(("id", "email", "work", "phone", "zip", "ok"), cells, strict=True))
    for cells in (
        ("00042", "ada@example.com", None, "07700 900123", "00501", "yes"),
        ("7", " Zoë@Example.com ", 'a"b@example.com', "+4915112345678", "EC1 ", "no"),
        ("line\nbreak", "a,b;c@example.com", "it's\r\nodd", "%(x)s :name ::int", None, None),
        ("\\.", "\\N", "{a,b}", "\\x41", "日本 🎌", "TRUE"),
        ("9" * 40, "x\ty@example.com", "null", "0", "\u2028", "1"),
    )
]


def test_texts_are_those_of_a_csv_and_a_parquet_file_of_the_same_rows(
    load: Load, tmp_path: Path, write: Write, take: Take, take_sql: Take
) -> None:
    found = take_sql(load(rows=NASTY), columns=COLUMNS)
    parquet = write(tmp_path / "a.parquet", NASTY)
    assert found == take(parquet, columns=COLUMNS)
    assert found == take(write(tmp_path / "a.csv", NASTY), columns=COLUMNS)
    assert found == take(write(tmp_path / "a.jsonl", NASTY), columns=COLUMNS)
    assert len({row["fingerprint"] for row in found}) == len(NASTY)


UUID_TEXT = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
NAIVE = datetime(1990, 1, 2, 3, 4, 5, 500_000)  # noqa: DTZ001 - a timestamp without a zone
MIDNIGHT = datetime(1990, 1, 2)  # noqa: DTZ001 - as above
AWARE = datetime(1990, 1, 2, 3, 4, 5, tzinfo=UTC)
TYPED = {
    "i": ("bigint", "4915112345678", 4915112345678),
    "f": ("double precision", "4915112345678", 4915112345678.0),
    "g": ("double precision", "0.1", 0.1),
    "n": ("numeric(12, 2)", "5.50", Decimal("5.50")),
    "w": ("numeric(12, 2)", "5", Decimal("5.00")),
    "b": ("boolean", "true", True),
    "d": ("date", "1990-01-02", date(1990, 1, 2)),
    "t": ("timestamp", "1990-01-02 03:04:05.5", NAIVE),
    "m": ("timestamp", "1990-01-02", MIDNIGHT),
    "z": ("timestamp with time zone", "1990-01-02 03:04:05+00", AWARE),
    "c": ("time", "03:04:05", time(3, 4, 5)),
    "u": ("uuid", UUID_TEXT, UUID(UUID_TEXT)),
    "h": ("bytes", "ann@example.com", b"ann@example.com"),
}  # fmt: skip
_SQLITE = {"d": "1990-01-02", "t": "1990-01-02 03:04:05.5", "m": "1990-01-02", "c": "03:04:05",
           "z": "1990-01-02 03:04:05+00", "u": str(TYPED["u"][2]), "n": "5.50", "w": "5",
           "b": "true"}  # fmt: skip
"""What SQLite has no type for is text there."""


def test_typed_values_become_the_text_that_a_parquet_file_of_them_yields(
    load: Load, tmp_path: Path, take: Take, take_sql: Take
) -> None:
    kind = load.kind  # type: ignore[attr-defined]
    row = {name: value for name, (_, _, value) in TYPED.items()}
    columns = {"profile_id": ("i",), "email": tuple(TYPED)}
    bytes_ = "blob" if kind == "duckdb" else "bytea"
    types = ", ".join(
        f'"{name}" {type_ if type_ != "bytes" else bytes_}' for name, (type_, _, _) in TYPED.items()
    )
    if kind == "sqlite":
        row |= _SQLITE
        types = ", ".join(f'"{name}"' for name in TYPED)
    empty = dict.fromkeys(row)
    found = take_sql(load(rows=[row, empty], types=types), columns=columns)
    texts = [found[0][f"email.{place}"] for place in range(len(TYPED))]
    assert texts == [text for _, text, _ in TYPED.values()]
    assert {found[1][f"email.{place}"] for place in range(len(TYPED))} == {None}
    if kind != "sqlite":
        table = {name: [value, None] for name, (_, _, value) in TYPED.items()}
        table["u"], table["n"] = [str(row["u"]), None], [Decimal("5.50"), None]
        path = tmp_path / "a.parquet"
        pq.write_table(pa.table(table), path)
        assert found == take(path, columns=columns)


def test_where_wraps_the_query_and_names_are_bound(load: Load, take_sql: Take) -> None:
    rows = [{"id": n, "email": f"e{n}", "ltv": n * 100.5} for n in range(5)]
    url = load(rows=rows, types="id bigint, email varchar(9), ltv double precision")
    found = take_sql(
        url,
        "-- the :best of them; all\nselect id, email, ltv, ':no' as no from people\n"
        "where ltv > :least or id = -1 -- and so on",
        where="id <> :one -- not this one",
        vars={"least": "100.5", "one": "3"},
    )
    assert [row["profile_id"] for row in found] == ["2", "4"]


def test_a_text_in_a_variable_stays_a_text(load: Load, take_sql: Take) -> None:
    odd = 'it\'s \\ "odd" :x %s $$; drop table people --'
    url = load(rows=[{"id": "1", "email": odd}, {"id": "0042", "email": "other"}])
    query = "select * from people where email = :odd or id = :id"
    found = take_sql(url, query, vars={"odd": odd, "id": "0042"})
    assert [row["profile_id"] for row in found] == ["1", "0042"]


def test_traits_have_the_databases_own_types(load: Load, take_sql: Take) -> None:
    rows = [
        {"id": "1", "ltv": 5.5, "visits": 7, "plan": "pro"},
        {"id": "2", "ltv": None, "visits": None, "plan": None},
    ]
    types = "id text, ltv double precision, visits bigint, plan text"
    found = take_sql(
        load(rows=rows, types=types),
        columns={"profile_id": ("id",), "external_id": ("visits",)},
        traits=("ltv", "visits", "plan"),
    )
    assert [(row["trait.ltv"], row["trait.visits"], row["trait.plan"]) for row in found] == [
        (5.5, 7, "pro"),
        (None, None, None),
    ]
    assert found[0]["external_id.0"] == "7"


@pytest.mark.parametrize("load", KINDS[1:], indirect=True)
def test_an_array_holds_several_values_of_a_person(load: Load, take_sql: Take) -> None:
    rows = [
        {"id": "1", "emails": ["a@x.com", "b@x.com"], "work": "c@x.com"},
        {"id": "2", "emails": [], "work": None},
        {"id": "3", "emails": None, "work": "d@x.com"},
        {"id": "4", "emails": [None, "e@x.com"], "work": None},
    ]
    url = load(rows=rows, types="id text, emails text[], work text")
    found = take_sql(url, columns={"profile_id": ("id",), "email": ("emails", "work")})
    held = [{value for key, value in row.items() if key.startswith("email.")} for row in found]
    assert [each - {None} for each in held] == [
        {"a@x.com", "b@x.com", "c@x.com"},
        set(),
        {"d@x.com"},
        {"e@x.com"},
    ]
    assert (found[0]["email.0"], found[0]["email.1"], found[0]["email.2"]) == (
        "a@x.com",
        "c@x.com",
        "b@x.com",
    ), "place modulo the number of mapped columns says which column a value is from"


@pytest.mark.parametrize("load", KINDS[2:], indirect=True)
def test_json_holds_one_value_or_several(load: Load, take_sql: Take) -> None:
    documents = ['\'["a@x.com", "b@x.com"]\'', "'\"c@x.com\"'", "'null'", "NULL"]
    values = ", ".join(f"('{n}', {each}::jsonb)" for n, each in enumerate(documents))
    url = load(f"INSERT INTO people VALUES {values}", types="id text, email jsonb")
    found = take_sql(url)
    held = [[row[f"email.{n}"] for n in range(2)] for row in found]
    assert held == [["a@x.com", "b@x.com"], ["c@x.com", None], [None, None], [None, None]]


@pytest.mark.parametrize("load", KINDS[1:], indirect=True)
@pytest.mark.parametrize(
    ("values", "columns", "words"),
    [
        (["x"] * 11, {"profile_id": ("id",), "email": ("many",)}, "more than 10 values"),
        (["x"], {"profile_id": ("many",), "email": ("id",)}, "`profile_id` wants one value"),
        (["x"], {"profile_id": ("id",), "city": ("many",)}, "`city` wants one value"),
    ],
)
def test_arrays_are_refused_where_they_cannot_be(
    values: list[str], columns: dict[str, Any], words: str, load: Load, take_sql: Take
) -> None:
    url = load(rows=[{"id": "1", "many": values}], types="id text, many text[]")
    with pytest.raises(SourceError, match=words):
        take_sql(url, columns=columns)


def test_a_query_without_rows_yields_none(load: Load, take_sql: Take) -> None:
    url = load(rows=NASTY)
    assert take_sql(url, "select * from people where 1 = 0", columns=COLUMNS) == []
    assert take_sql(url, "select * from people", where="1 = 0", columns=COLUMNS) == []


def test_batches_are_of_the_size_asked_for_and_in_the_order_of_the_answer(
    load: Load, ask_sql: Callable[..., SqlQuery]
) -> None:
    rows = [{"id": str(n), "email": f"e{n}"} for n in range(25)]
    query = ask_sql(load(rows=rows), "select * from people order by length(id), id", batch_rows=10)
    batches = list(read(query))
    assert [batch.num_rows for batch in batches] == [10, 10, 5]
    ids = [each for batch in batches for each in batch["profile_id"].to_pylist()]
    assert ids == [row["id"] for row in rows]
    assert len({batch.schema for batch in batches}) == 1


def test_columns_and_a_look_say_what_is_there(load: Load, ask_sql: Callable[..., SqlQuery]) -> None:
    url = load(rows=NASTY)
    query = ask_sql(url, columns=COLUMNS)
    assert columns_of(query) == list(NASTY[0])
    assert look(query).endswith(", 6 columns")


def test_nul_is_judged_as_in_parquet(
    tmp_path: Path, write: Write, take: Take, take_sql: Take
) -> None:
    rows = [{"id": "1", "email": "a\0b@example.com"}]
    wanted = take(write(tmp_path / "a.parquet", rows))
    for kind in ("sqlite", "duckdb"):
        with database(kind, tmp_path, rows=rows) as url:
            assert take_sql(url) == wanted
