"""What only Snapchat has: tokens for an hour, one kind a request, a call that empties a list."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest

from audsync.connectors.contract import may_have_applied
from audsync.domain import Action, Kind, Platform, RemoteId
from audsync.errors import (
    AudienceGoneError,
    AudsyncError,
    CredentialsExpiredError,
    OutcomeUnknownError,
    PermissionDeniedError,
    ValidationError,
)
from tests.conformance.conftest import SUBJECTS, Person, Stage, person

ANN, BEN = person(1), person(2)
KEYS = {
    Kind.EMAIL: ("EMAIL_SHA256", True),
    Kind.PHONE: ("PHONE_SHA256", True),
    Kind.MOBILE_ID: ("MOBILE_AD_ID_SHA256", True),
}
TOKEN_PATH = "/login/oauth2/access_token"

pytestmark = pytest.mark.parametrize(
    "stage",
    [subject for subject in SUBJECTS if subject.platform is Platform.SNAPCHAT],
    indirect=True,
    ids=["snapchat"],
)


@pytest.fixture
def audience(stage: Stage) -> RemoteId:
    return stage.connector.create("buyers", "made by a test")


def configure(stage: Stage, **settings: object) -> None:
    stage.world.platforms["snapchat"].configure(settings)


def calls(stage: Stage) -> list[dict[str, Any]]:
    return stage.world.journal.requests(with_bodies=True)


def grants(stage: Stage) -> list[dict[str, list[str]]]:
    """What was said in each call for a token."""
    return [parse_qs(call["body"]) for call in calls(stage) if call["path"] == TOKEN_PATH]


def by(kind: Kind) -> Person:
    return {kind: int(kind).to_bytes(32, "big")}


def test_each_kind_goes_by_its_own_name_into_the_same_list(
    stage: Stage, audience: RemoteId
) -> None:
    stage.subject = replace(stage.subject, keys=KEYS)
    people = [by(kind) for kind in KEYS]
    for each in people:
        stage.send(audience, Action.ADD, [each])
    assert stage.members(audience) == stage.wire(*people)
    stage.send(audience, Action.REMOVE, [by(Kind.PHONE)])
    assert stage.members(audience) == stage.wire(by(Kind.EMAIL), by(Kind.MOBILE_ID))


def test_one_call_empties_a_list_and_doing_so_twice_is_as_once(
    stage: Stage, audience: RemoteId
) -> None:
    stage.send(audience, Action.ADD, [ANN, BEN])
    stage.connector.wipe(audience)
    stage.connector.wipe(audience)
    assert stage.members(audience) == set()
    assert stage.connector.find("buyers") == [audience]


@pytest.mark.parametrize("kind", ["reset", "html", "missing_fields", "cut"])
def test_a_lost_answer_to_emptying_still_empties(
    stage: Stage, audience: RemoteId, kind: str
) -> None:
    stage.send(audience, Action.ADD, [ANN])
    stage.arm(kind, path="/all_users")
    stage.connector.wipe(audience)
    assert stage.members(audience) == set()


def test_work_that_takes_hours_is_never_refused_for_an_old_token(
    stage: Stage, audience: RemoteId
) -> None:
    for number in range(1, 25):
        stage.clock.seconds += 600
        stage.send(audience, Action.ADD, [person(number)])
    assert 401 not in {call["status"] for call in calls(stage)}
    assert 4 <= len(grants(stage)) <= 6


def test_a_token_that_ends_early_is_renewed_once(stage: Stage, audience: RemoteId) -> None:
    stage.arm("status", status=401, path="/users")
    stage.send(audience, Action.ADD, [ANN])
    assert stage.members(audience) == stage.wire(ANN)
    assert len(grants(stage)) == 2
    assert stage.clock.slept_s == []


def test_tokens_that_are_all_refused_are_for_a_person_to_mend(
    stage: Stage, audience: RemoteId
) -> None:
    stage.arm("status", status=401, times=0, path="/users")
    with pytest.raises(CredentialsExpiredError) as caught:
        stage.send(audience, Action.ADD, [ANN])
    assert not may_have_applied(caught.value)
    assert len(grants(stage)) == 2


def test_refresh_tokens_that_change_are_kept_up_with(stage: Stage, audience: RemoteId) -> None:
    configure(stage, rotates_refresh_tokens=True)
    for number in range(1, 5):
        stage.clock.seconds += 3_600
        stage.send(audience, Action.ADD, [person(number)])
    used = [form["refresh_token"][0] for form in grants(stage)]
    assert used[0] == used[1] == "sandbox-snapchat-refresh"
    assert len(set(used[1:])) == 4


@pytest.mark.parametrize(
    "kind", ["reset", "hang", "cut", "broken_json", "empty", "html", "missing_fields", "refuse"]
)
def test_a_lost_answer_to_a_call_for_a_token_leaves_no_doubt(
    stage: Stage, audience: RemoteId, kind: str
) -> None:
    stage.clock.seconds += 3_600
    stage.arm(kind, path=TOKEN_PATH)
    (batch,) = stage.batches(audience, Action.ADD, [ANN])
    assert stage.connector.send(batch).unanswered_tries == 0
    stage.clock.seconds += 3_600
    stage.arm(kind, path=TOKEN_PATH, times=0)
    with pytest.raises(AudsyncError) as caught:
        stage.connector.create("buyers 2", "")
    assert caught.value.exit_code == 6
    assert not may_have_applied(caught.value)


def test_more_calls_in_a_second_than_allowed_are_spread(stage: Stage, audience: RemoteId) -> None:
    for _ in range(40):
        stage.connector.describe(audience)
    assert 429 in {call["status"] for call in calls(stage)}
    assert stage.clock.slept_s


def test_one_segment_more_than_an_account_holds_is_explained(
    stage: Stage, audience: RemoteId
) -> None:
    configure(stage, max_segments=1)
    with pytest.raises(ValidationError, match="1,000 segments"):
        stage.connector.create("buyers 2", "")
    assert stage.connector.find("buyers") == [audience]


REFUSALS: list[tuple[int, type[AudsyncError]]] = [
    (1001, ValidationError),
    (2001, ValidationError),
    (3002, PermissionDeniedError),
    (3004, AudienceGoneError),
    (4001, OutcomeUnknownError),
]


@pytest.mark.parametrize(("code", "expected"), REFUSALS)
@pytest.mark.parametrize("kind", ["error", "error_in_200"])
def test_a_refusal_means_the_same_in_both_forms(
    stage: Stage, audience: RemoteId, kind: str, code: int, expected: type[AudsyncError]
) -> None:
    stage.clock.seconds += 61  # no longer young: its absence is not waited for
    stage.arm(kind, code=code, times=0, path="/users")
    with pytest.raises(AudsyncError) as caught:
        stage.send(audience, Action.ADD, [ANN])
    assert type(caught.value) is expected
    assert stage.members(audience) == set()


@pytest.mark.parametrize("form", ["404", "410", "in_200"])
def test_a_deleted_list_is_gone_in_whatever_form(
    stage: Stage, audience: RemoteId, form: str
) -> None:
    configure(stage, missing_segment=form)
    stage.connector.delete(audience)
    stage.connector.delete(audience)
    for use in (stage.connector.describe, stage.connector.wipe):
        with pytest.raises(AudienceGoneError):
            use(audience)


def test_a_list_says_when_it_is_too_small_to_use(stage: Stage, audience: RemoteId) -> None:
    stage.send(audience, Action.ADD, [ANN])
    assert "PROCESSING" in stage.connector.describe(audience).note
    stage.clock.seconds += 86_400
    small = stage.connector.describe(audience)
    assert small.note == "targetable_status TOO_FEW_USERS"
    stage.send(audience, Action.ADD, [person(number) for number in range(2, 2_500)])
    stage.clock.seconds += 86_400
    large = stage.connector.describe(audience)
    assert large.note == ""
    assert (large.size_lower or 0) >= 1_000
