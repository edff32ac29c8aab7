"""TikTok's other path: whole replaces in files, an audience that begins with its members."""

from dataclasses import replace
from typing import Any

import pytest

from audsync.connectors import registry
from audsync.connectors.contract import Connector, HttpLimits, may_have_applied
from audsync.domain import Action, Kind, Platform, RemoteId, SettlementState
from audsync.errors import (
    AudienceGoneError,
    AudsyncError,
    ConflictError,
    CredentialsExpiredError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    UnavailableError,
    ValidationError,
)
from audsync.sandbox.transport import SandboxTransport
from tests.conformance.conftest import (
    SUBJECTS,
    Person,
    Stage,
    members_table,
    one_value_each,
    person,
)

HOUR_S = 3_600
ANN, BEN, CEM, DEE = (person(number) for number in range(1, 5))
STREAMING = next(subject for subject in SUBJECTS if subject.platform is Platform.TIKTOK)
FILES = replace(
    STREAMING,
    access=replace(STREAMING.access, options={"upload": "file"}),
    members_path="/file/upload/",
    works_off_in_s=25 * HOUR_S,
)

pytestmark = pytest.mark.parametrize("stage", [FILES], indirect=True, ids=["tiktok files"])


@pytest.fixture
def audience(stage: Stage) -> RemoteId:
    """One that stands on TikTok, with Ann in it."""
    configure(stage, smallest_audience=0)
    waiting = stage.connector.create("buyers", "")
    stage.send(waiting, Action.REPLACE, [ANN])
    return stage.connector.describe(waiting).id


def configure(stage: Stage, **settings: object) -> None:
    stage.world.platforms["tiktok"].configure(settings)


def calls(stage: Stage, path: str) -> int:
    return sum(path in entry["path"] for entry in stage.world.journal.requests())


def another_process(stage: Stage) -> Connector:
    return registry.connect(
        Platform.TIKTOK,
        FILES.access,
        clock=stage.clock,
        limits=HttpLimits(),
        transport=SandboxTransport(stage.world),
    )


def settled(stage: Stage, audience: RemoteId, *people: Person) -> SettlementState:
    """What becomes of a replace by these people, once TikTok has had its time."""
    (batch,) = stage.batches(audience, Action.REPLACE, list(people))
    receipt = stage.connector.send(batch)
    assert not receipt.is_settled
    now = stage.connector.settlement(audience, receipt.reference)
    assert now.state is SettlementState.PENDING
    stage.settle()
    return stage.connector.settlement(audience, receipt.reference).state


def test_an_audience_begins_with_its_members(stage: Stage) -> None:
    configure(stage, smallest_audience=0)
    waiting = stage.connector.create("buyers", "made by a test")
    assert stage.connector.find("buyers") == []
    before = stage.connector.describe(waiting)
    assert (before.id, before.name, before.is_usable) == (waiting, "buyers", True)
    assert "not made yet" in before.note
    stage.connector.delete(waiting)
    stage.send(waiting, Action.REPLACE, [ANN], [BEN])
    made = stage.connector.describe(waiting).id
    assert made != waiting
    assert stage.connector.find("buyers") == [made]
    assert stage.members(made) == stage.wire(ANN, BEN)
    assert another_process(stage).describe(waiting).id == made


def test_a_replace_leaves_exactly_what_it_brought(stage: Stage, audience: RemoteId) -> None:
    stage.send(audience, Action.REPLACE, [BEN], [CEM], [DEE])
    assert stage.members(audience) == stage.wire(BEN, CEM, DEE)
    assert settled(stage, audience, ANN, CEM) is SettlementState.CONFIRMED
    assert stage.members(audience) == stage.wire(ANN, CEM)
    assert stage.connector.describe(audience).note == ""


def test_only_the_last_batch_does_anything(stage: Stage, audience: RemoteId) -> None:
    first, second, third = stage.batches(audience, Action.REPLACE, [BEN], [CEM], [DEE])
    for batch in (first, second, second):
        receipt = stage.connector.send(batch)
        assert receipt.is_settled
        assert (receipt.received_rows, receipt.rejected_rows) == (1, 0)
    assert stage.members(audience) == stage.wire(ANN)
    with pytest.raises(UnavailableError, match="missing"):
        another_process(stage).send(third)
    assert stage.members(audience) == stage.wire(ANN)


def test_nobody_is_added_or_removed_one_by_one(stage: Stage, audience: RemoteId) -> None:
    for action, rows in ((Action.ADD, [BEN]), (Action.REMOVE, one_value_each([ANN]))):
        with pytest.raises(ValidationError):
            stage.send(audience, action, rows)
    assert stage.members(audience) == stage.wire(ANN)


