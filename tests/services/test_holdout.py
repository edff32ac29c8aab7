"""People who are held out: in no audience, the same ones for ever, and told apart in `export`."""

import csv
import hashlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from audsync.domain import Platform
from audsync.errors import UsageError
from audsync.sandbox.world import World
from audsync.services.exports.export_wish import Wish
from audsync.services.exports.exporting import export
from audsync.services.jobs.planning import plan
from audsync.services.segments.checking import check
from tests.databases import SetClock
from tests.services.conftest import CONFIG, Project, closes, email

PEOPLE = [{"id": f"P{number}", "email": f"p{number}@example.com"} for number in range(400)]
Start = Callable[[str], Project]


def _drawn(name: str, percent: float) -> set[str]:
    """Ids that are held out, by the rule as docs/sources.md states it."""
    limit = round(percent * 2**64 / 100)
    numbers = {
        person["id"]: int.from_bytes(
            hashlib.sha256(f"holdout:{name}\0{person['id']}".encode()).digest()[:8]
        )
        for person in PEOPLE
    }
    return {profile for profile, number in numbers.items() if number < limit}


def _wire(ids: set[str]) -> set[tuple[str, str]]:
    return {email(f"{profile.lower()}@example.com") for profile in ids}


EVERYBODY = {person["id"] for person in PEOPLE}


def _configure(project: Project, line: str) -> None:
    text = CONFIG.replace("consent: ok}", f"consent: ok}}\n    {line}")
    (project.folder / "audsync.yaml").write_text(text)
    project.restart()


@pytest.fixture
def start(tmp_path: Path) -> Start:
    def start(line: str) -> Project:
        clock = SetClock()
        project = Project(tmp_path, World(clock=clock), clock)
        project.segment(PEOPLE)
        _configure(project, line)
        return project

    return start


def test_who_is_held_out_is_never_sent(start: Start) -> None:
    project = start("holdout: {percent: 10, name: q4}")
    job = project.create().job
    held = _drawn("q4", 10)
    assert 20 < len(held) < 60
    assert project.held() == _wire(EVERYBODY - held)
    assert job["profiles_skipped"]["suppressed"] == len(held)
    assert closes(job)


def test_another_share_moves_only_the_difference(start: Start) -> None:
    project = start("holdout: {percent: 10, name: q4}")
    project.create()
    _configure(project, "holdout: {percent: 15, name: q4}")
    leaving = _drawn("q4", 15) - _drawn("q4", 10)
    drafted = plan(project.runtime, "a")
    assert drafted["held_out"] == len(_drawn("q4", 15))
    assert drafted["removal_causes"]["held_out"] == len(leaving) > 0
    job = project.sync().job
    assert (job["profiles_removed"], job["profiles_sent"]) == (len(leaving), 0)
    _configure(project, "holdout: {percent: 5, name: q4}")
    job = project.sync().job
    coming = _drawn("q4", 15) - _drawn("q4", 5)
    assert (job["profiles_added"], job["profiles_removed"]) == (len(coming), 0)
    assert project.held() == _wire(EVERYBODY - _drawn("q4", 5))


def test_nobody_flips_when_the_segment_changes_or_the_store_is_lost(
    start: Start, tmp_path: Path
) -> None:
    project = start("holdout: {percent: 50, name: q4}")
    project.create()
    project.segment([{**person, "phone": "+12025550101"} for person in PEOPLE[::2]])
    project.sync(allow_shrink=True)
    kept = {person["id"] for person in PEOPLE[::2]} - _drawn("q4", 50)
    assert {value for value in project.held() if value[0] == "EMAIL"} == _wire(kept)
    (tmp_path / "other").mkdir()
    clock = SetClock()
    other = Project(tmp_path / "other", World(clock=clock), clock)
    other.segment(PEOPLE)
    _configure(other, "holdout: {percent: 50, name: q4}")
    other.create()
    assert other.held() == _wire(EVERYBODY - _drawn("q4", 50))


def test_the_default_holds_where_a_segment_says_nothing(start: Start) -> None:
    project = start("holdout: {percent: 0, name: q4}")
    path = project.folder / "audsync.yaml"
    default = "defaults: {holdout: {percent: 30, name: all}}\n"
    path.write_text(default + path.read_text())
    project.restart()
    project.create()
    assert project.held() == _wire(EVERYBODY)
    path.write_text(default + CONFIG)
    project.restart()
    project.sync(allow_shrink=True)
    assert project.held() == _wire(EVERYBODY - _drawn("all", 30))


def test_who_has_no_profile_id_is_held_out_by_none(start: Start) -> None:
    project = start("holdout: {percent: 99.9, name: q4}")
    project.segment([{"email": f"n{number}@example.com"} for number in range(20)])
    assert project.create().job["profiles_added"] == 20


def test_check_promises_what_a_job_counts(start: Start) -> None:
    project = start("holdout: {percent: 25, name: q4}")
    project.segment([*PEOPLE, PEOPLE[0], {"id": "P1", "ok": "no"}, {"id": "X", "email": "none"}])
    project.suppress(["p3@example.com", "p4@example.com"])
    job = project.create().job
    (found,) = check(project.runtime, "vip", [Platform.META])["platforms"]
    assert found["skipped"] == job["profiles_skipped"]
    assert found["sendable"] == job["profiles_sent"]
    assert len(_drawn("q4", 25)) <= found["held_out"] <= found["skipped"]["suppressed"]
    assert closes(job)


def test_export_writes_the_others_and_with_holdout_just_them(start: Start) -> None:
    project = start("holdout: {percent: 25, name: q4}")
    project.segment([*PEOPLE, {"id": "no", "email": "no@example.com", "ok": "no"}])

    def ids(name: str, *, is_of_holdout: bool) -> set[str]:
        out = project.folder / name
        wish = Wish(segment="vip", out=str(out), format="csv", is_of_holdout=is_of_holdout)
        export(project.runtime, wish, stdout=BytesIO())
        with out.open() as file:
            return {row["profile_id"] for row in csv.DictReader(file)}

    held = _drawn("q4", 25)
    assert ids("sent.csv", is_of_holdout=False) == EVERYBODY - held
    assert ids("held.csv", is_of_holdout=True) == held


@pytest.mark.parametrize(
    ("line", "platform"),
    [
        ("active: true", None),
        ("holdout: {percent: 0, name: q4}", None),
        ("holdout: {percent: 5, name: q4}", Platform.META),
    ],
)
def test_a_holdout_that_is_none_or_for_an_upload_page_is_not_written(
    start: Start, line: str, platform: Platform | None
) -> None:
    project = start(line)
    out = project.folder / "held.csv"
    wish = Wish(segment="vip", out=str(out), format="csv", platform=platform, is_of_holdout=True)
    with pytest.raises(UsageError, match="holdout"):
        export(project.runtime, wish, stdout=BytesIO())
    assert not out.exists()
