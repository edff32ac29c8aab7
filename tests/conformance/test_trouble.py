from typing import Any

import pytest

from audsync.connectors.contract import may_have_applied
from audsync.domain import Action, RemoteId
from audsync.errors import (
    AttentionError,
    AudsyncError,
    CredentialsError,
    CredentialsExpiredError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    TermsNotAcceptedError,
)
from tests.conformance.conftest import Stage, one_value_each, person

ANN, BEN = person(1), person(2)
LOST_AFTER = ["reset", "hang", "cut", "broken_json", "empty", "html", "missing_fields", "huge"]


@pytest.fixture
def audience(stage: Stage) -> RemoteId:
    return stage.connector.create("buyers", "made by a test")


def test_a_well_kept_account_has_access(stage: Stage) -> None:
    assert stage.connector.check_access() is None


TROUBLE: list[tuple[str, type[AudsyncError]]] = [
    ("credentials unknown", CredentialsError),
    ("credentials expired", CredentialsExpiredError),
    ("credentials revoked", CredentialsExpiredError),
    ("scope missing", PermissionDeniedError),
    ("account out of sight", PermissionDeniedError),
    ("terms not accepted", TermsNotAcceptedError),
]


@pytest.mark.parametrize(
    ("trouble", "expected"), [*TROUBLE, ("account disabled", PermissionDeniedError)]
)
def test_what_a_person_must_mend_is_named_at_the_check(
    stage: Stage, trouble: str, expected: type[AudsyncError]
) -> None:
    stage.bring(trouble)
    with pytest.raises(AudsyncError) as caught:
        stage.connector.check_access()
    assert type(caught.value) is expected
    assert caught.value.action_required
    assert stage.clock.slept_s == []


@pytest.mark.parametrize(("trouble", "expected"), TROUBLE)
def test_what_a_person_must_mend_is_named_in_the_middle_of_work(
    stage: Stage, audience: RemoteId, trouble: str, expected: type[AudsyncError]
) -> None:
    stage.send(audience, Action.ADD, [ANN])
    stage.bring(trouble)
    with pytest.raises(AttentionError) as caught:
        stage.send(audience, Action.ADD, [BEN])
    assert type(caught.value) is expected
    assert not may_have_applied(caught.value)
    assert stage.members(audience) == stage.wire(ANN)
    with pytest.raises(AttentionError) as caught:
        stage.connector.create("buyers 2", "")
    assert type(caught.value) is expected


def test_a_new_audience_that_is_not_ready_is_waited_for(stage: Stage) -> None:
    stage.bring("new audiences not ready")
    audience = stage.connector.create("buyers", "")
    stage.send(audience, Action.ADD, [ANN])
    assert stage.members(audience) == stage.wire(ANN)
    assert len(stage.clock.slept_s) == 3


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", LOST_AFTER)
@pytest.mark.parametrize("action", [Action.ADD, Action.REMOVE])
def test_one_lost_answer_is_made_good_and_told(
    stage: Stage, audience: RemoteId, action: Action, kind: str, when: str
) -> None:
    stage.send(audience, Action.ADD, [ANN])
    stage.arm(kind, when=when, path=stage.subject.members_path)
    rows = [BEN] if action is Action.ADD else one_value_each([ANN])
    batches = stage.batches(audience, action, *([row] for row in [*rows, rows[0]]))
    tries = [stage.connector.send(batch).unanswered_tries for batch in batches]
    assert tries == [1, *(0 for _ in batches[1:])]
    expected = stage.wire(ANN, BEN) if action is Action.ADD else set()
    assert stage.members(audience) == expected


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failing_server_is_asked_again(
    stage: Stage, audience: RemoteId, status: int, when: str
) -> None:
    stage.arm("status", status=status, when=when, path=stage.subject.members_path)
    (batch,) = stage.batches(audience, Action.ADD, [ANN])
    assert stage.connector.send(batch).unanswered_tries == 1
    assert stage.members(audience) == stage.wire(ANN)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", [*LOST_AFTER, "status"])
