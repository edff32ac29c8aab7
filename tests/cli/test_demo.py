"""`demo` tells the truth, leaves nothing behind, and fails when anything is not exact."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from audsync.cli import show_demo
from audsync.cli.app import run
from audsync.cli.globals import Globals
from audsync.config.load import load_config
from audsync.domain import Platform
from audsync.sandbox.members import Members
from audsync.services.demo import sample_people
from audsync.services.demo.demonstration import Shape, Step, Story

EVERY_PLATFORM = sorted(platform.value for platform in Platform)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "kept"


@pytest.fixture(scope="module")
def told(kept: Path) -> dict[str, Any]:
    """What a whole demo tells a program; told once for all tests."""
    capture = pytest.MonkeyPatch()
    written: list[object] = []
    capture.setattr("audsync.cli.render.document", written.append)
    assert run(["demo", "--json", "--keep", str(kept)]) == 0
    capture.undo()
    (document,) = written
    story: dict[str, Any] = json.loads(json.dumps(document))
    return story


def results(told: dict[str, Any], shape: Shape) -> list[dict[str, Any]]:
    return [step["result"] for step in told["steps"] if step["shape"] == shape]


def test_tells_every_step_on_every_platform(told: dict[str, Any]) -> None:
    assert told["exact"] is True
    commands = [line.split()[1] for step in told["steps"] for line in step["command"].splitlines()]
    creates = ["create"] * len(EVERY_PLATFORM)
    assert commands == [
        "sandbox", "doctor", "check", *creates, "status", "status", "plan", "sync", "jobs",
        "status", "sync", "export",
    ]  # fmt: skip
    (checks,) = results(told, Shape.CHECKS)
    assert [check["ok"] for check in checks["checks"]] == [True] * len(EVERY_PLATFORM)
    for table in results(told, Shape.AUDIENCES):
        assert sorted(one["platform"] for one in table["audiences"]) == EVERY_PLATFORM
    created, synced, again = (result["jobs"] for result in results(told, Shape.JOBS))
    assert {job["status"] for job in [*created, *synced, *again]} == {"completed"}
    assert all(job["identifiers_removed"] > 0 for job in synced)
    assert {job["total_batches"] for job in again} == {0}
    (plans,) = results(told, Shape.PLANS)
    removed = [one["profiles_removed"] for one in plans["plans"]]
    assert removed == [job["profiles_removed"] for job in synced]


def test_every_platform_is_judged_by_identifiers_and_by_people(told: dict[str, Any]) -> None:
    verdicts = [verdict["platforms"] for verdict in results(told, Shape.VERDICTS)]
    assert [len(each) for each in verdicts] == [len(EVERY_PLATFORM)] * 2
    for verdict in (one for each in verdicts for one in each):
        assert verdict["is_exact"] is True
        assert verdict["identifiers_in_segment"] > 3_000
        assert verdict["people_on_platform"] == verdict["people_in_segment"] > 1_500


def test_what_is_worked_off_later_is_pending_first_and_confirmed_then(
    told: dict[str, Any],
) -> None:
    first, then = (result["audiences"] for result in results(told, Shape.AUDIENCES))
    (last,) = (result["audiences"] for result in results(told, Shape.SIDE_BY_SIDE))
    waiting = [one for one in first if one["settlement"]]
    assert waiting
    for one in waiting:
        assert one["settlement"]["status"] == "pending"
        assert one["identifiers_confirmed"] == 0 < one["identifiers_accepted"]
    for one in [*then, *last]:
        assert (one["settlement"] or {"status": "confirmed"})["status"] == "confirmed"
        assert one["identifiers_confirmed"] == one["identifiers_accepted"] > 3_000
        assert one["size_upper"] > 1_000


def test_keeps_what_a_person_can_go_on_with(
    told: dict[str, Any], kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {f"{platform}-sandbox" for platform in EVERY_PLATFORM}
    assert load_config(kept / "audsync.yaml", {}).connections.keys() == names
    assert (kept / "customers.jsonl").stat().st_size > 0
    story = Story(kept_in=kept, connections=tuple(sorted(names)))
    tell = show_demo.narrator(Globals(is_plain=True))
    for step in told["steps"]:
        tell(Step(**{**step, "shape": Shape(step["shape"])}))
    show_demo.ending(story, Globals())
    text = capsys.readouterr().out
    assert text.count(" is exact: ") == 2 * len(EVERY_PLATFORM)
    assert "0 of 3," in text
    assert f"{kept}/audsync.yaml create customers --connection" in text
    assert run(["demo", "--keep", str(kept), "--json"]) == 2


def test_platforms_that_keep_people_make_it_fail_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(Members, "remove", lambda _self, _rows: None)
    assert run(["demo"]) == 1
    told = capfd.readouterr()
    assert told.out.count("NOT EXACT") == len(EVERY_PLATFORM)
    assert "Not exact" in told.err
    assert list(tmp_path.iterdir()) == []


def test_quiet_says_nothing_when_all_is_well(capfd: pytest.CaptureFixture[str]) -> None:
    step = Step(title="t", command="", shape=Shape.FACTS, result={"a": 1})
    quiet = Globals(is_quiet=True)
    show_demo.narrator(quiet)(step)
    show_demo.ending(Story(kept_in=None, steps=[step]), quiet)
    assert capfd.readouterr() == ("", "")


def test_the_invented_people_change_in_every_way() -> None:
    crowd = sample_people.first_day()
    later, changes = sample_people.next_day(crowd)
    assert min(changes.left, changes.joined, changes.changed_email) > 0
    assert min(changes.withdrew_consent, changes.opted_out) > 0
    phones = [person.phone for person in later.people if person.phone]
    assert len(set(phones)) == len(phones)
    assert all("55501" in phone for phone in phones)
