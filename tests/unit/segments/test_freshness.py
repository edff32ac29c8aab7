"""A source that was not brought up to date in time is not read."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from audsync.errors import ConfigError, SourceError

Take = Callable[..., list[dict[str, Any]]]
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ROWS = [{"id": "1", "email": "ann@example.com"}]
TIMES = (
    "select '2026-11-22 12:00:00+00' as t",
    "select '2026-11-22T12:00:00' as t",
    "select max(t) as t from (select '2026-11-22T12:00:00Z' as t) x;",
)
TYPED = ("select timestamptz '2026-11-22 12:00:00+00'", "select timestamp '2026-11-22 12:00:00'")


@pytest.mark.parametrize("freshness", TIMES)
def test_rows_that_are_older_than_allowed_are_not_read(
    freshness: str, load: Callable[..., str], take_sql: Take
) -> None:
    url = load(rows=ROWS)
    for select in (freshness, *([] if url.startswith("sqlite") else TYPED)):
        assert take_sql(url, freshness=select, not_before=NOON)
        with pytest.raises(SourceError, match="last brought up to date at 2026-11-22 12:00 UTC"):
            take_sql(url, freshness=select, not_before=NOON + timedelta(seconds=1))


@pytest.mark.parametrize(
    "answer", ["select 'soon'", "select null", "select id from people limit 0"]
)
def test_what_is_no_time_is_refused(answer: str, load: Callable[..., str], take_sql: Take) -> None:
    url = load(rows=ROWS)
    with pytest.raises(SourceError, match="yields no time"):
        take_sql(url, freshness=answer, not_before=NOON)
    with pytest.raises(ConfigError, match="takes no variables"):
        take_sql(url, freshness="select :x", not_before=NOON)


def test_files_are_as_old_as_the_newest_of_them(
    tmp_path: Path, write: Callable[..., Path], take: Take
) -> None:
    for name, at in (("a.csv", NOON), ("b.csv", NOON - timedelta(days=3))):
        os.utime(write(tmp_path / name, ROWS), (at.timestamp(), at.timestamp()))
    assert len(take(tmp_path, not_before=NOON)) == 2
    with pytest.raises(SourceError, match=r"a\.csv was written at 2026-11-22 12:00 UTC"):
        take(tmp_path, not_before=NOON + timedelta(seconds=1))
