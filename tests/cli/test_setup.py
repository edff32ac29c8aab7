"""`init`, `doctor`, `schema`, `sandbox`, and how little `status` costs on an empty store."""

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from audsync.cli.app import run
from audsync.config.load import load_config
from audsync.config.template import STARTER
from audsync.sandbox.transport import SandboxTransport
from audsync.sandbox.world import World
from audsync.services.doctor import checkup
from audsync.services.doctor.checks import Check
from audsync.services.segments.sources import salt_of
from audsync.services.wiring.runtime import Runtime
from audsync.store.glance import is_surely_empty
from tests.databases import SetClock

CONFIG = """
connections:
  meta-main:
    platform: meta
    account: act_1001
    base_url: https://sandbox.test/meta
    credentials: {access_token: sandbox-meta-token}
segments:
  vip:
    source: {type: file, path: vip.csv}
    columns: {profile_id: id, email: email}
suppress:
  - {type: file, path: out.csv, delimiter: ";", columns: {email: email}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a configuration that is right in every way."""
    (tmp_path / "audsync.yaml").write_text(CONFIG, "utf-8")
    (tmp_path / "vip.csv").write_text("id,email\n1,ada@example.com\n", "utf-8")
    (tmp_path / "out.csv").write_text("since;email\n2026;bo@example.com\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AUDSYNC_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def world() -> World:
    return World()


def runtime_in(folder: Path, world: World) -> Runtime:
    config = load_config(folder / "audsync.yaml", {})
    return Runtime(config=config, transport=lambda: SandboxTransport(world))


def initialised(folder: Path, world: World) -> Runtime:
    assert run(["init", "--quiet"]) == 0
    return runtime_in(folder, world)


def failing(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks if not check.ok}


def printed(capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(capfd.readouterr().out)
    return document


class TestInit:
    def test_makes_files_store_and_private_folders(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert run(["init"]) == 0
        told = capfd.readouterr().out
        assert (tmp_path / "audsync.yaml").read_text("utf-8") == STARTER
        assert (tmp_path / ".env.example").is_file()
        assert (tmp_path / "audsync.db").is_file()
        mode = (tmp_path / "audsync-state").stat().st_mode
        assert stat.S_IMODE(mode) == 0o700
        assert "audsync doctor" in told

    def test_overwrites_nothing_and_says_so(
        self, folder: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (folder / ".env.example").write_text("MINE=1\n", "utf-8")
        assert run(["init", "--json"]) == 0
        told = printed(capfd)
        assert told["config"] == {"path": "audsync.yaml", "is_new": False}
        assert told["dotenv_example"]["is_new"] is False
        assert (folder / "audsync.yaml").read_text("utf-8") == CONFIG
        assert (folder / ".env.example").read_text("utf-8") == "MINE=1\n"

    def test_writes_where_config_points(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "deep" / "here.yaml"
        assert run(["--config", str(path), "init"]) == 0
        assert path.is_file()
        assert (tmp_path / "deep" / "audsync.db").is_file()
        assert f"audsync doctor --config {path}" in capfd.readouterr().out

    def test_writes_where_the_next_command_will_look(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AUDSYNC_CONFIG", str(tmp_path / "named.yaml"))
        assert run(["init", "--quiet"]) == 0
        assert (tmp_path / "named.yaml").is_file()

    def test_says_what_is_wrong_with_a_file_that_was_there(
        self, folder: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (folder / "audsync.yaml").write_text("segmnts: {}\n", "utf-8")
        assert run(["init", "--json"]) == 2
        assert printed(capfd)["error"]["code"] == "CONFIG_ERROR"

    def test_says_where_nothing_can_be_written(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "file").touch()
        assert run(["--config", str(tmp_path / "file" / "a.yaml"), "init", "--json"]) == 1
        assert printed(capfd)["error"]["code"] == "STATE_ERROR"


class TestDoctor:
    def test_finds_nothing_where_all_is_well(self, folder: Path, world: World) -> None:
        checks = checkup.examine(initialised(folder, world))
        assert failing(checks) == {}
        assert [check.name for check in checks] == [
            "config", "store", "sqlite", "migrations", "locks", "snapshots", "state", "permissions",
            "disk",
            "clock", "connection meta-main", "source vip", "suppress.0",
        ]  # fmt: skip

    def test_changes_nothing(self, folder: Path, world: World) -> None:
        checkup.examine(runtime_in(folder, world))
        names = {path.name for path in folder.iterdir()}
        assert names == {"audsync.yaml", "vip.csv", "out.csv"}

    def test_names_what_is_not_there_yet(self, folder: Path, world: World) -> None:
        found = failing(checkup.examine(runtime_in(folder, world)))
        assert set(found) == {"store", "state"}
        assert "audsync init" in found["store"].mend

    def test_reports_a_broken_config_as_the_first_check(
        self, folder: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (folder / "audsync.yaml").write_text("segmnts: {}\n", "utf-8")
        assert run(["doctor", "--json"]) == 2
        told = printed(capfd)
        assert told["ok"] is False
        assert [check["name"] for check in told["checks"]] == ["config"]
        assert "segments" in told["checks"][0]["detail"]

    def test_exits_with_1_and_says_how_to_mend(
        self, folder: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        offline = CONFIG.replace("https://sandbox.test/meta", "http://127.0.0.1:9/meta")
        (folder / "audsync.yaml").write_text(offline, "utf-8")
        assert run(["init", "--quiet"]) == 0
        assert run(["doctor", "--json"]) == 1
        told = printed(capfd)
        (bad,) = [check for check in told["checks"] if not check["ok"]]
        assert bad["name"] == "connection meta-main"
        assert bad["detail"].startswith("PLATFORM_UNAVAILABLE")
        assert set(bad) == {"name", "ok", "detail", "mend"}
        assert bad["mend"]

    def test_quiet_tells_only_what_failed(
        self, folder: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (folder / "audsync.yaml").write_text("segments: {}\n", "utf-8")
        assert run(["init", "--quiet"]) == 0
        assert run(["doctor", "--quiet"]) == 0
        assert capfd.readouterr().out == ""

    def test_hears_what_the_platform_says_of_the_token(self, folder: Path, world: World) -> None:
        runtime = initialised(folder, world)
        world.platforms["meta"].configure({"tokens": [{"value": "another"}]})
        found = failing(checkup.examine(runtime))
        assert found["connection meta-main"].detail.startswith("INVALID_CREDENTIALS")
        assert "sandbox-meta-token" not in repr(found)

    def test_warns_of_credentials_that_end_soon(self, folder: Path, world: World) -> None:
        runtime = initialised(folder, world)
        ends_at = datetime.now(UTC) + timedelta(days=2)
        token = {"value": "sandbox-meta-token", "expires_at": ends_at.timestamp()}
        world.platforms["meta"].configure({"tokens": [token]})
        assert "until" in failing(checkup.examine(runtime))["connection meta-main"].detail

    def test_one_bad_connection_does_not_hide_the_next(self, folder: Path, world: World) -> None:
        more = (
            "\n  google-main: {platform: google, account: 123, credentials:"
            " {client_id: x, client_secret: x, refresh_token: x}}"
            "\n  meta-bare: {platform: meta, account: act_1}\nsegments:"
        )
        (folder / "audsync.yaml").write_text(CONFIG.replace("\nsegments:", more, 1), "utf-8")
        found = failing(checkup.examine(initialised(folder, world)))
        assert set(found) == {"connection google-main", "connection meta-bare"}
        assert "terms_accepted" in found["connection google-main"].detail

    def test_names_missing_files_and_columns(self, folder: Path, world: World) -> None:
        runtime = initialised(folder, world)
        (folder / "vip.csv").write_text("id,mail\n", "utf-8")
        (folder / "out.csv").unlink()
        found = failing(checkup.examine(runtime))
        assert set(found) == {"source vip", "suppress.0"}
        assert "`email`" in found["source vip"].detail

    def test_sees_a_clock_that_is_wrong(self, folder: Path) -> None:
        clock = SetClock()
        world = World()
        runtime = replace(initialised(folder, world), clock=clock)
        served = _Dated(world, clock.now() - timedelta(seconds=300))
        found = failing(checkup.examine(replace(runtime, transport=lambda: served)))
        assert "300 s ahead" in found["clock"].detail

    def test_sees_state_that_others_can_read(self, folder: Path, world: World) -> None:
        runtime = initialised(folder, world)
        for path in (folder / "audsync-state", runtime.state_root, runtime.state_root / "a"):
            path.mkdir(exist_ok=True)
            path.chmod(0o755)
        assert "permissions" in failing(checkup.examine(runtime))
        (folder / "audsync-state").chmod(0o700)
        assert failing(checkup.examine(runtime)) == {}

    def test_sees_a_damaged_store(self, folder: Path, world: World) -> None:
        runtime = initialised(folder, world)
        (folder / "audsync.db").write_bytes(b"not a database, whatever its name says")
        assert failing(checkup.examine(runtime))["store"].detail.startswith("STORE_ERROR")

    def test_sees_tables_of_another_version(self, folder: Path, world: World) -> None:
        runtime = initialised(folder, world)
        with sqlite3.connect(folder / "audsync.db") as connection:
            connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.close()
        found = failing(checkup.examine(runtime))
        assert "audsync init" in found["migrations"].mend

    def test_sees_state_that_cannot_be_had(self, folder: Path, world: World) -> None:
        text = CONFIG + "state: {url: s3://bucket/prefix, cache: s3://bucket/cache}\n"
        (folder / "audsync.yaml").write_text(text, "utf-8")
        found = failing(checkup.examine(runtime_in(folder, world)))
        assert found["state"].detail.startswith("CONFIG_ERROR")


class TestSchema:
    def test_prints_a_schema_that_takes_the_starter(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert run(["schema"]) == 0
        jsonschema.Draft202012Validator.check_schema(printed(capfd))


class TestSandbox:
    def test_says_how_to_reach_it_and_ends_on_sigterm(self) -> None:
        command = [sys.executable, "-m", "audsync", "sandbox", "--port", "0", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            told = "".join(iter(process.stdout.readline, "}\n")) + "}"
            connection = json.loads(told)["connections"]["meta"]
            token = connection["credentials"]["access_token"]
            url = f"{connection['base_url']}/v26.0/{connection['account']}?fields=name"
            request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert "name" in json.load(answer)
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0


class TestEmptiness:
    def test_knows_a_store_without_audiences(self, folder: Path, world: World) -> None:
        config = runtime_in(folder, world).config
        assert is_surely_empty(config.store.url)
        assert is_surely_empty(initialised(folder, world).config.store.url)

    def test_is_in_doubt_about_everything_else(self, folder: Path, world: World) -> None:
        runtime = initialised(folder, world)
        salt_of(runtime)
        with sqlite3.connect(folder / "audsync.db") as connection:
            connection.execute("ALTER TABLE platform_audience RENAME TO another")
        connection.close()
        assert not is_surely_empty(runtime.config.store.url)
        (folder / "audsync.db").write_bytes(b"damaged" * 100)
        assert not is_surely_empty(runtime.config.store.url)

    @pytest.mark.parametrize(
        "url", ["postgresql://u@host/db", "sqlite:////tmp/a.db?mode=ro", "sqlite:///:memory:"]
    )
    def test_looks_at_plain_sqlite_files_only(self, folder: Path, url: str) -> None:
        config = load_config(folder / "audsync.yaml", {"AUDSYNC_STORE_URL": url})
        assert not is_surely_empty(config.store.url)

    def test_sees_an_audience(self, folder: Path, world: World) -> None:
        from audsync.services import audiences

        runtime = initialised(folder, world)
        new = audiences.NewAudience(segment="vip", connection="meta-main")
        audiences.create(runtime, new)
        assert not is_surely_empty(runtime.config.store.url)

    def test_status_on_an_empty_store_loads_neither_orm_nor_data_plane(self, folder: Path) -> None:
        code = (
            "import sys; from audsync.cli.app import run; code = run(['status']);"
            "heavy = {'sqlalchemy', 'polars', 'duckdb', 'pyarrow', 'httpx', 'obstore'};"
            "heavy.add('rich.console');"
            "sys.exit(code or ','.join(sorted(heavy & set(sys.modules))) or 0)"
        )
        environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "No audiences yet" in done.stdout


class _Dated(SandboxTransport):
    """The sandbox, whose answers carry a date of our choice."""

    def __init__(self, world: World, date: datetime) -> None:
        super().__init__(world)
        self._date = date

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        answer.headers["Date"] = self._date.strftime("%a, %d %b %Y %H:%M:%S GMT")
        return answer
