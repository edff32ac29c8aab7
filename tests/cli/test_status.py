"""`status` as people and programs see it."""

from tests.cli.conftest import Project

CREATE = ("create", "vip", "--connection", "meta-main", "--id", "a")


def test_one_table_for_all_and_everything_of_one(project: Project) -> None:
    project.run(*CREATE)
    table = project.run("status")
    assert (table.exit_code, table.stdout.count("meta")) == (0, 1)
    assert "BELOW_MINIMUM_SIZE" in table.stderr
    in_depth = project.run("status", "a").stdout
    assert "identifiers confirmed" in in_depth
    assert "id on the platform" in in_depth


def test_a_segment_on_several_audiences_side_by_side(project: Project) -> None:
    project.run(*CREATE)
    project.run(*CREATE[:-1], "b")
    shown = project.run("status", "--segment", "vip").stdout
    (head,) = (line for line in shown.splitlines() if line.split()[:1] == ["audience"])
    assert head.split() == ["audience", "a", "b"]
    assert project.run("status", "--segment", "other", "--json").json == {"audiences": []}


def test_programs_get_everything_known(project: Project) -> None:
    project.run(*CREATE)
    (one,) = project.run("status", "--json").json["audiences"]
    assert one["identifiers_accepted"] == one["identifiers_confirmed"] > 0
    assert one["settlement"] is one["matched_percent"] is one["refresh_error"] is None
    assert {"size_lower", "size_upper", "size_told_at", "platform_note"} <= one.keys()
    assert [warning["code"] for warning in one["warnings"]] == ["BELOW_MINIMUM_SIZE"]


def test_a_refresh_that_fails_shows_what_is_known_and_exits_with_its_code(
    project: Project,
) -> None:
    project.run(*CREATE)
    project.sandbox.world.platforms["meta"].configure({"tokens": []})
    told = project.run("status", "--refresh")
    assert told.exit_code == 5
    assert "INVALID_CREDENTIALS" in told.stderr
    assert "active" in told.stdout
    (one,) = project.run("status", "--refresh", "--json").json["audiences"]
    assert one["refresh_error"]["code"] == "INVALID_CREDENTIALS"


def test_quiet_tells_only_what_failed(project: Project) -> None:
    project.run(*CREATE)
    assert project.run("status", "--refresh", "--quiet") == (0, "", "")
    project.sandbox.world.platforms["meta"].configure({"tokens": []})
    told = project.run("status", "--refresh", "--quiet")
    assert (told.stdout, "INVALID_CREDENTIALS" in told.stderr) == ("", True)
