"""Lists of people who are never sent: whatever they hold, whoever they name is in no audience."""

import csv
import sqlite3
from io import BytesIO
from pathlib import Path

import pytest

from audsync.domain import Platform
from audsync.sandbox.faults import FaultKind, Rule
from audsync.services import audiences
from audsync.services.exports.export_wish import Wish
from audsync.services.exports.exporting import export
from audsync.services.jobs import retrying
from audsync.services.jobs.planning import plan
from audsync.services.segments.checking import check
from tests.services.conftest import CONFIG, Project, closes, email
from tests.services.everywhere import PLATFORMS, Everywhere, sha

HEADER = ("id", "email", "phone", "crm")
SEGMENT = """
segments:
  vip:
    source: {type: file, path: vip.csv}
    columns: {profile_id: id, email: email, phone: phone, external_id: crm}
suppress:
  - {type: file, path: out.csv, columns: {email: email, phone: phone, external_id: crm}}
"""
FILE_LIST = "- {type: file, path: opt_outs.csv, columns: {email: email}}"
SQL_LIST = "- {type: sql, url: 'sqlite:///out.db', table: gone, columns: {email: address}}"
PEOPLE = [
    {"id": name, "email": f"{name}@example.com", "phone": f"+1202555{n:04}", "crm": f"c-{name}"}
    for n, name in enumerate(("ann", "bob", "cara", "dan", "eve", "fay", "gil", "hal", "ida"), 1)
]
HAL = {"id": "h", "email": "h.al@gmail.com", "phone": "", "crm": ""}


def test_who_is_put_on_a_list_is_gone_from_all_platforms_after_one_run(tmp_path: Path) -> None:
    place = Everywhere(tmp_path, SEGMENT)
    place.write("vip.csv", [*PEOPLE, HAL], HEADER)
    bystander = {"email": "other@example.com"}
    place.write("out.csv", [bystander], HEADER)
    place.create()
    emails = {each["id"]: each["email"] for each in PEOPLE}
    assert place.holders(emails) == {name: set(emails) for name in PLATFORMS}
    place.write(
        "out.csv",
        [
            bystander,
            {"email": "ANN@example.com "},
            {"email": sha("bob@example.com").upper()},
            {"phone": "+1 (202) 555-0003"},  # Cara
            {"phone": sha("+12025550004")},  # Dan, as Google and TikTok hash a number
            {"phone": sha("12025550005")},  # Eve, as Meta and Snapchat do
            {"crm": "c-fay"},  # which TikTok and Snapchat never take
            {"email": sha("h.al@gmail.com")},  # which Google hashes without the dot
        ],
        HEADER,
    )
    ended = place.run_due()
    statuses = {job["audience"]: job["status"] for job in ended.jobs}
    assert statuses == dict.fromkeys(PLATFORMS, "completed")
    assert all(closes(job) for job in ended.jobs)
    assert {job["profiles_skipped"]["suppressed"] for job in ended.jobs} == {7}
    assert place.holders(emails) == {name: {"gil", "hal", "ida"} for name in PLATFORMS}
    stays = {sha(prefix + each["phone"][1:]) for each in PEOPLE[6:] for prefix in ("", "+")}
    for name in PLATFORMS:
        mails = {sha(each["email"]) for each in PEOPLE[6:]}
        assert place.held(name) <= stays | mails, name


def test_the_same_person_hashed_in_the_segment_and_plain_on_the_list(tmp_path: Path) -> None:
    place = Everywhere(tmp_path, SEGMENT)
    people = [{"id": "g", "email": sha("h.al@gmail.com")}, {"id": "p", "phone": sha("12025550009")}]
    place.write("vip.csv", [*PEOPLE, *people], HEADER)
    place.write("out.csv", [{"email": "h.al@gmail.com"}, {"phone": "+12025550009"}], HEADER)
    place.create()
    for name in PLATFORMS:
        gone = {sha("h.al@gmail.com"), sha("12025550009"), sha("+12025550009")}
        assert not place.held(name) & gone, name


