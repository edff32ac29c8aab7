"""Real databases for tests of the SQL source: each a table `people` with the rows it is given."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from tests.postgres import Server, shared_server

KINDS = ("sqlite", "duckdb", "postgres by ADBC", "postgres by psycopg")
Rows = Sequence[Mapping[str, Any]]


def sqlite(path: Path, *statements: str, rows: Rows = (), types: str = "") -> str:
    """A SQLite file. `types` declares the columns; else all are text."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in _table(rows, types, "text"), *statements:
            connection.execute(statement)
        for row in rows:
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO people VALUES ({marks})", [*row.values()])
        connection.commit()
    return f"sqlite:///{path}"


def duckdb_file(path: Path, *statements: str, rows: Rows = (), types: str = "") -> str:
    """A DuckDB file."""
    with closing(duckdb.connect(str(path))) as connection:
        for statement in _table(rows, types, "varchar"), *statements:
            connection.execute(statement)
        for row in rows:
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO people VALUES ({marks})", [*row.values()])
    return f"duckdb:///{path}"


@contextmanager
def postgres(
    *statements: str, rows: Rows = (), types: str = "", server: Server | None = None
) -> Iterator[str]:
    """A database of its own on a PostgreSQL server."""
    server = server or shared_server()
    name = server.create()
    url = server.url(name)
    with psycopg.connect(url) as connection:
        for statement in _table(rows, types, "text"), *statements:
            connection.execute(statement)
        for row in rows:
            marks = ", ".join(["%s"] * len(row))
            connection.execute(
                f"INSERT INTO people VALUES ({marks})",
                [*row.values()],
            )
    yield url
    if server is shared_server():
        server.drop(name)


@contextmanager
def database(
    kind: str, folder: Path, *statements: str, rows: Rows = (), types: str = ""
) -> Iterator[str]:
    """The address of a database of one of `KINDS`."""
    if kind == "sqlite":
        yield sqlite(folder / "people.sqlite", *statements, rows=rows, types=types)
    elif kind == "duckdb":
        yield duckdb_file(folder / "people.duckdb", *statements, rows=rows, types=types)
    else:
        with postgres(*statements, rows=rows, types=types) as url:
            yield url


def _table(rows: Rows, types: str, text: str) -> str:
    names = ", ".join(f'"{name}" {text}' for name in (rows[0] if rows else {"id": ""}))
    return f"CREATE TABLE people ({types or names})"
