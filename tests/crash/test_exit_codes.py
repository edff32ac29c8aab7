"""What a script sees when things go wrong: the exit code, one JSON document, and what is left."""

from typing import Any

import pytest

from tests.crash.harness import Ended, Project, assert_books_close
from tests.crash.people import Segment, Town


@pytest.fixture
def town(project: Project) -> Town:
    """A project in step, and other people since."""
    town = Town(seed=21)
    project.write_segment(town.segment())
    project.assert_clean_run(project.create())
    project.write_segment(town.live())
    return town


def failed_job(ended: Ended, code: int, error: str) -> dict[str, Any]:
    """A job was begun: it is printed, with its error in it."""
    assert ended.code == code, str(ended)
    job: dict[str, Any] = ended.json
    assert job["job_id"], str(ended)
    assert job["error"]["code"] == error, str(ended)
    assert_books_close(job)
    return job


def error_alone(ended: Ended, code: int, error: str) -> dict[str, Any]:
    """No job was begun: there is nothing to print but the error."""
    assert ended.code == code, str(ended)
    assert list(ended.json) == ["error"], str(ended)
    assert ended.error["code"] == error, str(ended)
    assert set(ended.error) == {"code", "message", "details", "action_required"}
    return ended.error


def changes_since(project: Project, before: int) -> list[str]:
    """Calls that could have changed something on the platform."""
    return [call["path"] for call in project.requests()[before:] if call["method"] != "GET"]


def status_of(project: Project) -> dict[str, Any]:
    ended = project.run("status", "vip")
    assert ended.code == 0, str(ended)
    shown: dict[str, Any] = ended.json["audiences"][0]
    return shown


def make_good(project: Project, town: Town) -> None:
    project.calm()
    project.write_segment(town.live())
    project.assert_clean_run(project.sync())


def test_an_expired_token_stops_the_audience_until_a_person_acts(
    project: Project, town: Town
) -> None:
    project.configure(tokens=[{"value": project.token, "expires_at": 1}])
    job = failed_job(project.sync(), 5, "CREDENTIALS_EXPIRED")
    assert job["error"]["action_required"] == "reconnect_platform"
    assert status_of(project)["auto_sync"] is False
    project.configure(tokens=[{"value": project.token}])
    assert project.run("resume", "vip").code == 0
    assert status_of(project)["auto_sync"] is True
    make_good(project, town)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"tokens": [{"value": "another"}]}, "INVALID_CREDENTIALS"),
        ({"tokens": [{"value": "sandbox-meta-token", "scopes": []}]}, "PERMISSION_DENIED"),
        ({"accounts": [{"id": "1001", "terms_accepted": False}]}, "TERMS_NOT_ACCEPTED"),
    ],
)
def test_what_a_person_must_mend_on_the_platform_is_5(
    project: Project, town: Town, settings: dict[str, Any], error: str
) -> None:
    project.configure(**settings)
    failed_job(project.sync(), 5, error)
    project.configure(tokens=[{"value": project.token}], accounts=[{"id": "1001"}])
    make_good(project, town)


@pytest.mark.usefixtures("town")
def test_an_audience_that_was_deleted_outside_is_told_once_then_stale(project: Project) -> None:
    project.call_meta("DELETE", project.remotes()[0]["id"])
    job = failed_job(project.sync(), 1, "AUDIENCE_NOT_FOUND")
    assert job["error"]["details"]["where"] == "platform"
    assert job["error"]["action_required"] == "recreate_or_unlink"
    before = len(project.requests())
    error_alone(project.sync(), 1, "AUDIENCE_STALE")
    assert len(project.requests()) == before
    assert status_of(project)["state"] == "stale"


def test_a_rate_limit_longer_than_max_wait_is_6_and_tried_again_later(
    project: Project, town: Town
) -> None:
    project.arm({"kind": "rate_limit", "wait_min": 7, "times": 0, "path": "/users"})
    job = failed_job(project.sync(), 6, "RATE_LIMITED")
    assert 360 <= job["error"]["details"]["retry_after_seconds"] <= 480
    assert job["profiles_pending"] > 0
    shown = status_of(project)
    assert shown["auto_sync"] is True
    assert shown["next_sync_at"] is not None
    make_good(project, town)


def test_a_platform_that_never_answers_is_6(project: Project, town: Town) -> None:
    project.request_timeout = project.max_wait = 0.5
    project.write_config()
    project.arm({"kind": "hang", "when": "before", "seconds": 1, "times": 0, "path": "/users"})
    failed_job(project.sync(), 6, "TIMEOUT")
    project.request_timeout = project.max_wait = 20
    project.write_config()
    make_good(project, town)


