"""A segment in a database or an object store: the plan of a file, and the same safety."""

import csv
import io
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audsync.domain import Platform
from audsync.errors import SourceError
from audsync.sandbox.world import World
from audsync.segments import sql
from audsync.services.doctor.checkup import examine
from audsync.services.exports.export_wish import Wish
from audsync.services.exports.exporting import export
from audsync.services.jobs.planning import plan
from audsync.services.segments import sources
from audsync.services.segments.checking import check
from audsync.services.wiring.runtime import Silence
from audsync.store import settings
from tests.databases import SetClock
from tests.object_store import s3_place, s3_yaml
from tests.postgres import Server, own_server
from tests.services.conftest import CONFIG, HEADER, Project, closes, email
from tests.unit.segments.sql_databases import KINDS, database, postgres

FILE_SOURCE = "{type: file, path: vip.csv}"
PEOPLE = [
    {"id": "00042", "email": "Ada@Example.com", "phone": "+1 202 555 0101", "ok": "yes"},
    {"id": "7", "email": 'o"neil@example.com', "work": "x'y@example.com", "crm": "c-7", "ok": "1"},
    {"id": "8", "email": " zoë@example.com ", "phone": "not a number", "ok": "true"},
    {"id": "9", "email": "a,b@example.com", "crm": "line\nbreak", "ok": "no"},
    {"id": "10", "email": "broken", "crm": "日本 🎌", "ok": "y"},
    {"id": "10", "email": "second@example.com", "ok": "y"},
    {"id": "9" * 30, "email": "", "work": "w@example.com", "phone": "+4915112345678", "ok": "t"},
    {"id": "11", "email": "opted.out@example.com", "ok": "granted"},
]
ROWS = [{name: person.get(name) or None for name in HEADER} for person in PEOPLE]
FORMATS = ("csv", "jsonl", "json", "parquet", "s3 csv", "s3 parquet", "s3 jsonl", *KINDS)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def _source(kind: str, folder: Path, stack: ExitStack) -> str:
    """The rows in a source of that kind, as the configuration names it."""
    if kind == "jsonl":
        (folder / "vip.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    elif kind == "json":
        (folder / "vip.json").write_text(json.dumps(ROWS))
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), folder / "vip.parquet")
    elif kind.startswith("s3"):
        return f"{{type: file, path: '{_in_s3(kind.removeprefix('s3 '), folder)}'}}"
    elif kind != "csv":
        url = stack.enter_context(database(kind, folder, rows=ROWS))
        return f"{{type: sql, url: '{url}', query: 'select * from people'}}"
    return f"{{type: file, path: vip.{kind}}}"


