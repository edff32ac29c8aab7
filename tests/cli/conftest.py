"""A project as a person would set it up: a config file, a CSV segment, and the sandbox to sync to.

Commands run in this process through `audsync.cli.app.run`, with real files, a real SQLite store
and the sandbox on a real socket.
"""

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from audsync.cli import app
from audsync.sandbox.serve import Running, serve
from tests.databases import copy_migrated
from tests.quick_disk import nothing_synced

TOKEN = "sandbox-meta-token"
ACCOUNT = "act_1001"


class Outcome(NamedTuple):
    """What a command left behind."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        """Its one JSON document."""
        document: dict[str, Any] = json.loads(self.stdout)
        return document


@dataclass
class Project:
    """A folder with `audsync.yaml`; `config` is what stands in it, `save` writes it again."""

    folder: Path
    sandbox: Running
    capsys: pytest.CaptureFixture[str]
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def segment(self) -> dict[str, Any]:
        """The segment `vip` of the config: change it, then `save`."""
        segment: dict[str, Any] = self.config["segments"]["vip"]
        return segment

    def save(self, **changes: object) -> None:
        """Write the config, some of its top-level keys changed."""
        self.config.update(changes)
        # JSON is YAML, too.
        (self.folder / "audsync.yaml").write_text(json.dumps(self.config, indent=1))

    def write(self, rows: Sequence[Mapping[str, object]], name: str = "vip.csv") -> Path:
        """Write rows of equal keys as a CSV file of the project."""
        path = self.folder / name
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path

    def run(self, *arguments: str) -> Outcome:
        """Run one command line in this process."""
        self.capsys.readouterr()
        exit_code = app.run(["--config", str(self.folder / "audsync.yaml"), *arguments])
        out, err = self.capsys.readouterr()
        return Outcome(exit_code, out, err)


@pytest.fixture(autouse=True)
def quick_disk() -> Iterator[None]:
    with nothing_synced():
        yield


@pytest.fixture
def project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """A segment `vip` of three people in `vip.csv`, and a connection `meta-main`."""
    for name in os.environ:
        if name.startswith(("AUDSYNC_", "AUDIENCE_SYNC_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("META_ACCESS_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)
    copy_migrated(tmp_path / "audsync.db")
    with serve() as running:
        made = Project(folder=tmp_path, sandbox=running, capsys=capsys)
        made.save(
            store={"url": "sqlite:///audsync.db"},
            state={"url": "./audsync-state"},
            connections={
                "meta-main": {
                    "platform": "meta",
                    "account": ACCOUNT,
                    "base_url": running.base_urls["meta"],
                    "credentials": {"access_token": "${META_ACCESS_TOKEN}"},
                }
            },
            segments={
                "vip": {
                    "source": {"type": "file", "path": "vip.csv"},
                    "columns": {"profile_id": "id", "email": "email", "phone": "phone"},
                    "region": "GB",
                    "traits": ["ltv"],
                }
            },
        )
        made.write(
            [
                {"id": "1", "email": "ann@example.com", "phone": "020 7183 8750", "ltv": "10"},
                {"id": "2", "email": "bob@example.com", "phone": "", "ltv": "20.5"},
                {"id": "3", "email": " CY@Example.com", "phone": "+44 20 7183 8752", "ltv": ""},
            ]
        )
        yield made