def test_a_guard_is_7_and_nothing_was_touched(project: Project, town: Town) -> None:
    everybody = project.segment
    before = len(project.requests())
    for people in (everybody.people[:3], ()):
        project.write_segment(Segment(people=people))
        for command in ("sync", "replace"):
            failed_job(project.run(command, "vip"), 7, "GUARD_REFUSED")
    assert changes_since(project, before) == []
    project.write_segment(Segment(people=everybody.people[:3]))
    project.assert_clean_run(project.sync())
    make_good(project, town)


def test_some_batches_are_3_and_retry_sends_the_rest(project: Project, town: Town) -> None:
    # All from the second on: one refusal alone is found to be in no row, and everything lands.
    project.arm({"kind": "error", "code": 100, "path": "/users", "nth": 2, "times": 0})
    job = failed_job(project.sync(), 3, "PARTIAL_FAILURE")
    assert job["status"] == "partial"
    assert job["failed_batches"] > 0
    project.calm()
    error_alone(project.run("retry", "00000000"), 2, "USAGE_ERROR")
    project.assert_clean_run(project.run("retry", job["job_id"][:8], "--allow-shrink"))
    error_alone(project.run("retry", job["job_id"]), 2, "USAGE_ERROR")
    make_good(project, town)


def test_plan_tells_by_its_exit_code_and_touches_nothing(project: Project, town: Town) -> None:
    before = len(project.requests())
    changed = project.run("plan", "vip", "--detailed-exitcode")
    assert (changed.code, changed.json["has_changes"]) == (2, True), str(changed)
    assert project.run("plan", "vip").code == 0
    assert project.run("sync", "vip", "--dry-run").code == 0
    assert len(project.requests()) == before
    project.assert_clean_run(project.sync())
    same = project.run("plan", "vip", "--detailed-exitcode")
    assert (same.code, same.json["has_changes"]) == (0, False), str(same)
    error_alone(project.run("plan", "nobody", "--detailed-exitcode"), 1, "AUDIENCE_NOT_FOUND")
    make_good(project, town)


def test_a_source_that_cannot_be_read_is_1_on_record(project: Project, town: Town) -> None:
    (project.folder / "people.csv").unlink()
    before = len(project.requests())
    failed_job(project.sync(), 1, "SOURCE_ERROR")
    assert changes_since(project, before) == []
    jobs = project.run("jobs", "--status", "failed")
    assert [job["error"]["code"] for job in jobs.json["jobs"]] == ["SOURCE_ERROR"]
    make_good(project, town)


@pytest.mark.usefixtures("town")
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["sync", "nobody"], "AUDIENCE_NOT_FOUND"),
        (["status", "nobody"], "AUDIENCE_NOT_FOUND"),
        (["create", "nobody", "--connection", "meta-main"], "SEGMENT_NOT_FOUND"),
        (["create", "vip", "--connection", "nowhere"], "CONNECTION_NOT_FOUND"),
        (["sync"], "USAGE_ERROR"),
        (["sync", "vip", "--no-such-option"], "USAGE_ERROR"),
        (["no-such-command"], "USAGE_ERROR"),
        (["delete", "vip"], "USAGE_ERROR"),
        (["jobs", "show", "zzz"], "USAGE_ERROR"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_is_2(project: Project, arguments: list[str], error: str) -> None:
    told = error_alone(project.run(*arguments), 2, error)
    if error == "AUDIENCE_NOT_FOUND":
        assert told["details"]["where"] == "store"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("limits: {no_such_key: 1}\n", "CONFIG_ERROR"),
        (
            "suppress: [{type: file, path: $" + "{NOT_SET_ANYWHERE}, columns: {email: e}}]\n",
            "CONFIG_ERROR",
        ),
        ("features: {audience_sync: false}\n", "FEATURE_DISABLED"),
    ],
    ids=["a key twice", "a variable that is not set", "a feature that is off"],
)
def test_a_configuration_that_forbids_it_is_2(
    project: Project, town: Town, text: str, error: str
) -> None:
    project.more_config = text
    project.write_config()
    error_alone(project.sync(), 2, error)
    project.more_config = ""
    project.write_config()
    make_good(project, town)


@pytest.mark.usefixtures("town")
def test_many_audiences_are_one_document_and_the_worst_code(project: Project) -> None:
    ended = project.run("sync", "vip", "nobody")
    assert ended.code == 2, str(ended)
    first, second = ended.json["jobs"]
    assert first["status"] == "completed"
    assert second["error"]["code"] == "AUDIENCE_NOT_FOUND"
