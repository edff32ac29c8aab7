"""`notifications`, and what `doctor` says of receivers."""

import importlib.util
from collections.abc import Iterator

import pytest

from tests.cli.conftest import Project
from tests.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def test_a_failure_is_listed_until_it_is_delivered(project: Project, receiver: Receiver) -> None:
    project.save(notify=[{"url": receiver.url, "on": ["failed"]}])
    assert project.run("notifications", "list").stdout == "No notifications.\n"
    assert project.run("create", "vip", "--connection", "meta-main").exit_code == 0
    receiver.status = 503
    (project.folder / "vip.csv").unlink()
    failed = project.run("sync", "vip-meta-main")
    assert failed.exit_code == 1
    assert "SECRET" not in failed.stderr
    (told,) = project.run("notifications", "list", "--pending", "--json").json["notifications"]
    assert (told["event"], told["status"], told["attempts"]) == ("failed", "pending", 1)
    assert told["problem"] == "answered 503"
    table = project.run("notifications", "list").stdout
    assert "answered 503" in table
    assert "SECRET" not in table + str(told)
    assert [body["audience"] for body in receiver.bodies] == ["vip-meta-main"]


def test_a_test_message_says_what_came_of_it(project: Project, receiver: Receiver) -> None:
    assert project.run("notifications", "test").exit_code == 2, "nobody to tell"
    project.save(notify=[{"url": receiver.url}, {"url": "http://127.0.0.1:9/SECRET"}])
    both = project.run("notifications", "test", "--json")
    assert both.exit_code == 1
    assert [one["ok"] for one in both.json["receivers"]] == [True, False]
    assert project.run("notifications", "test", "1").exit_code == 0
    assert project.run("notifications", "test", receiver.url).exit_code == 0
    assert receiver.events == ["test"] * 3
    assert project.run("notifications", "test", "3").exit_code == 2
    assert project.run("notifications", "test", "0").exit_code == 2
    refused = project.run("notifications", "test", "http://example.com/SECRET")
    assert refused.exit_code == 2
    assert (
        "SECRET" not in both.stdout + refused.stderr + project.run("notifications", "test").stdout
    )


def test_doctor_tells_of_a_receiver_that_needs_what_is_not_installed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "apprise" else found(name)
    )
    project.save(notify=[{"url": "slack://TOKEN/SECRET"}, {"url": "https://example.com/SECRET"}])
    outcome = project.run("doctor", "--json")
    checks = {one["name"]: one for one in outcome.json["checks"]}
    assert not checks["notify 1"]["ok"]
    assert "pip install 'audsync[notify]'" in str(checks["notify 1"])
    assert checks["notify 2"]["ok"]
    assert "SECRET" not in outcome.stdout
    assert "TOKEN" not in outcome.stdout


@pytest.mark.parametrize(
    "url", ["http://example.com/x", "http://10.0.0.1/x", "example.com", "https://", "x y://z", ""]
)
def test_an_address_that_cannot_be_is_refused_as_the_file_is_read(
    project: Project, url: str
) -> None:
    project.save(notify=[{"url": url}])
    outcome = project.run("status")
    assert outcome.exit_code == 2
    assert "notify.0.url" in outcome.stderr
    project.save(notify=[], heartbeat_url=url or "mailto://a@b")
    assert "heartbeat_url" in project.run("status").stderr
