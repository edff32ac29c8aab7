from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audsync.errors import SourceError

Take = Callable[..., list[dict[str, Any]]]
Refuse = Callable[..., SourceError]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a.csv"
    path.write_text("id,email,n,plan,audsync:0\n1,a,5,gold,\n2,b,50,Gold,\n3,c,,,\n")
    return path


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("n > 5", "2"),
        ("n > 5 OR plan IS NULL", "23"),
        ("lower(plan) = 'gold' -- both", "12"),
        ("/* none */ false", ""),
        ("\"n\" BETWEEN 1 AND 10 AND plan IN ('gold', 'x')", "1"),
        ("len(list_filter([1, 2, 3], lambda x: x > n)) = 0", "123"),
        ("coalesce(n, 0) = 0", "3"),
        ("n", "12"),
        ("true) OR (false", "123"),
        ("email = ')' OR n = 5", "1"),
        ("id = '2'", "2"),
        ("id > 2", "3"),
    ],
)
def test_where_chooses_rows(where: str, wanted: str, source: Path, take: Take) -> None:
    assert "".join(row["profile_id"] for row in take(source, where=where)) == wanted


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("n >", "is not an SQL expression"),
        ("n > 5; DROP TABLE x", "is not an SQL expression"),
        ("true) UNION ALL SELECT * FROM read_csv('/etc/passwd'", "more than one"),
        ("true) ORDER BY (n", "more than one"),
        ("true) LIMIT (1", "more than one"),
        ("true) GROUP BY (n", "more than one"),
        ("n IN (SELECT 1)", "a subquery"),
        ("exists (FROM read_text('/etc/passwd'))", "a subquery"),
        ("row_number() OVER () > 1", "a window function"),
        ("COLUMNS(*) > 1", "a star"),
        ("n > $1", "a parameter"),
        ("sum(n) > 1", "does not fit"),
        ("nosuch(n)", "nosuch"),
        ("read_text('/etc/passwd')", "does not fit"),
        ("plan > 5", "try_cast(plan AS DOUBLE)"),
        ("n > 'five'", "`n` is BIGINT"),
        ("m > 5", "no column `m`"),
        ("N > 5", "the nearest is `n`"),
    ],
)
def test_where_that_is_no_expression_is_refused(
    where: str, words: str, source: Path, refuse: Refuse
) -> None:
    error = refuse(source, where=where)
    assert "`where`" in error.message
    assert words in error.message


def test_texts_of_the_expression_are_not_repeated(source: Path, refuse: Refuse) -> None:
    for where in ("n > 'SECRET'", "n = 5 'SECRET", "'SECRET' 'SECRET'", "n > date 'SECRET'"):
        assert "`where`" in refuse(source, where=where).message
