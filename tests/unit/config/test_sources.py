"""What the file may say about where rows are."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from audsync.config.load import load_config
from audsync.config.model import (
    SegmentConfig,
    SqlSource,
    SuppressedFiles,
    SuppressedRows,
    TableSource,
)
from audsync.errors import ConfigError

HEAD = "segments:\n  v:\n    columns: {profile_id: i, email: e}\n    source: "
SQL = "{type: sql, url: 'sqlite:///a.db', table: t"


@pytest.fixture
def segment(tmp_path: Path) -> Callable[[str], SegmentConfig]:
    def load(source: str) -> SegmentConfig:
        path = tmp_path / "audsync.yaml"
        path.write_text(HEAD + source)
        return load_config(path, {}).segments["v"]

    return load


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("sqlite:///a.db", "sqlite:///{folder}/a.db"),
        ("duckdb:///data/a.duckdb", "duckdb:///{folder}/data/a.duckdb"),
        ("sqlite:////abs/a.db?x=1", "sqlite:////abs/a.db?x=1"),
        ("postgresql://u:p@h/d", "postgresql://u:p@h/d"),
    ],
)
def test_a_database_file_is_seen_from_the_folder_of_the_configuration(
    url: str, seen: str, segment: Callable[[str], SegmentConfig], tmp_path: Path
) -> None:
    source = segment(f"{{type: sql, url: '{url}', table: t}}").source
    assert isinstance(source, SqlSource)
    assert source.url.get_secret_value() == seen.format(folder=tmp_path)
    assert "u:p" not in repr(source)


@pytest.mark.parametrize("table", ["t", "marts.t", '"Odd name".t', "`project-1`.set.t", "größe"])
def test_a_table_is_a_name_with_dots(table: str, segment: Callable[[str], SegmentConfig]) -> None:
    source = segment(f"{{type: sql, url: 'sqlite:///a.db', table: '{table}'}}").source
    assert isinstance(source, SqlSource)
    assert source.table == table


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{type: sql, url: x, table: 'a b'}", "table: must be a name such as marts.at_risk"),
        ("{type: sql, url: x, table: 'a; drop table b'}", "table: must be a name"),
        ("{type: sql, url: x, table: (select 1)}", "table: must be a name"),
        (SQL + ", timeout: 0}", "timeout: must be more than 0"),
        (SQL + ", timeout: 5}", "timeout: must be a time with its unit"),
        (SQL + ", max_age: 1h}", "must have both freshness and max_age, or neither"),
        (SQL + ", freshness: select now()}", "must have both freshness and max_age, or neither"),
    ],
)
def test_what_makes_no_sense_is_refused(
    source: str, words: str, segment: Callable[[str], SegmentConfig]
) -> None:
    with pytest.raises(ConfigError) as caught:
        segment(source)
    assert words in caught.value.message


def test_a_list_of_people_never_sent_is_files_unless_it_says_sql(tmp_path: Path) -> None:
    path = tmp_path / "audsync.yaml"
    path.write_text(
        "suppress:\n"
        "  - {path: a.csv, columns: {email: e}}\n"
        "  - {type: file, path: b.csv, columns: {email: e}, where: x}\n"
        "  - {type: sql, url: 'duckdb:///a.db', query: select 1, columns: {email: e}}\n"
    )
    kinds = [type(entry) for entry in load_config(path, {}).suppress]
    assert kinds == [SuppressedFiles, SuppressedFiles, SuppressedRows]


TABLE = "{type: table, table: main.marts.v}"
ENGINE = "engine: {kind: spark, remote: 'sc://x'}"


@pytest.mark.parametrize("engine", [f"\n    {ENGINE}", f"\n{ENGINE}"])
def test_a_table_of_a_cluster_is_read_by_the_engine_of_the_segment_or_of_the_top(
    engine: str, segment: Callable[[str], SegmentConfig]
) -> None:
    found = segment(TABLE + engine)
    assert isinstance(found.source, TableSource)
    assert found.can_be_shared


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("", "source: is a table of a Spark cluster: it needs engine"),
        (f"\n    engine: {{kind: local}}\n{ENGINE}", "it needs engine: {kind: spark}"),
        (f"\n  w: {{include: [v]}}\n{ENGINE}", "include.0: is a table of a Spark cluster"),
    ],
)
def test_a_table_without_its_cluster_is_refused(
    rest: str, words: str, segment: Callable[[str], SegmentConfig]
) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        segment(TABLE + rest)
