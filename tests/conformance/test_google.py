"""What only Google has: slow requests, a sweep by its clock, kinds of lists, service accounts."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from audsync.connectors import registry
from audsync.connectors.contract import Connector, HttpLimits
from audsync.domain import Action, Kind, Platform, RemoteId, SettlementState
from audsync.errors import (
    AudienceGoneError,
    AudsyncError,
    ConfigError,
    DuplicateNameError,
    RateLimitError,
)
from audsync.sandbox.transport import SandboxTransport
from tests.conformance.conftest import SUBJECTS, Person, Stage, one_value_each, person
from tests.unit.connectors.google.accounts import public_key, service_account

ANN, BEN, CEM = person(1), person(2), person(3)
MOBILE = {"list_kind": "mobile", "app_id": "com.example.shop", "key_space": "android"}

pytestmark = pytest.mark.parametrize(
    "stage",
    [subject for subject in SUBJECTS if subject.platform is Platform.GOOGLE],
    indirect=True,
    ids=["google"],
)


@pytest.fixture
def audience(stage: Stage) -> RemoteId:
    return stage.connector.create("buyers", "made by a test")


def configure(stage: Stage, **settings: object) -> None:
    stage.world.platforms["google"].configure(settings)


def connected(
    stage: Stage,
    *,
    account: str = "1234567890",
    options: Mapping[str, object] | None = None,
    credentials: Mapping[str, str] | None = None,
) -> Connector:
    usual = stage.subject.access
    access = replace(
        usual,
        account=account,
        options={**usual.options, **(options or {})},
        credentials=credentials or usual.credentials,
    )
    transport = SandboxTransport(stage.world)
    return registry.connect(
        Platform.GOOGLE, access, clock=stage.clock, limits=HttpLimits(), transport=transport
    )


def upload(stage: Stage, audience: RemoteId, *people: Person) -> str:
    (batch,) = stage.batches(audience, Action.ADD, list(people))
    receipt = stage.connector.send(batch)
    assert not receipt.is_settled
    return receipt.reference


def test_an_upload_is_pending_until_it_is_worked_off(stage: Stage, audience: RemoteId) -> None:
    reference = upload(stage, audience, ANN)
    assert stage.connector.settlement(audience, reference).state is SettlementState.PENDING
    stage.settle()
    assert stage.connector.settlement(audience, reference).state is SettlementState.CONFIRMED
    assert stage.members(audience) == stage.wire(ANN)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ({"status": "FAILED"}, SettlementState.REJECTED),
        (
            {
                "status": "PARTIAL_SUCCESS",
                "reason": "PROCESSING_ERROR_REASON_DENIED_CONSENT",
                "records": 1,
            },
            SettlementState.CONFIRMED,
        ),
        ({"status": "PARTIAL_SUCCESS", "records": 1}, SettlementState.REJECTED),
        ({"status": "PROCESSING"}, SettlementState.PENDING),
    ],
)
def test_what_became_of_an_upload_is_told(
    stage: Stage, audience: RemoteId, outcome: dict[str, object], state: SettlementState
) -> None:
    configure(stage, outcomes=[outcome])
    reference = upload(stage, audience, ANN, BEN)
    stage.settle()
    told = stage.connector.settlement(audience, reference)
    assert told.state is state
    assert told.rejected_rows == sum(told.reasons.values())
    if state is SettlementState.CONFIRMED:
        assert told.reasons == {"DENIED_CONSENT": 1}


def test_an_upload_that_google_has_forgotten_is_lost(stage: Stage, audience: RemoteId) -> None:
    reference = upload(stage, audience, ANN)
    stage.clock.seconds += 51 * 86_400
    for name in (reference, "126365e1-16d0-4c81-9de9-f362711e250a"):
        assert stage.connector.settlement(audience, name).state is SettlementState.LOST


def test_a_sweep_takes_out_whoever_was_not_added_since_the_mark(
    stage: Stage, audience: RemoteId
) -> None:
    upload(stage, audience, ANN, BEN)
    stage.settle()
    mark = stage.connector.clock_mark()
    upload(stage, audience, BEN, CEM)
    stage.settle()
    receipt = stage.connector.sweep(audience, mark)
    assert not receipt.is_settled
    stage.settle()
    outcome = stage.connector.settlement(audience, receipt.reference)
    assert outcome.state is SettlementState.CONFIRMED
    assert stage.members(audience) == stage.wire(BEN, CEM)


def test_a_mark_divides_even_what_is_added_a_moment_before_and_after(
    stage: Stage, audience: RemoteId
) -> None:
    upload(stage, audience, ANN)
    mark = stage.connector.clock_mark()
    upload(stage, audience, BEN)
    stage.settle()
    stage.connector.sweep(audience, mark)
    stage.settle()
    assert stage.members(audience) == stage.wire(BEN)


def test_a_member_that_google_refuses_costs_only_itself(stage: Stage, audience: RemoteId) -> None:
    wrong = {Kind.EMAIL: b"too short"}
    batches = stage.batches(audience, Action.ADD, [ANN, wrong, BEN, wrong])
    receipt = stage.connector.send(batches[0])
    assert (receipt.received_rows, receipt.refused_rows) == (2, (1, 3))
    assert stage.members(audience) == stage.wire(ANN, BEN)


@pytest.mark.parametrize(
    ("options", "kind", "value", "key"),
    [
        (MOBILE, Kind.MOBILE_ID, "aebe52e7-03ee-455a-b3c4-e57283966239", "MOBILE_ID"),
        ({"list_kind": "user_id"}, Kind.EXTERNAL_ID, 'crm "1"\\', "USER_ID"),
    ],
)
def test_each_kind_of_list_takes_its_own(
    stage: Stage, options: Mapping[str, object], kind: Kind, value: str, key: str
) -> None:
    connector = connected(stage, options=options)
    audience = connector.create("ids", "")
    stage.connector.create("ids too", "")
    assert connector.find("ids") == [audience]
    assert connector.find("ids too") == []
    subject = replace(stage.subject, keys={kind: (key, False)})
    there = replace(stage, subject=subject, connector=connector)
    row = {kind: value.encode()}
    there.send(audience, Action.ADD, [row])
    assert {text for _, text in there.members(audience)} == {value}
    there.send(audience, Action.REMOVE, [row])
    assert there.members(audience) == set()


def test_members_of_another_kind_than_the_list_are_a_matter_of_configuration(stage: Stage) -> None:
    audience = connected(stage, options={"list_kind": "user_id"}).create("ids", "")
    with pytest.raises(ConfigError):
        upload(stage, audience, ANN)


@pytest.mark.parametrize("status", [400, 409])
def test_a_name_that_is_taken_is_told(stage: Stage, audience: RemoteId, status: int) -> None:
    configure(stage, duplicate_name_status=status)
    with pytest.raises(DuplicateNameError):
        stage.connector.create("buyers", "")
    assert stage.connector.find("buyers") == [audience]


@pytest.mark.parametrize("words", ["NOT_FOUND", "PERMISSION_DENIED"])
def test_a_deleted_list_is_gone_in_both_of_googles_words(
    stage: Stage, audience: RemoteId, words: str
) -> None:
    configure(stage, missing_list=words)
    stage.connector.delete(audience)
    stage.connector.delete(audience)
    for call in (
        lambda: stage.connector.describe(audience),
        lambda: upload(stage, audience, ANN),
        lambda: stage.connector.sweep(audience, stage.clock.now()),
    ):
        with pytest.raises(AudienceGoneError):
            call()


def test_a_service_account_may_do_the_same(stage: Stage) -> None:
    email = "sync@example.iam.gserviceaccount.com"
    configure(stage, service_accounts=[{"email": email, "public_key": public_key()}])
    connector = connected(stage, credentials={"service_account": service_account()})
    connector.check_access()
    audience = connector.create("by a robot", "")
    assert connector.describe(audience).is_usable


def test_access_through_a_manager_account_names_it(stage: Stage) -> None:
    configure(
        stage,
        refresh_tokens=[{"value": "sandbox-google-refresh", "accounts": ["9876543210"]}],
    )
    connector = connected(stage, options={"login_account": "987-654-3210"})
    connector.check_access()
    audience = connector.create("from above", "")
    there = replace(stage, connector=connector)
    there.send(audience, Action.ADD, [ANN, BEN])
    there.send(audience, Action.REMOVE, one_value_each([BEN]))
    assert there.members(audience) == stage.wire(ANN)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"is_enabled": False}, "PERMISSION_DENIED"),
        (
            {"accounts": [{"id": "1234567890", "needs_eu_declaration": True}]},
            "PERMISSION_DENIED",
        ),
        ({"accounts": [{"id": "1234567890", "is_allowlisted": False}]}, "PERMISSION_DENIED"),
    ],
)
def test_what_a_person_must_mend_is_named_when_a_list_is_made(
    stage: Stage, settings: dict[str, object], code: str
) -> None:
    configure(stage, **settings)
    for call in (stage.connector.check_access, lambda: stage.connector.create("vip", "")):
        with pytest.raises(AudsyncError) as caught:
            call()
        assert (caught.value.code, caught.value.exit_code) == (code, 5)


def test_a_quota_of_a_minute_is_waited_for(stage: Stage, audience: RemoteId) -> None:
    configure(stage, quotas={"ingestion_mutate": {"per_minute": 1}})
    upload(stage, audience, ANN)
    upload(stage, audience, BEN)
    assert stage.clock.slept_s == [60]


def test_a_quota_of_a_day_is_left_to_a_later_run(stage: Stage, audience: RemoteId) -> None:
    configure(stage, quotas={"ingestion_mutate": {"per_day": 1}})
    upload(stage, audience, ANN)
    with pytest.raises(RateLimitError) as caught:
        upload(stage, audience, BEN)
    assert caught.value.details["retry_after_seconds"] == 3_600
    assert stage.clock.slept_s == []


def test_a_days_work_outlives_many_tokens(stage: Stage, audience: RemoteId) -> None:
    for number in range(1, 6):
        upload(stage, audience, person(number))
        stage.clock.seconds += 3_500
    assert len(stage.members(audience)) == 10


def test_sizes_and_match_rate_come_a_day_later(stage: Stage, audience: RemoteId) -> None:
    stage.send(audience, Action.ADD, [person(number) for number in range(1, 2_001)])
    assert stage.connector.describe(audience).size_upper is None
    stage.clock.seconds += 2 * 86_400
    told = stage.connector.describe(audience)
    assert told.size_lower is not None
    assert told.size_upper is not None
    assert 0 < told.size_lower <= told.size_upper <= 2_000
    assert told.matched_percent
