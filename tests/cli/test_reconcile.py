"""`reconcile` on the command line."""

from tests.cli.conftest import Project


def test_lost_state_is_told_with_what_to_run_and_that_mends_it(project: Project) -> None:
    made = project.run("create", "vip", "--connection", "meta-main", "--id", "a")
    assert made.exit_code == 0, made.stderr
    for file in (project.folder / "audsync-state").rglob("identifiers-*.parquet"):
        file.unlink()
    for command in (("sync", "a"), ("plan", "a")):
        refused = project.run(*command)
        assert refused.exit_code == 1
        assert "audsync reconcile" in refused.stderr
    shown = project.run("status", "a", "--json")
    assert "STATE_ERROR" in [one["code"] for one in shown.json["audiences"][0]["warnings"]]
    done = project.run("--json", "reconcile", "a")
    assert done.exit_code == 0
    assert (done.json["operation"], done.json["status"]) == ("replace", "completed")


def test_people_are_told_which_way_it_went(project: Project) -> None:
    made = project.run("create", "vip", "--connection", "meta-main", "--id", "a")
    assert made.exit_code == 0, made.stderr
    done = project.run("reconcile", "a")
    assert (done.exit_code, "All members were replaced." in done.stdout) == (0, True)
