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
from audsync.sandbox.members import Members
from audsync.services import sample_people
from audsync.services.demonstration import Step, Story


def test_tells_every_step_and_is_exact_in_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert run(["demo", "--json"]) == 0
    told: dict[str, Any] = json.loads(capfd.readouterr().out)
    assert told["exact"] is True
    commands = [step["command"].split()[1] for step in told["steps"] if step["command"]]
    assert commands == [
        "sandbox", "check", "create", "status", "plan", "sync", "jobs", "sync", "export",
    ]  # fmt: skip
    verdicts = [step["result"] for step in told["steps"] if step["shape"] == "verdict"]
    assert [verdict["is_exact"] for verdict in verdicts] == [True, True]
    assert all(verdict["identifiers_in_segment"] > 3_000 for verdict in verdicts)
    jobs = [step["result"] for step in told["steps"] if step["shape"] == "job"]
    assert jobs[1]["identifiers_removed"] > 0
    assert jobs[2]["total_batches"] == 0
    assert list(tmp_path.iterdir()) == []


def test_keeps_what_a_person_can_go_on_with(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept"
    assert run(["demo", "--keep", str(kept)]) == 0
    told = capfd.readouterr().out
    assert "exact: " in told
    assert str(kept) in told
    assert "Google, TikTok and Snapchat come with later versions" in told
    assert load_config(kept / "audsync.yaml", {}).connections.keys() == {"meta-sandbox"}
    assert (kept / "customers.jsonl").stat().st_size > 0
    assert run(["demo", "--keep", str(kept), "--json"]) == 2


def test_a_platform_that_keeps_people_makes_it_fail(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Members, "remove", lambda _self, _rows: None)
    assert run(["demo"]) == 1
    told = capfd.readouterr()
    assert "NOT EXACT" in told.out
    assert "Not exact" in told.err


def test_quiet_says_nothing_when_all_is_well(capfd: pytest.CaptureFixture[str]) -> None:
    step = Step(title="t", command="", shape="facts", result={"a": 1})  # type: ignore[arg-type]
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
