"""What only Meta has: sessions of a replace, app secret proofs, versions, a budget in headers."""

from dataclasses import replace

import pytest

from audsync.connectors.contract import Connector
from audsync.domain import Action, Platform, RemoteId
from audsync.errors import (
    ConfigError,
    ConflictError,
    CredentialsError,
    PermissionDeniedError,
    RateLimitError,
    ValidationError,
)
from tests.conformance.conftest import SUBJECTS, Stage, one_value_each, person

ANN, BEN, CEM = person(1), person(2), person(3)
APP = {"app_id": "sandbox-app", "app_secret": "sandbox-app-secret"}

pytestmark = pytest.mark.parametrize(
    "stage",
    [subject for subject in SUBJECTS if subject.platform is Platform.META],
    indirect=True,
    ids=["meta"],
)


@pytest.fixture
def audience(stage: Stage) -> RemoteId:
    return stage.connector.create("buyers", "made by a test")


def configure(stage: Stage, **settings: object) -> None:
    stage.world.platforms["meta"].configure(settings)


def with_credentials(stage: Stage, **credentials: str) -> Connector:
    both = {**stage.subject.access.credentials, **credentials}
    return stage.connected(credentials=both)


def test_a_replace_left_open_keeps_others_out_until_its_session_is_closed(
    stage: Stage, audience: RemoteId
) -> None:
    first, _, _ = stage.batches(audience, Action.REPLACE, [ANN], [BEN], [CEM])
    stage.connector.send(first)
    assert not stage.connector.describe(audience).is_usable
    with pytest.raises(ConflictError):
        stage.send(audience, Action.ADD, [BEN])
    (filler,) = stage.batches(audience, Action.REPLACE, [ANN])
    later = stage.connected()
    later.close_session(audience, first.session, replace(filler, number=2))
    assert later.describe(audience).is_usable
    stage.send(audience, Action.ADD, [BEN])
    assert stage.members(audience) == stage.wire(ANN, BEN)


def test_closing_a_session_twice_or_one_that_never_began_is_no_error(
    stage: Stage, audience: RemoteId
) -> None:
    (batch,) = stage.batches(audience, Action.REPLACE, [ANN])
    stage.connector.send(batch)
    (filler,) = stage.batches(audience, Action.REPLACE, [ANN])
    stage.connector.close_session(audience, batch.session, replace(filler, number=2))
    stage.clock.seconds += 60  # while Meta populates, it takes no new replace
    stage.connector.close_session(audience, 424_242, replace(filler, number=2))
    assert stage.members(audience) == stage.wire(ANN)


def test_closing_a_session_that_timed_out_is_no_error(stage: Stage, audience: RemoteId) -> None:
    first, second = stage.batches(audience, Action.REPLACE, [ANN], [BEN])
    stage.connector.send(first)
    stage.clock.seconds += 91 * 60
    stage.connector.close_session(audience, first.session, second)


@pytest.mark.parametrize("kind", ["reset", "cut", "html", "hang"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_replace_survives_one_lost_answer(
    stage: Stage, audience: RemoteId, nth: int, kind: str
) -> None:
    stage.send(audience, Action.ADD, [CEM])
    stage.arm(kind, nth=nth, path="/usersreplace")
    batches = stage.batches(audience, Action.REPLACE, [ANN], [BEN], [person(9)])
    tries = [stage.connector.send(batch).unanswered_tries for batch in batches]
    assert sum(tries) == 1
    assert stage.members(audience) == stage.wire(ANN, BEN, person(9))


def test_where_the_app_wants_proof_only_its_secret_opens(stage: Stage) -> None:
    configure(stage, requires_proof=True)
    with pytest.raises(CredentialsError, match="app_secret"):
        stage.connector.create("buyers", "")
    with pytest.raises(CredentialsError, match="app_secret"):
        with_credentials(stage, app_secret="wrong").create("buyers", "")
    connector = with_credentials(stage, app_secret=APP["app_secret"])
    audience = connector.create("buyers", "")
    for batch in stage.batches(audience, Action.ADD, [ANN]):
        connector.send(batch)
    for batch in stage.batches(audience, Action.REMOVE, one_value_each([ANN])):
        connector.send(batch)
    assert connector.describe(audience).is_usable
    connector.delete(audience)


def test_the_check_tells_when_the_token_ends(stage: Stage) -> None:
    ends_at_s = stage.clock.now().timestamp() + 86_400
    configure(stage, tokens=[{"value": "sandbox-meta-token", "expires_at": ends_at_s}])
    for credentials in ({}, APP):
        ends_at = with_credentials(stage, **credentials).check_access()
        assert ends_at is not None
        assert ends_at.timestamp() == ends_at_s


def test_an_app_that_meta_does_not_know_is_told_at_the_check(stage: Stage) -> None:
    with pytest.raises(CredentialsError):
        with_credentials(stage, app_id="another", app_secret="wrong").check_access()


def test_a_retired_version_is_a_matter_of_configuration(stage: Stage) -> None:
    with pytest.raises(ConfigError, match=r"v24\.0"):
        stage.connected(api_version="v24.0").create("buyers", "")


def test_a_request_too_large_in_metas_older_words_asks_for_fewer_rows(
    stage: Stage, audience: RemoteId
) -> None:
    configure(stage, too_many_rows_code=1)
    with pytest.raises(ValidationError) as caught:
        stage.send(audience, Action.ADD, [person(number) for number in range(1, 10_002)])
    assert caught.value.details["reduce_rows"] is True


def test_a_removal_that_would_leave_too_few_is_explained(stage: Stage, audience: RemoteId) -> None:
    stage.send(audience, Action.ADD, [person(number) for number in range(1, 200)])
    configure(stage, smallest_audience=1_000)
    with pytest.raises(ValidationError, match="too few people"):
        stage.send(audience, Action.REMOVE, one_value_each([person(1)]))


def test_a_name_that_meta_flags_asks_for_another(stage: Stage) -> None:
    audience = stage.connector.create("loan seekers", "")
    assert not stage.connector.describe(audience).is_usable
    with pytest.raises(PermissionDeniedError, match="Rename"):
        stage.send(audience, Action.ADD, [ANN])


def test_a_budget_nearly_used_ends_the_work_before_meta_does(
    stage: Stage, audience: RemoteId
) -> None:
    configure(stage, budget_calls=20)

    def describe_often() -> None:
        for _ in range(40):
            stage.connector.describe(audience)

    with pytest.raises(RateLimitError) as caught:
        describe_often()
    assert caught.value.details["retry_after_seconds"] >= 500
    assert max(stage.clock.slept_s) == 20
