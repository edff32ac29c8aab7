"""What syncing means for the people in a segment, end to end in one process."""

import pytest

from audsync.domain import RemoteId
from audsync.errors import AudienceStaleError, BusyError, StateError, UsageError
from audsync.sandbox.faults import FaultKind, Rule
from audsync.services import audiences, stale
from audsync.services.doctor.checkup import examine
from audsync.services.jobs import retrying
from audsync.services.jobs.planning import plan
from audsync.store import leases
from tests.services.conftest import Project, closes, email, phone

ANN = {"id": "1", "email": "ann@example.com", "phone": "+12025550101"}
BOB = {"id": "2", "email": "bob@example.com", "work": "bob@work.example", "crm": "c2"}
BOBS = {email("bob@example.com"), email("bob@work.example"), ("EXTERN_ID", "c2")}
CARA = {"id": "3", "email": "cara@example.com", "phone": "+12025550101"}


def test_a_segment_becomes_an_audience_and_stays_it(project: Project) -> None:
    project.segment([ANN, BOB])
    created = project.create()
    assert (created.exit_code, created.job["status"]) == (0, "completed")
    assert created.job["platform_audience_id"]
    project.segment([BOB, CARA])
    synced = project.sync()
    assert project.held() == {
        email("bob@example.com"),
        email("bob@work.example"),
        ("EXTERN_ID", "c2"),
        email("cara@example.com"),
        phone("12025550101"),
    }
    job = synced.job
    assert (job["profiles_added"], job["profiles_removed"], job["profiles_unchanged"]) == (1, 1, 1)
    assert (job["identifiers_added"], job["identifiers_removed"]) == (1, 1)
    assert closes(created.job)
    assert closes(job)


def test_a_sync_without_a_change_sends_no_member(project: Project) -> None:
    project.segment([ANN, BOB])
    project.create()
    job = project.sync().job
    assert (job["total_batches"], job["profiles_unchanged"]) == (0, 2)


def test_a_changed_address_counts_as_sent_and_added_and_not_as_removed(project: Project) -> None:
    project.segment([ANN, BOB])
    project.create()
    project.segment([{**ANN, "email": "ann@new.example"}, BOB])
    job = project.sync().job
    assert (job["profiles_sent"], job["profiles_added"], job["profiles_removed"]) == (1, 1, 0)
    assert email("ann@example.com") not in project.held()
    (remote,) = project.world.remotes("meta")
    assert remote.person_count == 2, "the removed address took Ann along; her row brought her back"


def test_a_link_of_long_ago_still_brings_a_person_back(project: Project) -> None:
    family = {"id": "1", "email": "family@example.com", "work": "q@example.com"}
    member = {"id": "2", "email": "family@example.com", "crm": "c2"}
    others = [{"id": f"o{i}", "email": f"o{i}@example.com"} for i in range(9)]
    project.segment([family, member, *others])
    project.create()
    project.segment([family, {**member, "email": "new@example.com"}, *others])
    project.sync()
    project.segment([family, *others])
    report = project.sync()
    assert report.exit_code == 0
    (remote,) = project.world.remotes("meta")
    named = {value for person in remote.persons for value in person}
    assert email("family@example.com") in named, "c2 and family@ were sent as one person once"
    assert report.job["profiles_refreshed"] == 1


def test_consent_withdrawn_and_suppression_remove_and_say_why(project: Project) -> None:
    people = [{"id": str(i), "email": f"p{i}@example.com"} for i in range(8)]
    project.segment(people)
    project.create()
    project.segment([{**people[0], "ok": "no"}, *people[1:]])
    project.suppress([" P1@example.com "])
    planned = plan(project.runtime, "a")
    assert planned["removal_causes"]["consent_withdrawn"] == 1
    assert planned["removal_causes"]["suppressed"] == 1
    job = project.sync().job
    assert project.held() == {email(f"p{i}@example.com") for i in range(2, 8)}
    assert (job["profiles_skipped"]["no_consent"], job["profiles_skipped"]["suppressed"]) == (1, 1)
    assert closes(job)
    project.suppress(["stranger@example.com"])
    assert email("p1@example.com") not in project.held()
    project.sync()
    assert email("p1@example.com") in project.held(), "off the list, the next sync sends it again"


def test_rows_of_one_profile_are_united(project: Project) -> None:
    project.segment([ANN, {**ANN, "email": "ann@second.example"}])
    report = project.create()
    assert report.job["profiles_skipped"]["duplicate"] == 1
    assert "DUPLICATE_PROFILES" in {warning["code"] for warning in report.job["warnings"]}
    assert {email("ann@example.com"), email("ann@second.example")} <= project.held()
    project.segment([{**ANN, "email": "ann@second.example"}, BOB])
    job = project.sync().job
    assert email("ann@example.com") not in project.held()
    assert closes(job)


def test_an_empty_segment_makes_an_empty_audience_with_a_warning(project: Project) -> None:
    report = project.create()
    assert report.exit_code == 0
    assert report.job["warnings"] == [
        {
            "code": "EMPTY_SEGMENT",
            "message": "Segment has no profiles matching identifier criteria",
        }
    ]


