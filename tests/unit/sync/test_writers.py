import csv
import datetime as dt
import decimal
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audsync.sync.exports.writers import CsvStyle, writer

NOON = dt.datetime(2026, 1, 2, 12, 0, 0, 500, tzinfo=dt.UTC)
TABLE = pa.table(
    {
        "text": pa.array(['a "b",\r\n', "", None]),
        "flag": pa.array([True, None, False]),
        "whole": pa.array([2**60, None, -1]),
        "part": pa.array([1.5, float("nan"), None]),
        "money": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("-2.25")]),
        "day": pa.array([dt.date(2026, 1, 2), None, None]),
        "moment": pa.array([NOON, None, None], pa.timestamp("us", "UTC")),
    }
)


def written(form: str, *tables: pa.Table) -> bytes:
    sink = io.BytesIO()
    with writer(_Unclosed(sink), form=form) as out:
        for table in tables:
            out.write(table)
    return sink.getvalue()


class _Unclosed:
    """A sink that stays open, as the program's stdout does."""

    closed = False

    def __init__(self, sink: io.BytesIO) -> None:
        self.write = sink.write
        self.tell = sink.tell

    def flush(self) -> None: ...

    def close(self) -> None: ...


def test_csv_is_quoted_where_it_must_be() -> None:
    assert written("csv", TABLE).decode() == (
        "text,flag,whole,part,money,day,moment\n"
        '"a ""b"",\r\n",true,1152921504606846976,1.5,1.50,2026-01-02,'
        "2026-01-02T12:00:00.000500+00:00\n"
        '"",,,NaN,,,\n'
        ",false,-1,,-2.25,,\n"
    )


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json_keeps_types(form: str) -> None:
    text = written(form, TABLE.slice(0, 1), TABLE.slice(0, 0), TABLE.slice(1))
    rows = json.loads(text) if form == "json" else [json.loads(row) for row in text.splitlines()]
    assert rows[0] == {
        "text": 'a "b",\r\n',
        "flag": True,
        "whole": 2**60,
        "part": 1.5,
        "money": 1.5,
        "day": "2026-01-02",
        "moment": "2026-01-02T12:00:00.000500+00:00",
    }
    assert rows[1] == {**dict.fromkeys(TABLE.column_names), "text": ""}
    assert [row["flag"] for row in rows] == [True, None, False]


def test_parquet_keeps_everything() -> None:
    found = pq.read_table(io.BytesIO(written("parquet", TABLE, TABLE)))
    assert found.schema == TABLE.schema
    assert found.num_rows == 6


def styled(table: pa.Table, style: CsvStyle) -> str:
    sink = io.BytesIO()
    with writer(_Unclosed(sink), form="csv", csv=style) as out:
        out.write(table)
        out.write(table.slice(0, 0))
    return sink.getvalue().decode()


def test_a_csv_s_header_may_have_a_name_twice_or_not_be_there() -> None:
    table = pa.table({"0": ["a"], "1": ["b"], "2": ["c"]})
    names = ("email", "email", "First, Name")
    assert styled(table, CsvStyle(header=names)) == 'email,email,"First, Name"\na,b,c\n'
    assert styled(table, CsvStyle(header=())) == "a,b,c\n"
    assert styled(table, CsvStyle()) == "0,1,2\na,b,c\n"


@pytest.mark.parametrize("sign", [*"=+-@\t\r\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_text_is_a_formula_where_that_is_asked_for(sign: str) -> None:
    text = f"{sign}cmd|' /C calc'!A0"
    table = pa.table({f"{sign}trait": [text, "a" + text, None], "ltv": [-1.5, 2.0, None]})
    safe = styled(table, CsvStyle(is_excel_safe=True))
    rows = list(csv.reader(io.StringIO(safe, newline="")))
    assert rows == [[f"'{sign}trait", "ltv"], ["'" + text, "-1.5"], ["a" + text, "2.0"], ["", ""]]
    plain = list(csv.reader(io.StringIO(styled(table, CsvStyle()), newline="")))
    assert plain[1][0] == text