def _in_s3(kind: str, folder: Path) -> str:
    """The rows as an object, under its name or as a glob finds it."""
    place = s3_place()
    if kind == "csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, HEADER)
        writer.writeheader()
        writer.writerows(ROWS)
        return place.put("in/vip.csv", text.getvalue().encode())
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), folder / "vip.parquet")
        return place.put("in/vip.parquet", (folder / "vip.parquet").read_bytes())
    place.put("in/vip-1.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS).encode())
    return str(place.address.at("in/vip-*.jsonl"))


def _project(folder: Path, source: str) -> Project:
    clock = SetClock()
    project = Project(folder, World(clock=clock), clock)
    project.segment(PEOPLE)
    project.suppress(["opted.out@example.com"])
    _write(project, source)
    return project


def _write(project: Project, source: str) -> None:
    text = CONFIG.replace(FILE_SOURCE, source) + (s3_yaml() if "s3://" in source else "")
    (project.folder / "audsync.yaml").write_text(text)
    project.restart()


def _fixed_salt(project: Project) -> None:
    """Two stores have two salts; without that, equal segments have equal files."""
    with project.runtime.database.transaction() as session:
        settings.get_or_create(session, sources.SALT, lambda: "5" * 64)


def _files(project: Project) -> set[str]:
    """State files are named by what is in them."""
    found = (project.folder / "audsync-state").rglob("*.parquet")
    return {path.name for path in found if re.search(r"-[0-9a-f]{40}$", path.stem)}


def _told(project: Project) -> dict[str, Any]:
    facts = plan(project.runtime, "a")
    return {key: value for key, value in facts.items() if key != "audience_id"}


def test_the_same_rows_make_the_same_plan_wherever_they_are(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    for kind in FORMATS:
        folder = tmp_path / kind.replace(" ", "-")
        folder.mkdir()
        project = _project(folder, _source(kind, folder, stack))
        _fixed_salt(project)
        with monkeypatch.context() as patch:
            if "psycopg" in kind:
                patch.setattr(sql, "_ADBC", ("no_such_driver",))
            job = project.create().job
            assert job["status"] == "completed", job["error"]
            assert closes(job)
            counts = {key: job[key] for key in job if key.startswith(("profiles_", "identifiers_"))}
            found[kind] = (_files(project), counts, job["rejected"], project.held(), _told(project))
        project.runtime.database.dispose()
    wanted = found.pop("csv")
    assert wanted[0]
    assert wanted[1]["profiles_read"] == 8
    for kind, each in found.items():
        assert each == wanted, kind


def test_rows_that_moved_into_a_database_are_known_again(tmp_path: Path, stack: ExitStack) -> None:
    project = _project(tmp_path, FILE_SOURCE)
    project.create()
    _write(project, _source("duckdb", tmp_path, stack))
    job = project.sync().job
    assert (job["total_batches"], job["profiles_unchanged"]) == (0, 5)


def test_check_export_and_doctor_read_databases_too(tmp_path: Path, stack: ExitStack) -> None:
    project = _project(tmp_path, _source("sqlite", tmp_path, stack))
    assert check(project.runtime, "vip", (Platform.META,))["rows"] == 8
    out = tmp_path / "out.csv"
    wish = Wish(segment="vip", out=str(out), format="csv", is_hashed=False)
    with (tmp_path / "stdout").open("wb") as stdout:
        export(project.runtime, wish, stdout=stdout)
    assert "ada@example.com" in out.read_text()
    assert "opted.out" not in out.read_text()
    told = [f"{each}" for each in examine(project.runtime)]
    assert any("people.sqlite, 6 columns" in each for each in told), told


def test_a_list_of_people_who_are_never_sent_may_be_in_a_database(tmp_path: Path) -> None:
    project = _project(tmp_path, FILE_SOURCE)
    project.create()
    assert email("ada@example.com") in project.held()
    with sqlite3.connect(tmp_path / "no.db") as connection:
        connection.execute("create table complaints (mail text, final integer)")
        connection.execute(
            "insert into complaints values ('ADA@example.com', 1), ('zoë@example.com', 0)"
        )
    connection.close()
    lists = """\
  - type: sql
    url: sqlite:///no.db
    table: complaints
    columns: {email: mail}
    where: final = :yes
    vars: {yes: 1}
"""
    text = (tmp_path / "audsync.yaml").read_text()
    (tmp_path / "audsync.yaml").write_text(text + lists)
    project.restart()
    job = project.sync().job
    assert job["profiles_skipped"]["suppressed"] == 2
    assert email("ada@example.com") not in project.held()


class Killing(Silence):
    """Progress that ends a server once the first rows were read."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.rows = 0

    def advance(self, amount: int) -> None:
        if not self.rows:
            self.server.kill9()
        self.rows += amount


def test_a_server_that_dies_in_mid_read_sends_nothing(tmp_path: Path) -> None:
    server = own_server()
    try:
        with postgres(rows=ROWS, server=server) as url:
            people = "select * from people"
            project = _project(tmp_path, f"{{type: sql, url: '{url}', query: '{people}'}}")
            project.create()
            before = project.held(), _files(project)
            many = (
                "select 'new' || n as id, n || '@example.com' as email, repeat('x', 2000) as work,"
                " null::text as phone, null::text as crm, 'y' as ok"
                " from generate_series(1, 99999) n"
            )
            _write(project, f"{{type: sql, url: '{url}', query: \"{many}\"}}")
            project.runtime.progress = progress = Killing(server)
            job = project.sync(allow_shrink=True).job
    finally:
        server.remove()
    assert (job["status"], job["error"]["code"]) == ("failed", "SOURCE_ERROR")
    assert "nothing of what was read is used" in job["error"]["message"]
    assert 0 < progress.rows < 99_999
    assert job["total_batches"] == 0
    assert (project.held(), _files(project)) == before


def test_a_stale_source_stops_the_sync(tmp_path: Path, stack: ExitStack) -> None:
    project = _project(tmp_path, _source("sqlite", tmp_path, stack))
    at = project.clock.now().isoformat()
    source = _source("duckdb", tmp_path, stack).removesuffix("}")
    _write(project, f"{source}, freshness: \"select '{at}'\", max_age: 26h}}")
    assert project.create().job["status"] == "completed"
    project.clock.advance(27 * 3600)
    project.restart()
    error = project.sync().job["error"]
    assert error["code"] == SourceError.code
    assert "raise `max_age`" in error["message"]
