"""Any table that can be written down is read back as it was, whatever the format."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Take = Callable[..., list[dict[str, Any]]]
Write = Callable[..., Path]

_CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
_NAME = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=6)
_TABLES = st.lists(_NAME, min_size=1, max_size=4, unique_by=str.casefold).flatmap(
    lambda names: st.tuples(
        st.just(names),
        st.lists(st.lists(st.none() | _CELL, min_size=len(names), max_size=len(names)), min_size=1),
    )
)


@given(table=_TABLES)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_tables_are_read_back_as_they_were(
    table: tuple[list[str], list[list[str | None]]], write: Write, take: Take
) -> None:
    names, cells = table
    rows = [dict(zip(names, row, strict=True)) for row in cells]
    with tempfile.TemporaryDirectory() as folder:
        for ending in ("csv.zst", "jsonl", "json", "parquet"):
            path = write(Path(folder) / f"a.{ending}", rows)
            read = take(path, columns={"email": tuple(names)})
            found = [[row[f"email.{n}"] for n in range(len(names))] for row in read]
            wanted = cells
            if ending == "csv.zst":  # CSV has no null, and a line with nothing on it is no row
                wanted = [[cell or None for cell in row] for row in cells]
                if len(names) == 1:
                    wanted = [row for row in wanted if row != [None]]
                    found = [row for row in found if row != [None]]
            assert found == wanted