def test_a_device_id_has_a_column_of_its_own(stage: Stage, audience: RemoteId) -> None:
    device = bytes(range(32))
    (batch,) = stage.batches(audience, Action.REPLACE, [ANN, BEN])
    members = members_table([{Kind.MOBILE_ID: device}, {Kind.EMAIL: BEN[Kind.EMAIL]}])
    stage.connector.send(replace(batch, kinds=(Kind.EMAIL, Kind.MOBILE_ID), members=members))
    assert stage.members(audience) == {
        ("EMAIL_SHA256", BEN[Kind.EMAIL].hex()),
        ("MAID_SHA256", device.hex()),
    }


def test_names_may_be_long_and_are_never_cut(stage: Stage) -> None:
    configure(stage, smallest_audience=0)
    long = "b" * stage.connector.spec.max_name_chars
    waiting = stage.connector.create(long, "")
    stage.send(waiting, Action.REPLACE, [ANN])
    assert stage.connector.describe(waiting).name == long


def test_one_of_that_name_that_was_there_before_is_not_ours(
    stage: Stage, audience: RemoteId
) -> None:
    waiting = stage.connector.create("buyers", "")
    assert stage.connector.describe(waiting).id == waiting
    stage.send(waiting, Action.REPLACE, [BEN])
    made = stage.connector.describe(waiting).id
    assert stage.connector.find("buyers") == [audience, made]
    assert stage.members(audience) == stage.wire(ANN)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["reset", "hang", "missing_fields"])
def test_a_lost_answer_to_an_upload_leaves_no_doubt(
    stage: Stage, audience: RemoteId, kind: str, when: str
) -> None:
    stage.arm(kind, when=when, path="/file/upload/")
    for batch in stage.batches(audience, Action.REPLACE, [BEN], [CEM]):
        assert stage.connector.send(batch).unanswered_tries == 0
    assert stage.members(audience) == stage.wire(BEN, CEM)
    stage.arm(kind, when=when, times=0, path="/file/upload/")
    with pytest.raises(UnavailableError) as caught:
        stage.send(audience, Action.REPLACE, [DEE])
    assert not may_have_applied(caught.value)


@pytest.mark.parametrize("kind", ["reset", "hang", "empty"])
def test_a_lost_answer_to_a_replace_is_told(stage: Stage, audience: RemoteId, kind: str) -> None:
    stage.arm(kind, when="before", path="/update/")
    (batch,) = stage.batches(audience, Action.REPLACE, [BEN])
    assert stage.connector.send(batch).unanswered_tries == 1
    assert stage.members(audience) == stage.wire(BEN)
    stage.arm(kind, when="after", path="/update/")
    with pytest.raises(OutcomeUnknownError):
        stage.send(audience, Action.REPLACE, [CEM])
    assert stage.members(audience) == stage.wire(CEM)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["reset", "hang", "missing_fields"])
def test_a_lost_answer_to_the_creation_never_makes_a_second_audience(
    stage: Stage, kind: str, when: str
) -> None:
    configure(stage, smallest_audience=0)
    waiting = stage.connector.create("buyers", "")
    stage.arm(kind, when=when, path="/create/")
    with pytest.raises(OutcomeUnknownError):
        stage.send(waiting, Action.REPLACE, [ANN])
    assert calls(stage, "/create/") == 1
    stage.settle()
    later = another_process(stage)
    (batch,) = stage.batches(waiting, Action.REPLACE, [BEN, CEM])
    later.send(batch)
    (made,) = later.find("buyers")
    assert later.describe(waiting).id == made
    assert stage.members(made) == stage.wire(BEN, CEM)


def test_while_it_is_computed_nothing_is_uploaded_for_it(stage: Stage, audience: RemoteId) -> None:
    (batch,) = stage.batches(audience, Action.REPLACE, [BEN])
    stage.connector.send(batch)
    assert not stage.connector.describe(audience).is_usable
    before = calls(stage, "/file/upload/")
    (another,) = stage.batches(audience, Action.REPLACE, [CEM])
    with pytest.raises(ConflictError) as caught:
        stage.connector.send(another)
    assert caught.value.details["retry_after_seconds"] == HOUR_S
    assert calls(stage, "/file/upload/") == before
    stage.settle()
    assert stage.connector.describe(audience).is_usable


def test_an_audience_that_met_too_few_people_is_told_with_the_ways_out(stage: Stage) -> None:
    waiting = stage.connector.create("buyers", "")
    (batch,) = stage.batches(waiting, Action.REPLACE, [ANN, BEN])
    receipt = stage.connector.send(batch)
    stage.settle()
    answer = stage.connector.settlement(waiting, receipt.reference)
    assert answer.state is SettlementState.REJECTED
    assert answer.rejected_rows == 2
    assert any("1000" in words for words in answer.reasons)
    told = stage.connector.describe(waiting)
    assert "too small" in told.note
    people = [person(number) for number in range(1, 3_001)]
    before = calls(stage, "/file/upload/")
    with pytest.raises(ValidationError, match="upload") as caught:
        stage.send(waiting, Action.REPLACE, people)
    assert "delete it" in caught.value.message
    assert calls(stage, "/file/upload/") == before


