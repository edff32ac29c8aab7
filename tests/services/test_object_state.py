"""The state in an object store: whole syncs, from two hosts, without a cache, and with losses."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from audsync import steps
from audsync.config.load import load_config
from audsync.errors import StateError
from audsync.sandbox.transport import SandboxTransport
from audsync.sandbox.world import World
from audsync.services import audiences
from audsync.services.doctor.checkup import examine
from audsync.services.jobs.planning import plan
from audsync.services.wiring.runtime import Runtime
from audsync.store import ledger
from tests.databases import SetClock
from tests.object_store import SECRET, Place, s3_place, s3_yaml
from tests.services.conftest import CONFIG, Project, closes, email

BO, CYD = ({"id": str(n), "email": f"{name}@x.com"} for n, name in ((2, "bo"), (3, "cyd")))
ADA = {"id": "1", "email": "ada@x.com", "phone": "+1 202 555 0101"}


class Crash(BaseException):
    """The power is cut."""


@pytest.fixture
def place() -> Place:
    return s3_place()


@pytest.fixture
def project(tmp_path: Path, place: Place) -> Iterator[Project]:
    clock = SetClock()
    project = Project(tmp_path, World(clock=clock), clock)
    state = f"state: {{url: '{place.address}audsync'}}\n"
    (tmp_path / "audsync.yaml").write_text(CONFIG + state + s3_yaml())
    project.restart()
    yield project
    steps.listen(None)
    project.runtime.database.dispose()


def named(project: Project) -> set[str]:
    """The files that the store's only head names."""
    audience = audiences.find(project.runtime, "a")
    with project.runtime.database.reading() as session:
        return set(ledger.head(session, audience.id).files.values())


def stored(place: Place) -> list[str]:
    """The names of the files in the object store, but marks; each in a folder of its run."""
    return sorted(
        key.rpartition("/")[2] for key in place.listed("audsync") if "/generation-" not in key
    )


def cache_of(project: Project) -> Path:
    return project.folder / "audsync-cache"


def other_host(project: Project, folder: Path) -> Runtime:
    """The same program and store with a cache of its own."""
    config = load_config(project.folder / "audsync.yaml", {})
    state = config.state.model_copy(update={"cache": str(folder / "cache")})
    return Runtime(
        config=config.model_copy(update={"state": state}),
        clock=project.clock,
        transport=lambda: SandboxTransport(project.world),
    )


def test_syncs_go_on_from_the_store_with_and_without_a_cache(
    project: Project, place: Place
) -> None:
    project.segment([ADA, BO])
    job = project.create().job
    assert job["status"] == "completed", job["error"]
    assert stored(place) == sorted(named(project))
    assert not (project.folder / "audsync-state").exists()
    project.segment([ADA, CYD])
    job = project.sync().job
    assert closes(job)
    assert (job["profiles_added"], job["profiles_removed"]) == (1, 1)
    assert stored(place) == sorted(named(project))
    shutil.rmtree(cache_of(project))
    project.segment([ADA, BO, CYD])
    assert plan(project.runtime, "a")["profiles_new"] == 1
    job = project.sync().job
    assert (job["profiles_added"], job["profiles_unchanged"]) == (1, 2)
    assert {email("ada@x.com"), email("bo@x.com"), email("cyd@x.com")} <= project.held()
    job = project.sync().job
    assert (job["total_batches"], job["profiles_unchanged"]) == (0, 3)


def test_two_hosts_with_caches_of_their_own_see_one_truth(
    project: Project, place: Place, tmp_path: Path
) -> None:
    project.segment([ADA])
    project.create()
    there = other_host(project, tmp_path / "there")
    project.segment([ADA, BO])
    assert audiences.sync(there, "a").job["profiles_added"] == 1
    project.segment([ADA, BO, CYD])
    assert project.sync().job["profiles_added"] == 1
    project.segment([ADA, CYD])
    job = audiences.sync(there, "a").job
    assert (job["profiles_added"], job["profiles_removed"]) == (0, 1)
    assert stored(place) == sorted(named(project))
    assert email("bo@x.com") not in project.held()
    there.database.dispose()


@pytest.mark.parametrize("has_cache", [True, False])
def test_a_lost_object_is_named_with_what_to_do_and_replace_does_it(
    project: Project, place: Place, has_cache: bool
) -> None:
    project.segment([ADA, BO])
    project.create()
    (lost,) = (key for key in place.listed() if "identifiers-" in key)
    place.bucket().delete(lost)
    if not has_cache:
        shutil.rmtree(cache_of(project))
    job = project.sync().job
    assert job["error"]["code"] == "STATE_ERROR"
    assert lost.rpartition("/")[2] in job["error"]["message"]
    assert "audsync reconcile" in job["error"]["message"]
    assert any("is missing" in check.detail for check in examine(project.runtime))
    project.segment([ADA, CYD])
    assert audiences.replace(project.runtime, "a").job["status"] == "completed"
    assert {email("ada@x.com"), email("cyd@x.com")} <= project.held()
    assert stored(place) == sorted(named(project))


def test_damage_in_the_cache_is_mended_from_the_store_and_damage_there_is_told(
    project: Project, place: Place
) -> None:
    project.segment([ADA, BO])
    project.create()
    for path in cache_of(project).rglob("*.parquet"):
        path.write_bytes(b"torn")
    assert project.sync().job["total_batches"] == 0
    (key,) = (key for key in place.listed() if "identifiers-" in key)
    place.put(key, b"torn")
    shutil.rmtree(cache_of(project))
    job = project.sync().job
    assert "does not hash to its name" in job["error"]["message"]
    assert place.address.bucket in job["error"]["message"]
    assert not list(cache_of(project).rglob("identifiers-*.parquet"))


