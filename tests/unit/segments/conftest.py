import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audsync.errors import SourceError
from audsync.segments import sql
from audsync.segments.contract import FileQuery, SqlQuery
from audsync.segments.reading import read
from tests.unit.segments.sql_databases import KINDS, database

Rows = Sequence[Mapping[str, Any]]


class Ask(Protocol):
    def __call__(self, path: Path | str, **changes: object) -> FileQuery: ...


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """A query over `path`, with `id` and `email` mapped unless told otherwise."""

    def build(path: Path | str, **changes: object) -> FileQuery:
        settings: dict[str, Any] = {
            "path": str(path),
            "format": None,
            "columns": {"profile_id": ("id",), "email": ("email",)},
            "where": None,
            "traits": (),
            "salt": "salt",
            "memory_bytes": 256 << 20,
            "spill": tmp_path / "spill",
            "in_order": True,
        }
        return FileQuery(**{**settings, **changes})

    return build


@pytest.fixture
def take(ask: Ask) -> Callable[..., list[dict[str, Any]]]:
    """All rows of a source, as dicts."""

    def run(path: Path | str, **changes: object) -> list[dict[str, Any]]:
        return [row for batch in read(ask(path, **changes)) for row in batch.to_pylist()]

    return run


@pytest.fixture
def refuse(ask: Ask, tmp_path: Path) -> Callable[..., SourceError]:
    """The error of a source that cannot be read; proves that it leaks no cell."""

    def run(path: Path | str, **changes: object) -> SourceError:
        with pytest.raises(SourceError) as caught:
            for _ in read(ask(path, **changes)):
                pass
        error: BaseException | None = caught.value
        while error is not None:
            shown = f"{error!r} {error} {vars(error)}"
            assert "SECRET" not in shown.replace(str(tmp_path), "")
            error = error.__context__
        return caught.value

    return run


@pytest.fixture
def write() -> Callable[..., Path]:
    """Write rows as the file's name says: format, then packing."""

    def run(path: Path, rows: Rows, *, bom: bytes = b"") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        suffixes = [suffix for suffix in path.suffixes if suffix not in {".gz", ".zst"}]
        data = bom + _WRITERS[suffixes[-1]](rows)
        if path.suffix == ".gz":
            data = gzip.compress(data)
        elif path.suffix == ".zst":
            data = pa.Codec("zstd").compress(data, asbytes=True)
        path.write_bytes(data)
        return path

    return run


@pytest.fixture
def ask_sql(tmp_path: Path) -> Callable[..., SqlQuery]:
    def build(url: str, select: str = "people", **changes: object) -> SqlQuery:
        settings: dict[str, Any] = {
            "url": url,
            "select": select,
            "is_table": select == "people",
            "columns": {"profile_id": ("id",), "email": ("email",)},
            "where": None,
            "traits": (),
            "salt": "salt",
            "memory_bytes": 256 << 20,
            "spill": tmp_path / "spill",
            "in_order": True,
        }
        return SqlQuery(**{**settings, **changes})

    return build


@pytest.fixture
def take_sql(ask_sql: Callable[..., SqlQuery]) -> Callable[..., list[dict[str, Any]]]:
    def run(url: str, select: str = "people", **changes: object) -> list[dict[str, Any]]:
        query = ask_sql(url, select, **changes)
        return [row for batch in read(query) for row in batch.to_pylist()]

    return run


@pytest.fixture(params=KINDS)
def load(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., str]]:
    """Puts rows into a database of each kind in turn."""
    if "psycopg" in request.param:
        monkeypatch.setattr(sql, "_ADBC", ("no_such_driver",))
    with ExitStack() as stack:

        def run(*statements: str, rows: Rows = (), types: str = "") -> str:
            made = database(request.param, tmp_path, *statements, rows=rows, types=types)
            return stack.enter_context(made)

        run.kind = request.param  # type: ignore[attr-defined]
        yield run


def _as_csv(rows: Rows) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return text.getvalue().encode()


def _as_jsonl(rows: Rows) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _as_json(rows: Rows) -> bytes:
    return json.dumps(rows).encode()


def _as_parquet(rows: Rows) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), sink)
    return sink.getvalue()


_WRITERS: Mapping[str, Callable[[Rows], bytes]] = {
    ".csv": _as_csv,
    ".jsonl": _as_jsonl,
    ".json": _as_json,
    ".parquet": _as_parquet,
}
