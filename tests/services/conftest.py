"""A whole program in process: real SQLite, real files, the sandbox behind httpx, a clock to set."""

import csv
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from audsync.config.load import load_config
from audsync.sandbox.transport import SandboxTransport
from audsync.sandbox.world import World
from audsync.services import audiences
from audsync.services.jobs.sync_audience import Report
from audsync.services.wiring.runtime import Runtime
from tests.databases import SetClock, copy_migrated
from tests.quick_disk import nothing_synced

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
    columns: {profile_id: id, email: [email, work], phone: phone, external_id: crm, consent: ok}
suppress:
  - {type: file, path: opt_outs.csv, columns: {email: email}}
"""
HEADER = ("id", "email", "work", "phone", "crm", "ok")


class Project:
    """One segment, one connection, and what the platform holds."""

    def __init__(self, folder: Path, world: World, clock: SetClock) -> None:
        self.folder = folder
        self.world = world
        self.clock = clock
        self.segment([])
        self.suppress([])
        copy_migrated(folder / "audsync.db")
        (folder / "audsync.yaml").write_text(CONFIG, encoding="utf-8")
        self.runtime = self.restart()

    def restart(self) -> Runtime:
        config = load_config(self.folder / "audsync.yaml", {})
        self.runtime = Runtime(
            config=config,
            clock=self.clock,
            transport=lambda: SandboxTransport(self.world),
        )
        return self.runtime

    def segment(self, people: Sequence[dict[str, str]]) -> None:
        with (self.folder / "vip.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, HEADER, restval="")
            writer.writeheader()
            writer.writerows({"ok": "yes", **person} for person in people)

    def suppress(self, emails: Sequence[str]) -> None:
        text = "".join(f"{email}\n" for email in ["email", *emails])
        (self.folder / "opt_outs.csv").write_text(text, encoding="utf-8")

    def create(self) -> Report:
        new = audiences.NewAudience(segment="vip", connection="meta-main", slug="a")
        return audiences.create(self.runtime, new)

    def sync(self, *, allow_shrink: bool = False) -> Report:
        return audiences.sync(self.runtime, "a", allow_shrink=allow_shrink)

    def held(self) -> set[tuple[str, str]]:
        """What the only audience holds: (wire key, wire value)."""
        (remote,) = self.world.remotes("meta")
        return set(remote.identifiers)


def email(address: str) -> tuple[str, str]:
    return "EMAIL", hashlib.sha256(address.encode()).hexdigest()


def phone(digits: str) -> tuple[str, str]:
    return "PHONE", hashlib.sha256(digits.encode()).hexdigest()


def closes(job: dict[str, Any]) -> bool:
    """Whether the books of a job close to the last profile."""
    skipped = sum(job["profiles_skipped"].values())
    rest = job["profiles_unchanged"] + job["profiles_sent"] + job["profiles_pending"]
    taken = job["profiles_added"] + job["profiles_failed"]
    return bool(job["profiles_read"] == skipped + rest and job["profiles_sent"] == taken)


@pytest.fixture(autouse=True)
def quick_disk() -> Iterator[None]:
    with nothing_synced():
        yield


@pytest.fixture
def project(tmp_path: Path) -> Project:
    clock = SetClock()
    return Project(tmp_path, World(clock=clock), clock)