@pytest.mark.parametrize("when", ["file: before upload", "file: after upload"])
def test_a_crash_around_an_upload_leaves_only_rubbish(
    project: Project, place: Place, when: str
) -> None:
    project.segment([ADA, BO])
    project.create()
    before = named(project)
    project.segment([ADA, CYD])

    def cut(step: str) -> None:
        if step.startswith(f"{when} additions"):
            raise Crash

    steps.listen(cut)
    with pytest.raises(Crash):
        project.sync()
    steps.listen(None)
    assert named(project) == before
    assert set(stored(place)) > before, "what was put so far is rubbish"
    project.clock.advance(3600)
    project.restart()
    job = project.sync().job
    assert job["status"] == "completed", job["error"]
    assert stored(place) == sorted(named(project))
    assert email("cyd@x.com") in project.held()
    assert email("bo@x.com") not in project.held()


def test_a_store_that_does_not_answer_stops_the_sync_and_loses_nothing(
    project: Project, place: Place
) -> None:
    project.segment([ADA, BO])
    project.create()
    before, good = named(project), (project.folder / "audsync.yaml").read_text()
    dead = good.replace(f"{place.entry.endpoint}", "http://127.0.0.1:9")
    (project.folder / "audsync.yaml").write_text(dead + "limits: {max_wait: 0.1}\n")
    project.restart()
    held = project.held()
    job = audiences.replace(project.runtime, "a").job
    assert job["error"]["code"] == "STATE_ERROR"
    assert "the store does not answer" in job["error"]["message"]
    assert project.held() == held
    (project.folder / "audsync.yaml").write_text(good)
    project.restart()
    assert named(project) == before
    assert project.sync().job["total_batches"] == 0


def test_a_deleted_audience_leaves_nothing_in_the_store(project: Project, place: Place) -> None:
    project.segment([ADA])
    project.create()
    audiences.delete(project.runtime, "a")
    assert place.listed() == []


def test_doctor_tries_every_right_and_leaves_nothing(project: Project, place: Place) -> None:
    told = {check.name: check for check in examine(project.runtime)}
    assert told["objects"].ok
    assert "listed, read, written and deleted" in told["objects"].detail
    assert place.listed() == []
    entry = project.runtime.config.objects[0]
    config = project.runtime.config.model_copy(
        update={
            "objects": (entry.model_copy(update={"endpoint": "http://127.0.0.1:9"}),),
            "limits": project.runtime.config.limits.model_copy(update={"max_wait": 0.1}),
        }
    )
    (state,) = (check for check in examine(Runtime(config=config)) if check.name == "state")
    assert not state.ok
    assert "does not answer" in state.detail
    assert SECRET not in f"{state}"


def test_the_cache_must_be_on_this_machine(project: Project) -> None:
    state = project.runtime.config.state.model_copy(update={"cache": "s3://b/c"})
    config = project.runtime.config.model_copy(update={"state": state})
    (state_check,) = (check for check in examine(Runtime(config=config)) if check.name == "state")
    assert "state.cache must be a folder" in state_check.detail


def test_an_encrypted_state_is_encrypted_in_the_store_too(project: Project, place: Place) -> None:
    project.segment([ADA])
    key = SecretStr("A" * 43 + "=")
    text = (project.folder / "audsync.yaml").read_text()
    (project.folder / "audsync.yaml").write_text(
        text.replace("audsync'}", "audsync', encrypt: true}")
    )
    config = load_config(
        project.folder / "audsync.yaml", {"AUDSYNC_ENCRYPTION_KEY": key.get_secret_value()}
    )
    project.runtime = Runtime(
        config=config, clock=project.clock, transport=lambda: SandboxTransport(project.world)
    )
    job = project.create().job
    assert job["status"] == "completed", job["error"]
    digest = bytes.fromhex(email("ada@x.com")[1])
    assert place.listed()
    assert not any(digest in place.content(one) for one in place.listed())
    shutil.rmtree(cache_of(project))
    assert project.sync().job["total_batches"] == 0


def test_state_error_is_what_a_missing_file_raises(project: Project, place: Place) -> None:
    project.segment([ADA])
    project.create()
    for key in place.listed():
        place.bucket().delete(key)
    shutil.rmtree(cache_of(project))
    with pytest.raises(StateError, match=f"s3://{place.address.bucket}/audsync/tenant-1/"):
        plan(project.runtime, "a")


def test_a_store_that_was_restored_is_told_by_the_mark_in_the_object_store(
    project: Project, place: Place
) -> None:
    project.segment([ADA, BO])
    project.create()
    project.runtime.database.dispose()
    shutil.copy(project.folder / "audsync.db", project.folder / "kept.db")
    project.segment([ADA, BO, CYD])
    project.sync()
    project.runtime.database.dispose()
    shutil.copy(project.folder / "kept.db", project.folder / "audsync.db")
    project.restart()
    assert project.sync().job["error"]["code"] == "STATE_ERROR"
    assert audiences.reconcile(project.runtime, "a").exit_code == 0
    assert project.sync().exit_code == 0
    assert len([key for key in place.listed("audsync") if "/generation-" in key]) == 1
    assert audiences.delete(project.runtime, "a").exit_code == 0
    assert place.listed("audsync") == []
