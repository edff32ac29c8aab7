"""`--log-file` and `--log-format`, as a command writes them."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Project


@pytest.fixture(autouse=True)
def _nothing_stays_set_up() -> Iterator[None]:
    yield
    root = logging.getLogger()
    for one in [one for one in root.handlers if getattr(one, "is_ours", False)]:
        root.removeHandler(one)
        one.close()
    root.setLevel(logging.WARNING)


def test_a_job_is_told_from_its_beginning_to_its_end(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "audsync.log"
    options = ("--log-format", "json", f"--log-file={file}")
    created = project.run("create", "vip", "--connection", "meta-main", "--json", *options)
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    ours = [line for line in lines if line.get("job_id") == created.json["job_id"]]
    assert [line["message"].split(" ")[0] for line in ours] == ["create", "completed:"]
    assert {line["audience"] for line in ours} == {"vip-meta-main"}
    assert {line["connection"] for line in ours} == {"meta-main"}
    assert len({line["run_id"] for line in lines}) == 1
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_failure_is_told_with_its_code_and_the_platforms_request_id(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project.run("create", "vip", "--connection", "meta-main").exit_code == 0
    monkeypatch.setenv("META_ACCESS_TOKEN", "another")
    file = tmp_path / "audsync.log"
    outcome = project.run("sync", "vip-meta-main", "--log-format=json", "--log-file", str(file))
    assert outcome.exit_code == 5
    last = json.loads(file.read_text("utf-8").splitlines()[-1])
    assert (last["level"], last["code"]) == ("error", outcome_code(outcome.stderr))
    assert last["request_id"]
    assert "example.com" not in file.read_text("utf-8")


def outcome_code(stderr: str) -> str:
    """The code of the error that the command told; its log, being JSON, says it too."""
    told = [line for line in stderr.splitlines() if not line.startswith("{")]
    return told[-1].partition(":")[0]


def test_a_text_log_on_stderr_does_not_repeat_what_the_command_tells(project: Project) -> None:
    outcome = project.run("status", "nothing")
    assert outcome.exit_code == 2
    assert outcome.stderr.count("AUDIENCE_NOT_FOUND") == 1


def test_what_cannot_be_used_is_refused(project: Project, tmp_path: Path) -> None:
    assert project.run("status", "--log-format", "xml").exit_code == 2
    outcome = project.run("status", "--log-file", str(tmp_path / "no" / "x.log"))
    assert outcome.exit_code == 2
    assert "--log-file" in outcome.stderr or "log file" in outcome.stderr