def test_no_usable_identifier_is_a_warning_and_a_match_rate_of_zero(project: Project) -> None:
    project.segment([{"id": "1", "email": "not an address"}])
    report = project.create()
    assert report.job["warnings"][0]["code"] == "NO_VALID_IDENTIFIERS"
    assert report.job["match_rate"] == 0.0


def test_a_source_that_runs_dry_empties_nothing(project: Project) -> None:
    project.segment([ANN, BOB])
    project.create()
    before = project.held()
    project.segment([])
    report = project.sync()
    assert (report.exit_code, report.job["error"]["code"]) == (7, "GUARD_REFUSED")
    assert project.held() == before
    assert closes(report.job)
    assert project.sync(allow_shrink=True).exit_code == 0
    assert project.held() == set()


def test_an_audience_that_vanished_is_stale_until_a_person_decides(project: Project) -> None:
    project.segment([ANN])
    project.create()
    (remote,) = project.world.remotes("meta")
    project.runtime.connect("meta-main").delete(RemoteId(remote.id))
    report = project.sync()
    assert (report.exit_code, report.job["error"]["code"]) == (1, "AUDIENCE_NOT_FOUND")
    assert report.job["error"]["details"]["where"] == "platform"
    with pytest.raises(AudienceStaleError):
        project.sync()
    again = stale.recreate(project.runtime, "a")
    assert (again.exit_code, again.job["profiles_added"]) == (0, 1)
    assert project.held() == {email("ann@example.com"), phone("12025550101")}
    with pytest.raises(UsageError):
        stale.recreate(project.runtime, "a")


def test_unlink_lets_an_audience_go_and_leaves_the_platform_alone(project: Project) -> None:
    project.segment([ANN])
    project.create()
    before = project.held()
    assert stale.unlink(project.runtime, "a").exit_code == 0
    assert project.held() == before
    assert audiences.status(project.runtime) == []


def test_a_second_sync_at_once_is_refused(project: Project) -> None:
    project.segment([ANN])
    project.create()
    audience = audiences.find(project.runtime, "a")
    lease = leases.claim(
        project.runtime.database, audience.id, owner=leases.this_process(), ttl_s=600
    )
    with pytest.raises(BusyError):
        project.sync()
    with pytest.raises(BusyError):
        audiences.unlock(project.runtime, "a")
    leases.release(project.runtime.database, lease)
    assert project.sync().exit_code == 0


def test_a_damaged_file_is_refused_and_a_replace_needs_none(project: Project) -> None:
    project.segment([ANN, BOB])
    project.create()
    for file in project.folder.rglob("identifiers-*.parquet"):
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    broken = {check.name: check for check in examine(project.runtime) if not check.ok}
    assert broken["snapshots"].mend == "audsync reconcile a"
    project.segment([BOB])
    refused = project.sync()
    assert (refused.exit_code, refused.job["error"]["code"]) == (1, "STATE_ERROR")
    assert audiences.replace(project.runtime, "a").exit_code == 0
    assert project.held() == BOBS
    project.clock.advance(60)
    assert project.sync().exit_code == 0


def test_a_replace_that_broke_after_state_was_lost_must_be_finished(project: Project) -> None:
    project.segment([ANN, BOB])
    project.create()
    for file in project.folder.rglob("identifiers-*.parquet"):
        file.unlink()
    project.world.faults.arm(
        [Rule(kind=FaultKind("status"), path="usersreplace", status=500, times=9)]
    )
    assert audiences.replace(project.runtime, "a").exit_code == 6
    project.world.faults.disarm()
    report = project.sync()
    assert report.job["error"]["code"] == StateError.code
    project.clock.advance(91 * 60)
    project.segment([BOB])
    assert audiences.replace(project.runtime, "a").exit_code == 0
    assert project.held() == BOBS


def test_a_retry_sends_what_the_job_had_read_and_nothing_twice(project: Project) -> None:
    others = [{"id": f"o{i}", "email": f"o{i}@example.com"} for i in range(9)]
    project.segment([ANN, BOB, *others])
    project.create()
    project.segment([ANN, CARA, *others])
    project.world.faults.arm(
        [
            Rule(
                kind=FaultKind("status"),
                method="POST",
                path="/users",
                status=500,
                times=99,
                when="before",
            )
        ]
    )
    failed = project.sync()
    assert (failed.exit_code, failed.job["status"]) == (3, "partial")
    assert closes(failed.job)
    project.world.faults.disarm()
    project.segment([])
    retried = retrying.retry(project.runtime, failed.job["job_id"])
    assert retried.exit_code == 0
    assert project.held() == {
        email("ann@example.com"),
        email("cara@example.com"),
        phone("12025550101"),
        *(email(f"o{i}@example.com") for i in range(9)),
    }
    with pytest.raises(UsageError):
        retrying.retry(project.runtime, retried.job["job_id"])


def test_a_plan_touches_nothing(project: Project) -> None:
    project.segment([ANN, BOB])
    project.create()
    before = sorted(path.name for path in project.folder.rglob("*") if path.is_file())
    requests = len(project.world.journal.requests())
    project.segment([BOB])
    planned = plan(project.runtime, "a")
    assert planned["has_changes"]
    assert planned["identifiers"]["email"] == {"adds": 0, "removes": 1, "unchanged": 2}
    assert sorted(path.name for path in project.folder.rglob("*") if path.is_file()) == before
    assert len(project.world.journal.requests()) == requests