def test_a_replace_that_would_leave_too_few_changes_nothing_and_is_not_repeated(
    stage: Stage,
) -> None:
    people = [person(number) for number in range(1, 2_001)]
    waiting = stage.connector.create("buyers", "")
    stage.send(waiting, Action.REPLACE, people)
    audience = stage.connector.describe(waiting).id
    assert settled(stage, audience, ANN, BEN) is SettlementState.REJECTED
    assert stage.members(audience) == stage.wire(*people)
    assert "came to nothing" in stage.connector.describe(audience).note
    with pytest.raises(ValidationError, match="larger"):
        stage.send(audience, Action.REPLACE, [BEN])
    assert settled(stage, audience, *people[200:]) is SettlementState.CONFIRMED
    assert stage.members(audience) == stage.wire(*people[200:])


def test_an_uploaded_file_that_is_gone_asks_for_a_later_run(
    stage: Stage, audience: RemoteId
) -> None:
    first, last = stage.batches(audience, Action.REPLACE, [BEN], [CEM])
    stage.connector.send(first)
    stage.clock.seconds += 25 * HOUR_S
    with pytest.raises(ConflictError, match="uploads it again"):
        stage.connector.send(last)
    assert stage.members(audience) == stage.wire(ANN)


def test_a_session_of_too_many_files_is_refused_at_its_beginning(
    stage: Stage, audience: RemoteId
) -> None:
    (batch,) = stage.batches(audience, Action.REPLACE, [BEN])
    before = calls(stage, "/file/upload/")
    with pytest.raises(ValidationError, match="500"):
        stage.connector.send(replace(batch, is_last=False, session_rows=501))
    assert calls(stage, "/file/upload/") == before


def test_an_expired_audience_is_to_be_made_anew(stage: Stage, audience: RemoteId) -> None:
    stage.clock.seconds += 400 * 24 * HOUR_S
    assert "expired" in stage.connector.describe(audience).note
    with pytest.raises(ValidationError, match="expired"):
        stage.send(audience, Action.REPLACE, [BEN])


def test_a_deleted_audience_is_gone_and_deleting_it_again_is_no_error(
    stage: Stage, audience: RemoteId
) -> None:
    (batch,) = stage.batches(audience, Action.REPLACE, [BEN])
    receipt = stage.connector.send(batch)
    stage.connector.delete(audience)
    stage.connector.delete(audience)
    with pytest.raises(AudienceGoneError):
        stage.connector.describe(audience)
    with pytest.raises(AudienceGoneError):
        stage.send(audience, Action.REPLACE, [BEN])
    answer = stage.connector.settlement(audience, receipt.reference)
    assert answer.state is SettlementState.LOST


def test_a_streamed_audience_is_neither_taken_for_ours_nor_touched(stage: Stage) -> None:
    other = registry.connect(
        Platform.TIKTOK,
        STREAMING.access,
        clock=stage.clock,
        limits=HttpLimits(),
        transport=SandboxTransport(stage.world),
    )
    streamed = other.create("buyers", "")
    assert stage.connector.find("buyers") == []
    described = stage.connector.describe(streamed)
    assert not described.is_usable
    assert "Partner" in described.note


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        ("credentials revoked", CredentialsExpiredError),
        ("scope missing", PermissionDeniedError),
        ("account out of sight", PermissionDeniedError),
    ],
)
def test_what_a_person_must_mend_is_named_in_the_middle_of_work(
    stage: Stage, audience: RemoteId, trouble: str, expected: type[AudsyncError]
) -> None:
    first, last = stage.batches(audience, Action.REPLACE, [BEN], [CEM])
    stage.connector.send(first)
    stage.bring(trouble)
    for call in (lambda: stage.connector.send(last), stage.connector.check_access):
        with pytest.raises(expected) as caught:
            call()
        assert not may_have_applied(caught.value)
    assert stage.members(audience) == stage.wire(ANN)


def test_a_long_rate_limit_ends_and_says_for_how_long(stage: Stage, audience: RemoteId) -> None:
    stage.arm("rate_limit", wait_min=7, times=0, path=FILES.members_path)
    with pytest.raises(RateLimitError) as caught:
        stage.send(audience, Action.REPLACE, [BEN])
    assert caught.value.details["retry_after_seconds"] == 300


def test_no_error_holds_what_was_sent(stage: Stage, audience: RemoteId) -> None:
    told: list[Any] = []
    for path in ("/file/upload/", "/update/"):
        for kind in ("html", "broken_json", "error_in_200", "status"):
            stage.arm(kind, times=0, path=path)
            with pytest.raises(AudsyncError) as caught:
                stage.send(audience, Action.REPLACE, [BEN])
            told.append(f"{caught.value!r} {caught.value.as_json()}")
            stage.world.faults.disarm()
    secrets = set(FILES.access.credentials.values())
    for value in {value for _, value in stage.wire(BEN)} | secrets:
        assert all(value not in text for text in told)
