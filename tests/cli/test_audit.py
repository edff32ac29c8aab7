"""`audit`: who did what, as people and programs read it; and a trail that was tampered with."""

import json
import sqlite3
from contextlib import closing

from tests.cli.conftest import TOKEN, Project

CREATE = ("create", "vip", "--connection", "meta-main", "--id", "a", "--json")


def change(project: Project, statement: str) -> None:
    with closing(sqlite3.connect(project.folder / "audsync.db")) as store:
        store.execute(statement)
        store.commit()


def test_a_person_sees_who_did_what_with_which_command(project: Project) -> None:
    project.run(*CREATE)
    shown = project.run("audit", "list")
    assert shown.exit_code == 0
    newest, *_ = shown.stdout.splitlines()
    assert "  job.ended  audience a, job " in newest
    assert newest.endswith(" create vip --connection meta-main --id a --json]")


def test_programs_get_each_entry_whole(project: Project) -> None:
    project.run(*CREATE)
    found = project.run("audit", "list", "--json", "--limit", "2").json["entries"]
    assert [one["act"] for one in found] == ["job.ended", "job.begun"]
    assert found[0]["actor"]["command"][-len(CREATE) :] == list(CREATE)
    assert found[0]["previous"] == found[1]["hash"]
    assert TOKEN not in json.dumps(found)


def test_since_takes_a_time_back_or_a_moment(project: Project) -> None:
    project.run(*CREATE)
    assert project.run("audit", "list", "--since", "1h", "--json").json["entries"]
    assert project.run("audit", "list", "--since", "2020-01-31", "--json").json["entries"]
    assert project.run("audit", "list", "--since", "2999-01-01T00:00+02:00").stdout == (
        "No entries.\n"
    )
    refused = project.run("audit", "list", "--since", "yesterday")
    assert (refused.exit_code, "--since" in refused.stderr) == (2, True)


def test_a_store_that_is_not_there_has_an_empty_trail_and_is_not_made(project: Project) -> None:
    (project.folder / "audsync.db").unlink()
    assert project.run("audit", "list", "--json").json == {"entries": []}
    found = project.run("audit", "verify", "--json")
    assert (found.exit_code, found.json["entries"]) == (0, 0)
    assert project.run("audit", "export", "--out", "-").stdout == ""
    assert not (project.folder / "audsync.db").exists()


def test_verify_ends_with_0_and_tells_the_head(project: Project) -> None:
    project.run(*CREATE)
    shown = project.run("audit", "verify")
    assert shown.exit_code == 0
    head = shown.stdout.split()[-1]
    project.run("pause", "a")
    assert project.run("audit", "verify", "--expect", head).exit_code == 0
    assert project.run("audit", "verify", "--quiet") == (0, "", "")


def test_verify_ends_with_1_and_names_the_first_bad_entry(project: Project) -> None:
    project.run(*CREATE)
    project.run("pause", "a")
    change(project, "update audit_entry set body = replace(body, 'create', 'delete')")
    shown = project.run("audit", "verify")
    assert (shown.exit_code, shown.stderr) == (
        1,
        "entry 1: Entry 1 was changed after it was written.\n",
    )
    found = project.run("audit", "verify", "--json")
    assert (found.exit_code, found.json["ok"], found.json["bad_entry"]) == (1, False, 1)


def test_a_trail_written_anew_is_told_from_the_one_that_was_noted(project: Project) -> None:
    project.run(*CREATE)
    head = project.run("audit", "verify", "--json").json["head"]
    change(project, "delete from audit_entry")
    change(project, "delete from audit_tail")
    project.run("pause", "a")
    assert project.run("audit", "verify").exit_code == 0, "by itself it cannot tell"
    found = project.run("audit", "verify", "--expect", head)
    assert (found.exit_code, "written anew" in found.stderr) == (1, True)
    assert project.run("audit", "verify", "--expect", "abc").exit_code == 2


def test_the_whole_trail_as_lines(project: Project) -> None:
    project.run(*CREATE)
    lines = project.run("audit", "export", "--out", "-").stdout.splitlines()
    assert [json.loads(line)["number"] for line in lines] == [1, 2, 3]
    out = project.folder / "trail.jsonl"
    told = project.run("audit", "export", "--out", str(out), "--json").json
    assert told == {"download_url": out.as_uri(), "entries": 3}
    assert out.read_text("utf-8").splitlines() == lines
