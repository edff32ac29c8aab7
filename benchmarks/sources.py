"""Reading a segment, raw, from every kind of source: rows a second, CPU and peak memory.

The same profiles lie in files, in a bucket of moto's S3 server on loopback, in a SQLite and a
DuckDB file, and in a PostgreSQL server that this program starts. What is read is thrown away:
nothing is prepared. PostgreSQL is read by both drivers; SQLite also by ADBC's driver alone, without
anything of ours, to show what it could save.
"""

import argparse
import json
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks import data
from benchmarks.measure import Cost, repeat
from benchmarks.report import table

TIMES = 3
_COLUMNS = ("profile_id", "email", "phone", "mobile_id", "country")
_BATCH_ROWS = 100_000
_SHARED: dict[str, Any] = {
    "columns": {name: (name,) for name in _COLUMNS},
    "where": None,
    "traits": (),
    "salt": "benchmark",
    "memory_bytes": 400_000_000,
}


def _measured(read: Callable[[], Iterator[int]]) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    rows = sum(read())
    return {
        "rows": rows,
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "peak_mb": _peak_mb(),
    }


def _peak_mb() -> float:
    """Of this program alone: what the system counts begins with the parent's at the fork."""
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / 10**6


def case(way: str, address: str, endpoint: str) -> dict[str, float]:
    """Read one source in this process; what it took, imports left out."""
    if way == "SQLite by ADBC, bare":
        return _measured(lambda: _bare_adbc(address))
    from audsync.segments import reading, sql
    from audsync.segments.contract import FileQuery, SqlQuery

    if way == "PostgreSQL by psycopg":
        sql._ADBC = ("no_such_driver",) * 3  # noqa: SLF001 - as if it were not installed
    with tempfile.TemporaryDirectory() as spill:
        shared = {**_SHARED, "spill": Path(spill)}
        query = (
            SqlQuery(url=address, select="people", is_table=True, **shared)
            if "://" in address and not address.startswith("s3://")
            else FileQuery(path=address, format=None, access=_access(endpoint), **shared)
        )
        return _measured(lambda: (batch.num_rows for batch in reading.read(query)))


def _access(endpoint: str) -> Any:  # noqa: ANN401 - imported where it is measured
    from audsync.objects.stores import ObjectAccess

    if not endpoint:
        return ObjectAccess()
    from audsync.config.objects import S3Objects

    keys = {"access_key_id": "benchmark", "secret_access_key": "benchmark-secret"}
    fields = {"type": "s3", "endpoint": endpoint, "region": "us-east-1", **keys}
    return ObjectAccess(entries=(S3Objects.model_validate(fields),))


def _bare_adbc(file: str) -> Iterator[int]:
    from adbc_driver_sqlite import dbapi

    with (
        closing(dbapi.connect(f"file:{file}?mode=ro")) as connection,
        closing(connection.cursor()) as cursor,
    ):
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(_BATCH_ROWS)})
        cursor.execute(f"select {', '.join(_COLUMNS)} from people")
        yield from (batch.num_rows for batch in cursor.fetch_record_batch())


def _files(rows: int, folder: Path) -> dict[str, str]:
    import duckdb

    columns = ", ".join(_COLUMNS)
    source = f"(select {columns} from '{data.parquet(data.SMALL_ROWS, 1)}' limit {rows})"
    paths = {name: str(folder / f"people.{name}") for name in ("parquet", "csv", "jsonl", "duckdb")}
    with closing(duckdb.connect(paths["duckdb"])) as connection:
        connection.execute(f"create table people as from {source}")
        connection.execute(f"copy people to '{paths['parquet']}' (format parquet)")
        connection.execute(f"copy people to '{paths['csv']}' (format csv, header)")
        connection.execute(f"copy people to '{paths['jsonl']}' (format json)")
        found = connection.execute("from people").fetchall()
    paths["sqlite"] = str(folder / "people.sqlite")
    with closing(sqlite3.connect(paths["sqlite"])) as store:
        store.execute(f"create table people ({', '.join(f'{name} text' for name in _COLUMNS)})")
        store.executemany("insert into people values (?, ?, ?, ?, ?)", found)
        store.commit()
    return paths


def _load_postgres(url: str, csv: str) -> None:
    import psycopg

    with psycopg.connect(url) as connection:
        columns = ", ".join(f"{name} text" for name in _COLUMNS)
        connection.execute(f"create table people ({columns})")
        with (
            connection.cursor() as cursor,
            cursor.copy("copy people from stdin (format csv, header)") as copy,
            Path(csv).open("rb") as file,
        ):
            while block := file.read(1 << 20):
                copy.write(block)


def _has_adbc_for_sqlite() -> bool:
    from importlib.util import find_spec

    return find_spec("adbc_driver_sqlite") is not None


def _rows(costs: dict[str, Cost]) -> list[list[str]]:
    best = costs["Parquet"].said
    return [
        [
            way,
            f"{cost.said['rows'] / cost.said['wall_s']:,.0f}",
            f"{cost.said['wall_s'] / cost.said['rows'] * 1e6:.2f}",
            f"{cost.said['cpu_s'] / cost.said['rows'] * 1e6:.2f}",
            f"{cost.said['wall_s'] / best['wall_s']:.1f}",
            f"{cost.said['peak_mb']:.0f}",
        ]
        for way, cost in costs.items()
    ]


def compare(rows: int) -> str:
    """A table of what each source costs."""
    from tests.object_store import s3_place
    from tests.postgres import own_server

    folder = Path(tempfile.mkdtemp(prefix="audsync-sources-"))
    server, place = own_server(), s3_place()
    try:
        paths = _files(rows, folder)
        url = server.url(server.create())
        _load_postgres(url, paths["csv"])
        ways = {
            "Parquet": paths["parquet"],
            "CSV": paths["csv"],
            "JSON Lines": paths["jsonl"],
            "S3, Parquet": place.put("people.parquet", Path(paths["parquet"]).read_bytes()),
            "S3, CSV": place.put("people.csv", Path(paths["csv"]).read_bytes()),
            "DuckDB": f"duckdb:///{paths['duckdb']}",
            "PostgreSQL by ADBC": url,
            "PostgreSQL by psycopg": url,
            "SQLite": f"sqlite:///{paths['sqlite']}",
        }
        if _has_adbc_for_sqlite():
            ways["SQLite by ADBC, bare"] = paths["sqlite"]
        costs = {way: _cost(way, at, str(place.entry.endpoint)) for way, at in ways.items()}
    finally:
        server.remove()
        shutil.rmtree(folder)
    head = ["source", "rows a second", "wall us a row", "CPU us a row", "wall / Parquet", "peak MB"]
    return table(head, _rows(costs))


def _cost(way: str, address: str, endpoint: str) -> Cost:
    print(f"sources {way}", file=sys.stderr, flush=True)
    options = ("--way", way, "--address", address, "--endpoint", endpoint)
    return repeat("-m", "benchmarks.sources", *options, times=TIMES)


def main() -> None:
    """Compare all, or run one case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=data.SMALL_ROWS)
    parser.add_argument("--way")
    parser.add_argument("--address", default="")
    parser.add_argument("--endpoint", default="")
    options = parser.parse_args()
    if options.way:
        print(json.dumps(case(options.way, options.address, options.endpoint)))
    else:
        print(compare(options.rows))


if __name__ == "__main__":
    main()
