"""Audiences of one segment that are synced together come to what each comes to alone."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from audsync.errors import StateError
from audsync.services import audiences
from audsync.services.cron.run_due import Pace, Report, run_due
from audsync.services.segments import sources
from audsync.snapshots.folder import AudienceFolder
from audsync.store import audiences as records
from audsync.store import settings
from audsync.sync import desired
from audsync.sync.wanted.parts import Reading
from tests.services.everywhere import PLATFORMS, Everywhere

HEADER = ("id", "email", "phone", "device", "first", "country", "yes")
FEW = """
limits: {max_concurrent_syncs: 4}
segments:
  vip:
    source: {type: file, path: vip.csv}
    region: DE
    columns: {profile_id: id, email: email, phone: phone}
"""
MANY = """
limits: {max_concurrent_syncs: 4}
segments:
  vip:
    source: {type: file, path: vip.csv}
    region: DE
    columns: {profile_id: id, email: email, phone: phone, mobile_id: device,
      first_name: first, country: country, consent: yes}
"""
LISTS = """
suppress:
  - {type: file, path: out.csv, columns: {email: email}}
"""
AUDIENCES = ("meta-one", "meta-two", "snapchat-one", "tiktok-one")
"""Each begins with its platform."""
AT_ONCE = len(AUDIENCES)
Row = Mapping[str, str]
_IN_NO_ORDER = frozenset({"repair", "uncertain", "echo"})
"""Made of outcomes, by each audience for itself, and their rows come as they come."""
Kept = dict[str, set[str]]


def person(number: int) -> Row:
    return {
        "id": f"p{number}",
        "email": f"P{number}@example.com",
        "phone": f"030 1234{number:03}",
        "device": f"aebe52e7-03ee-455a-b3c4-{number:012}",
        "first": "Ann-Marie" if number % 2 else "İnci",
        "country": "US" if number % 3 else "de",
        "yes": "yes",
    }


HOSTILE: Sequence[Row] = [
    {"id": "", "email": "no.name+x@gmail.com", "yes": "yes"},
    {"id": "", "email": "no.name+x@gmail.com", "yes": "yes"},
    {"id": "p1", "email": "second.of.p1@example.com", "yes": "TRUE"},
    {"id": "p2", "email": "", "phone": "", "yes": "yes"},
    {"id": "p3", "email": "p4@example.com", "phone": "+1 202 555 0104", "yes": "yes"},
    {"id": "x'; drop table", "email": "=cmd|'/c'!A1", "phone": "(null)", "yes": "yes"},
    {"id": "a b", "email": "A B@example.com", "phone": "0044 20 7183 8750", "yes": "yes"},
    {"id": "h", "email": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
    {
        "id": "ü\u200b",
        "email": "\u00fcn\u200bicode@exämple.com",
        "first": "\u202eMr. X",
        "yes": "1",
    },
    {"id": "no", "email": "no@example.com", "yes": "no"},
    {"id": "dots", "email": "d.o.t.s@googlemail.com", "device": "null", "yes": "yes"},
    {"id": "long", "email": "x" * 5000, "phone": "1" * 99, "country": "Narnia", "yes": "yes"},
]
DAYS: Sequence[Sequence[Row]] = (
    [person(number) for number in range(40)],
    [*(person(number) for number in range(3, 43)), *HOSTILE],
    [*HOSTILE[3:], *(person(number) for number in range(9, 45))],
)


class Shop(Everywhere):
    """One segment in audiences that are all due together."""

    def __init__(self, folder: Path, rest: str) -> None:
        folder.mkdir()
        super().__init__(folder, rest)
        self.write("out.csv", [{"email": "p7@example.com"}], HEADER)
        self.write("vip.csv", DAYS[0], HEADER)
        with self.runtime.database.transaction() as session:
            settings.write(session, sources.SALT, "the same salt in every shop")
        for name in AUDIENCES:
            platform, _, _ = name.partition("-")
            new = audiences.NewAudience(segment="vip", connection=platform, slug=name, name=name)
            assert audiences.create(self.runtime, new).exit_code == 0
        self.clock.advance(3600)
        run_due(self.runtime, Pace())

    def day(self, rows: Sequence[Row], *, at_once: int = AT_ONCE) -> Report:
        self.write("vip.csv", rows, HEADER)
        self.clock.advance(24 * 3600)
        report = run_due(self.runtime, Pace(max_concurrent=at_once))
        self.clock.advance(3600)
        run_due(self.runtime, Pace(max_concurrent=at_once))
        return report

    def kept(self, kept: Kept) -> Kept:
        """What each audience kept since it was asked last, by its slug."""
        with self.runtime.database.reading() as session:
            slugs = {str(one.id): one.slug for one in records.of_all_tenants(session)}
        found = {slugs[folder]: names for folder, names in kept.items()}
        kept.clear()
        return found

    def members(self) -> dict[str, set[tuple[str, str]]]:
        return {
            remote.name: set(remote.identifiers)
            for platform in PLATFORMS
            for remote in self.world.remotes(platform)
        }


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    """Names of the files that are made durable, which say what is in them, by audience."""
    found: Kept = defaultdict(set)
    plainly = AudienceFolder.keep

    def noted(self: AudienceFolder, unfinished: Path, role: str) -> str:
        name = plainly(self, unfinished, role)
        if role not in _IN_NO_ORDER:
            found[self.place_of(name).parent.name].add(name)
        return name

    monkeypatch.setattr(AudienceFolder, "keep", noted)
    return found


@pytest.mark.parametrize(
    ("rest", "days"),
    [(FEW, DAYS[1:]), (MANY + LISTS, DAYS[1:2])],
    ids=["few columns, then other rules", "many and a list"],
)
def test_together_is_alone_to_the_byte(
    tmp_path: Path, kept: Kept, rest: str, days: Sequence[Sequence[Row]]
) -> None:
    alone = Shop(tmp_path / "alone", rest)
    before = alone.kept(kept)
    together = Shop(tmp_path / "together", rest)
    assert together.kept(kept) == before
    for number, rows in enumerate(days):
        if number:
            # Other rules, though to the same end: nothing that was prepared before helps now.
            for shop in (alone, together):
                shop.configure(f"{rest}defaults: {{consent_values: ['yes', 'oui']}}")
        one_by_one = alone.day(rows, at_once=1)
        files_of_one_by_one = alone.kept(kept)
        at_once = together.day(rows)
        assert together.kept(kept) == files_of_one_by_one
        assert books(at_once) == books(one_by_one)
        assert together.members() == alone.members()


def books(report: Report) -> dict[str, Mapping[str, object]]:
    """What each job counted."""
    assert sorted(job["audience"] for job in report.jobs) == list(AUDIENCES)
    found: dict[str, Mapping[str, object]] = {
        job["audience"]: {
            key: value
            for key, value in job.items()
            if key == "status" or key.startswith(("profiles", "ident"))
        }
        for job in report.jobs
    }
    assert {one["status"] for one in found.values()} == {"completed"}
    return found


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """For which platforms rows are prepared from now on."""
    found: list[str] = []
    plainly = desired._prepared  # noqa: SLF001 - how often it is done shows nowhere else

    def noted(reading: Reading, *rest: object) -> object:
        found.append(reading.spec.platform.value)
        return plainly(reading, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(desired, "_prepared", noted)
    return found


def test_the_same_rules_are_prepared_once(tmp_path: Path, prepared: list[str]) -> None:
    shop = Shop(tmp_path / "shop", FEW)
    prepared.clear()
    books(shop.day(DAYS[1]))
    assert len(prepared) == 2, "Meta and Snapchat hash these kinds alike"
    assert prepared.count("tiktok") == 1


def test_a_disk_that_refuses_one_leaves_the_others_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path / "shop", FEW)
    plainly = desired.prepare_segment
    refused: list[object] = []

    def fails_once(reading: Reading, cache: object) -> object:
        if not refused:
            refused.append(reading)
            message = "the disk is full"
            raise StateError(message)
        return plainly(reading, cache)  # type: ignore[arg-type]

    monkeypatch.setattr("audsync.sync.together.twins.prepare_segment", fails_once)
    report = shop.day(DAYS[1])
    failed = [job["audience"] for job in report.jobs if job["status"] == "failed"]
    assert len(failed) == 1
    assert len(report.jobs) == AT_ONCE


def test_files_are_copied_where_the_disk_has_no_links(
    tmp_path: Path, prepared: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path / "shop", MANY)
    prepared.clear()

    def refuse(_source: Path, _target: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    books(shop.day(DAYS[1]))
    assert sorted(prepared) == ["meta", "snapchat", "tiktok"]
    assert shop.members()["meta-one"] == shop.members()["meta-two"]