def test_answers_lost_again_and_again_leave_the_outcome_unknown(
    stage: Stage, audience: RemoteId, kind: str, when: str
) -> None:
    stage.arm(kind, when=when, times=0, path=stage.subject.members_path)
    with pytest.raises(OutcomeUnknownError) as caught:
        stage.send(audience, Action.ADD, [ANN])
    assert caught.value.details["unanswered_tries"] in {2, 3}
    assert sum(stage.clock.slept_s) <= 60


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", [*LOST_AFTER, "status"])
def test_a_lost_answer_to_create_never_makes_a_second_audience(
    stage: Stage, kind: str, when: str
) -> None:
    stage.arm(kind, when=when)
    with pytest.raises(OutcomeUnknownError):
        stage.connector.create("buyers", "")
    assert len(stage.connector.find("buyers")) == (1 if when == "after" else 0)


def test_a_connection_refused_is_tried_again_even_to_create(stage: Stage) -> None:
    stage.arm("refuse", times=2)
    audience = stage.connector.create("buyers", "")
    assert stage.connector.find("buyers") == [audience]


@pytest.mark.parametrize("call", ["find", "describe", "check"])
@pytest.mark.parametrize("kind", LOST_AFTER)
def test_reading_again_after_a_lost_answer_tells_the_same(
    stage: Stage, audience: RemoteId, kind: str, call: str
) -> None:
    if (kind, call) == ("missing_fields", "find") and stage.subject.leaves_out_empty:
        pytest.skip("an answer without fields is a page without audiences")
    calls: dict[str, Any] = {
        "find": lambda: stage.connector.find("buyers"),
        "describe": lambda: stage.connector.describe(audience),
        "check": stage.connector.check_access,
    }
    expected = calls[call]()
    stage.arm(kind)
    assert calls[call]() == expected


@pytest.mark.parametrize("kind", [*LOST_AFTER, "status"])
def test_a_lost_answer_to_delete_still_deletes(stage: Stage, audience: RemoteId, kind: str) -> None:
    stage.arm(kind, when="after")
    stage.connector.delete(audience)
    assert stage.connector.find("buyers") == []


def test_a_short_rate_limit_is_waited_for(stage: Stage, audience: RemoteId) -> None:
    stage.arm("rate_limit", wait_min=1, path=stage.subject.members_path)
    stage.send(audience, Action.ADD, [ANN])
    assert stage.members(audience) == stage.wire(ANN)
    told_s = 60 if stage.subject.tells_wait else stage.subject.blind_wait_s
    assert told_s <= sum(stage.clock.slept_s) <= told_s + 1


def test_a_long_rate_limit_ends_and_says_for_how_long(stage: Stage, audience: RemoteId) -> None:
    stage.arm("rate_limit", wait_min=7, times=0, path=stage.subject.members_path)
    with pytest.raises(RateLimitError) as caught:
        stage.send(audience, Action.ADD, [ANN])
    tells = stage.subject.tells_wait
    assert caught.value.details["retry_after_seconds"] == (420 if tells else stage.subject.rest_s)
    assert sum(stage.clock.slept_s) <= (0 if tells else 60)
    assert stage.members(audience) == set()


def test_no_error_holds_what_was_sent(stage: Stage, audience: RemoteId) -> None:
    told = []
    for kind in ("html", "broken_json", "error_in_200", "status"):
        stage.arm(kind, times=0, path=stage.subject.members_path)
        with pytest.raises(AudsyncError) as caught:
            stage.send(audience, Action.ADD, [ANN])
        told.append(f"{caught.value!r} {caught.value.as_json()}")
        stage.world.faults.disarm()
    secrets = set(stage.subject.access.credentials.values())
    for value in {value for _, value in stage.wire(ANN)} | secrets:
        assert all(value not in text for text in told)