def _emails(project: Project) -> set[str]:
    known = {email(each["email"]): each["id"] for each in PEOPLE}
    return {known[each] for each in project.held() if each in known}


def _configure(project: Project, *lists: str) -> None:
    text = CONFIG.replace(FILE_LIST, "\n  ".join(lists))
    (project.folder / "audsync.yaml").write_text(text)
    project.restart()


def _sql_list(project: Project, *addresses: str) -> None:
    with sqlite3.connect(project.folder / "out.db") as base:
        base.execute("create table if not exists gone (address text)")
        base.execute("delete from gone")
        base.executemany("insert into gone values (?)", [(each,) for each in addresses])


def test_a_list_may_come_from_a_database_and_works_at_the_next_run(project: Project) -> None:
    project.segment(PEOPLE)
    _sql_list(project, "ann@example.com")
    _configure(project, FILE_LIST, SQL_LIST)
    project.create()
    assert len(_emails(project)) == 8
    _sql_list(project, "ann@example.com", sha("bob@example.com"))
    project.suppress(["cara@example.com"])
    assert plan(project.runtime, "a")["removal_causes"]["suppressed"] == 6
    project.sync()
    assert _emails(project) == {"dan", "eve", "fay", "gil", "hal", "ida"}
    _sql_list(project, sha("bob@example.com"))
    project.sync()
    assert "ann" in _emails(project)


@pytest.mark.parametrize("kind", ["missing", "torn", "of no use", "no such table"])
def test_with_a_bad_list_nothing_is_sent(project: Project, kind: str) -> None:
    project.segment(PEOPLE[:2])
    project.create()
    held = project.held()
    project.world.journal.clear()
    project.segment(PEOPLE)
    opt_outs = project.folder / "opt_outs.csv"
    if kind == "missing":
        opt_outs.unlink()
    elif kind == "torn":
        opt_outs.write_bytes(b'email\n"ann@exam')
    elif kind == "of no use":
        opt_outs.write_text("email\nAnn Smith\nBob Miller\n")
    else:
        sqlite3.connect(project.folder / "out.db").close()
        _configure(project, SQL_LIST)
    done = project.sync(allow_shrink=True)
    assert (done.exit_code, done.job["error"]["code"]) == (1, "SOURCE_ERROR")
    assert "Ann" not in str(done.job)
    assert not [each for each in project.world.journal.requests() if each["method"] != "GET"]
    assert project.held() == held


def test_a_list_that_becomes_empty_is_refused_until_it_is_meant(project: Project) -> None:
    project.segment(PEOPLE)
    project.suppress(["ann@example.com", "bob@example.com"])
    project.create()
    project.suppress([])
    refused = project.sync()
    assert (refused.exit_code, refused.job["error"]["details"]["guards"]) == (7, ["emptied_list"])
    assert "suppress.0 names nobody, where it named 2 people" in refused.job["error"]["message"]
    assert len(_emails(project)) == 7
    assert project.sync().exit_code == 7, "a refused run is no measure"
    assert project.sync(allow_shrink=True).exit_code == 0
    assert len(_emails(project)) == 9
    assert project.sync().exit_code == 0


def test_a_list_that_is_taken_out_of_the_file_is_meant(project: Project) -> None:
    project.segment(PEOPLE)
    project.suppress(["ann@example.com"])
    project.create()
    (project.folder / "audsync.yaml").write_text(CONFIG.partition("suppress:")[0])
    project.restart()
    assert project.sync().exit_code == 0
    assert len(_emails(project)) == 9


def test_however_many_are_put_on_a_list_no_guard_holds_them_up(project: Project) -> None:
    project.segment(PEOPLE)
    project.create()
    project.suppress([each["email"] for each in PEOPLE[:8]])
    assert project.sync().exit_code == 0
    assert _emails(project) == {"ida"}


