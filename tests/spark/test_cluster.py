"""What happens on the way: an executor that dies, rows that break, a stop, a look by doctor."""

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from audsync.errors import AudsyncError, SourceError
from audsync.sync.spark import results
from audsync.sync.spark.comparing import compare
from audsync.sync.wanted.parts import Cluster
from tests.spark.server import Server
from tests.spark.test_agreement import Place, lines

_SECRET = "poisoned-person-7c1"


def test_doctor_finds_an_executor_that_prepares_as_this_machine_does(cluster: Cluster) -> None:
    found = compare(cluster)
    assert found.there.python_minor == found.here.python_minor
    assert found.there.footing == found.here.footing
    assert found.there.row == found.here.row


def test_doctor_names_what_a_bare_executor_lacks(cluster: Cluster) -> None:
    found = compare(replace(cluster, ships=False))
    assert found.there.failure == "ModuleNotFoundError audsync"


def test_an_executor_that_is_killed_changes_nothing(
    tmp_path: Path, cluster: Cluster, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(root=tmp_path, seed=12)
    place.write(files=8, rows=4000)
    here = place.prepare("here", None)
    before = set(server.executors())
    killed: list[int] = []

    def kill() -> None:
        if not killed and has_parts(tmp_path / "there"):
            killed.append(min(before))
            server.kill(killed[0])

    monkeypatch.setattr("audsync.sync.spark.session._LOOK_S", 0.01)
    there = place.prepare("there", cluster, watch=kill)
    assert killed
    assert killed[0] not in server.executors()
    assert lines(there) == lines(here)


def has_parts(folder: Path) -> bool:
    """Whether a task has written lines; tasks move and remove folders meanwhile."""
    return any(
        name.startswith("part-") and name.endswith(".parquet")
        for _, _, names in os.walk(folder)
        for name in names
    )


def test_a_broken_row_is_told_of_without_what_is_in_it(
    tmp_path: Path, cluster: Cluster, server: Server
) -> None:
    place = Place(root=tmp_path, seed=3)
    place.write()
    # Too long for a cell, beyond what the client looks at, and of nobody else.
    long = f"{_SECRET}@example.com" + "x" * 70_000
    with (place.source / "part-2.csv").open("a") as file:
        file.write(f"p1,{long},,,,,yes,700\n")
    with pytest.raises(SourceError) as caught:
        place.prepare("there", cluster)
    with pytest.raises(SourceError) as told_here:
        place.prepare("here", None)
    assert caught.value.message == told_here.value.message
    assert _SECRET not in repr(caught.value.details)
    assert not [log for log in server.logs() if _SECRET in log.read_text(errors="replace")]


def test_an_unexpected_failure_is_told_by_its_kind_alone(
    tmp_path: Path, cluster: Cluster, server: Server
) -> None:
    place = Place(root=tmp_path, seed=3)
    place.write()
    with pytest.raises(SourceError) as caught:
        place.prepare("there", cluster, platform=_SECRET)
    assert "PythonException" in caught.value.message
    assert _SECRET not in caught.value.message
    assert caught.value.__cause__ is None
    assert not [log for log in server.logs() if _SECRET in log.read_text(errors="replace")]


def test_lines_that_went_missing_are_missed(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(root=tmp_path, seed=4)
    place.write()
    every = results.read_back

    def without_one(folder: Path) -> object:
        for number, batch in enumerate(every(folder)):
            yield batch.slice(1) if number == 0 else batch

    monkeypatch.setattr(results, "read_back", without_one)
    with pytest.raises(AudsyncError, match="not what came back"):
        place.prepare("there", cluster)


def test_a_sync_that_is_stopped_ends_the_job(tmp_path: Path, cluster: Cluster) -> None:
    place = Place(root=tmp_path, seed=12)
    place.write(files=8, rows=4000)
    is_asked = threading.Event()

    def stop() -> None:
        is_asked.set()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place.prepare("there", cluster, watch=stop)
    assert is_asked.is_set()
    assert not list((tmp_path / "there").rglob("audsync-spark-*"))
