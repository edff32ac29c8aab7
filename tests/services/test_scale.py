"""A thousand audiences cost a thousand times what one costs, and no table is read from end to end.

How quickly a thousand are synced is measured by `benchmarks.audiences`, not here.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from audsync.services import audiences
from audsync.services.cron import run_due
from audsync.services.cron.run_due import Pace
from tests.databases import KINDS, fresh_url
from tests.services.conftest import CONFIG, Project

MOST_STATEMENTS = 150
"""Of one sync that adds and removes; 132 on 2026-11-22."""
GROWING = (
    "audience_sync_job",
    "audit_entry",
    "batch",
    "head",
    "incident",
    "lease",
    "notification",
    "reject",
)
"""Tables that grow with audiences or with time."""
Statement = tuple[str, Any]


@contextmanager
def statements() -> Iterator[list[Statement]]:
    """What is asked of databases meanwhile, transactions apart."""
    seen: list[Statement] = []

    def note(*given: Any) -> None:  # noqa: ANN401 - SQLAlchemy's hook
        _connection, _cursor, text, values, _context, is_many = given
        if text.split(maxsplit=1)[0] in {"SELECT", "UPDATE", "INSERT", "DELETE"}:
            seen.append((text, values[0] if is_many else values))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture(params=KINDS)
def shop(project: Project, request: pytest.FixtureRequest) -> Iterator[Project]:
    with fresh_url(request.param, project.folder) as url:
        config = f"store: {{url: '{url}'}}\n{CONFIG}"
        (project.folder / "audsync.yaml").write_text(config, encoding="utf-8")
        project.restart()
        yield project
        project.runtime.database.dispose()


def people(*numbers: int) -> Sequence[dict[str, str]]:
    return [{"id": str(n), "email": f"p{n}@example.com"} for n in numbers]


def all_due(project: Project, count: int) -> list[Statement]:
    """What a `run-due` asks that has so many audiences to change."""
    project.segment(people(*range(20)))
    for number in range(count):
        new = audiences.NewAudience(
            segment="vip",
            connection="meta-main",
            slug=f"a{count}-{number}",
            name=f"{count}-{number}",
        )
        assert audiences.create(project.runtime, new).exit_code == 0
    project.segment(people(*range(3, 21)))
    with project.runtime.database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE platform_audience SET next_sync_at = NULL")
    with statements() as seen:
        report = run_due.run_due(project.runtime, Pace(max_concurrent=1))
    assert [job["status"] for job in report.jobs] == ["completed"] * count
    for job in report.jobs:
        assert (job["profiles_added"], job["profiles_removed"]) == (1, 3)
        audiences.schedule(project.runtime, job["audience"], auto_sync=False)
    return seen


def test_each_audience_costs_the_same_few_statements(shop: Project) -> None:
    few, many = len(all_due(shop, 1)), len(all_due(shop, 3))
    assert (many - few) / 2 <= MOST_STATEMENTS


def test_no_statement_reads_a_growing_table_from_end_to_end(shop: Project) -> None:
    seen = dict(all_due(shop, 2))
    with shop.runtime.database.reading() as session:
        connection = session.connection()
        is_postgres = connection.dialect.name == "postgresql"
        if is_postgres:
            # A table of three rows is read as a whole, whatever indexes it has.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for text, values in seen.items():
            explain = "EXPLAIN" if is_postgres else "EXPLAIN QUERY PLAN"
            told = connection.exec_driver_sql(f"{explain} {text}", values).all()
            plan = "\n".join(str(row[-1]) for row in told)
            for table in GROWING:
                whole = f"Seq Scan on {table}" if is_postgres else f"SCAN {table}"
                assert whole not in plan, f"{text}\n{plan}"