def test_guards_still_count_who_leaves_beside_them(project: Project) -> None:
    project.segment(PEOPLE)
    project.create()
    project.suppress(["ann@example.com"])
    project.segment(PEOPLE[:3])
    done = project.sync()
    assert (done.exit_code, done.job["error"]["code"]) == (7, "GUARD_REFUSED")
    assert "18 of 27 identifiers" in done.job["error"]["message"]


def test_check_and_export_leave_out_whom_a_job_leaves_out(project: Project) -> None:
    project.segment([*PEOPLE, {"id": "ann", "phone": "+12025550777"}])
    (project.folder / "opt_outs.csv").write_text(
        f"email,phone\n,{sha('+12025550777')}\n,{sha('12025550002')}\n{sha('cara@example.com')},\n"
    )
    _configure(project, FILE_LIST.replace("{email: email}", "{email: email, phone: phone}"))
    job = project.create().job
    assert _emails(project) == {each["id"] for each in PEOPLE[3:]}
    for found in check(project.runtime, "vip", list(Platform))["platforms"]:
        assert found["skipped"] == job["profiles_skipped"], found["platform"]
    out = project.folder / "out.csv"
    export(project.runtime, Wish(segment="vip", out=str(out), format="csv"), stdout=BytesIO())
    with out.open() as file:
        assert {row["profile_id"] for row in csv.DictReader(file)} == _emails(project)


def test_who_said_no_is_removed_before_who_merely_left(project: Project) -> None:
    path = project.folder / "audsync.yaml"
    path.write_text("limits: {max_batch_size: 3}\n" + path.read_text())
    project.restart()
    people = [{"id": name, "email": f"{name}@example.com"} for name in "abcdefghijklmnopqrst"]
    project.segment(people)
    project.create()
    project.suppress(["t@example.com", "s@example.com"])
    project.segment([{**people[0], "ok": "no"}, *people[5:]])
    # Only the first request of removals is taken, and it has room for just those three.
    project.world.faults.arm(
        [Rule(kind=FaultKind("status"), method="DELETE", nth=2, status=503, times=99)]
    )
    assert project.sync().job["status"] == "partial"
    assert project.held() == {email(f"{name}@example.com") for name in "bcdefghijklmnopqr"}
    project.world.faults.disarm()
    project.sync()
    assert project.held() == {email(f"{name}@example.com") for name in "fghijklmnopqr"}


@pytest.mark.parametrize("again", ["sync", "retry"])
def test_a_list_that_becomes_empty_after_a_failure_is_refused(project: Project, again: str) -> None:
    project.segment(PEOPLE[:6])
    project.suppress(["ann@example.com", "bob@example.com"])
    project.create()
    project.segment(PEOPLE)
    project.world.faults.arm([Rule(kind=FaultKind.STATUS, status=500, path="/users", times=0)])
    failed = project.sync()
    assert failed.exit_code == 6
    project.world.faults.disarm()
    if again == "retry":
        done = retrying.retry(project.runtime, failed.job["job_id"])
    else:
        done = project.sync()
    assert done.exit_code == 0
    project.suppress([])
    refused = project.sync()
    assert (refused.exit_code, refused.job["error"]["details"]["guards"]) == (7, ["emptied_list"])
    assert "ann" not in _emails(project)


@pytest.mark.parametrize("way", ["reconcile", "replace"])
def test_a_list_that_becomes_empty_is_refused_though_the_state_was_lost(
    project: Project, way: str
) -> None:
    project.segment(PEOPLE)
    project.suppress(["ann@example.com", "bob@example.com"])
    project.create()
    for file in (project.folder / "audsync-state").rglob("identifiers-*"):
        file.unlink()
    project.suppress([])
    ways = {"reconcile": audiences.reconcile, "replace": audiences.replace}
    refused = ways[way](project.runtime, "a")
    assert (refused.exit_code, refused.job["error"]["details"]["guards"]) == (7, ["emptied_list"])
    assert "ann" not in _emails(project)
