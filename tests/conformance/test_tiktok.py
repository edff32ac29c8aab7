"""What only TikTok has: cut names, states told in pieces, quotas without a word, a second path."""

import hashlib
from dataclasses import replace
from typing import Any

import httpx
import pytest

from audsync.connectors import registry
from audsync.connectors.contract import HttpLimits, may_have_applied
from audsync.domain import Action, Kind, Platform, RemoteId
from audsync.errors import (
    AudienceGoneError,
    AudsyncError,
    ConfigError,
    CredentialsError,
    MaintenanceError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    ValidationError,
)
from audsync.sandbox.transport import SandboxTransport
from tests.conformance.conftest import SUBJECTS, Stage, members_table, one_value_each, person

ANN, BEN = person(1), person(2)
HOUR_S = 3_600

pytestmark = pytest.mark.parametrize(
    "stage",
    [subject for subject in SUBJECTS if subject.platform is Platform.TIKTOK],
    indirect=True,
    ids=["tiktok"],
)


@pytest.fixture
def audience(stage: Stage) -> RemoteId:
    return stage.connector.create("buyers", "")


def configure(stage: Stage, **settings: object) -> None:
    stage.world.platforms["tiktok"].configure(settings)


def call(stage: Stage, path: str, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx's own
    """A call beside the connector, as a person's own script might make it."""
    with httpx.Client(transport=SandboxTransport(stage.world)) as http:
        answer = http.post(
            f"http://sandbox/tiktok/open_api/v1.3/{path}/",
            headers={"Access-Token": "sandbox-tiktok-token"},
            **request,
        ).json()
    assert answer["code"] == 0
    data: dict[str, Any] = answer["data"]
    return data


def audience_of_files(stage: Stage, people: int) -> RemoteId:
    """A customer file audience, made without the connector."""
    account = stage.subject.access.account
    text = "".join(f"{number:064x}\n" for number in range(1, people + 1)).encode()
    form = {
        "advertiser_id": account,
        "calculate_type": "EMAIL_SHA256",
        "file_signature": hashlib.md5(text, usedforsecurity=False).hexdigest(),
    }
    path = call(
        stage, "dmp/custom_audience/file/upload", data=form, files={"file": ("a.csv", text)}
    )["file_path"]
    wanted = {
        "advertiser_id": account,
        "custom_audience_name": "buyers",
        "calculate_type": "EMAIL_SHA256",
        "file_paths": [path],
    }
    return RemoteId(call(stage, "dmp/custom_audience/create", json=wanted)["custom_audience_id"])


def test_a_name_that_tiktok_cuts_is_found_by_what_was_asked_for(stage: Stage) -> None:
    long = "b" * 100
    audience = stage.connector.create(long, "")
    assert stage.connector.describe(audience).name == "b" * 67 + "..."
    assert stage.connector.find(long) == [audience]
    whole = stage.connector.create("c" * 70, "")
    assert stage.connector.find("c" * 70) == [whole]


def test_an_audience_tells_how_it_grows_useful_and_old(stage: Stage, audience: RemoteId) -> None:
    fresh = stage.connector.describe(audience)
    assert "being matched" in fresh.note
    assert fresh.size_upper is None
    stage.send(audience, Action.ADD, [ANN])
    stage.clock.seconds += 49 * HOUR_S
    small = stage.connector.describe(audience)
    assert "too small" in small.note
    assert small.is_usable
    stage.send(audience, Action.ADD, [person(number) for number in range(1, 2_001)])
    stage.clock.seconds += 49 * HOUR_S
    good = stage.connector.describe(audience)
    assert good.note == ""
    assert good.size_lower is not None
    assert good.size_lower >= 1_000
    stage.clock.seconds += 400 * 24 * HOUR_S
    assert "expired" in stage.connector.describe(audience).note


def test_all_device_ids_travel_under_one_label(stage: Stage, audience: RemoteId) -> None:
    device = bytes(range(32))
    (batch,) = stage.batches(audience, Action.ADD, [{Kind.EMAIL: device}, ANN])
    members = members_table([{Kind.MOBILE_ID: device}, {Kind.EMAIL: ANN[Kind.EMAIL]}])
    stage.connector.send(replace(batch, kinds=(Kind.EMAIL, Kind.MOBILE_ID), members=members))
    assert stage.members(audience) == {
        ("EMAIL_SHA256", ANN[Kind.EMAIL].hex()),
        ("IDFA_SHA256", device.hex()),
    }


@pytest.mark.parametrize("level", ["calls_per_s", "advertiser_calls_per_s"])
def test_a_quota_of_a_second_is_waited_for(stage: Stage, audience: RemoteId, level: str) -> None:
    configure(stage, **{level: 2})
    for number in range(1, 7):
        stage.send(audience, Action.ADD, [person(number)])
    assert len(stage.members(audience)) == 12
    assert stage.clock.slept_s
    assert max(stage.clock.slept_s) <= 2


def test_a_quota_of_a_minute_or_a_day_ends_the_work(stage: Stage, audience: RemoteId) -> None:
    configure(stage, calls_per_min=1, calls_per_day=3)
    groups = [[person(number)] for number in range(1, 7)]
    with pytest.raises(RateLimitError) as caught:
        stage.send(audience, Action.ADD, *groups)
    assert caught.value.details["retry_after_seconds"] == 300
    assert not may_have_applied(caught.value)


def test_an_app_that_may_not_stream_is_told_so(stage: Stage, audience: RemoteId) -> None:
    configure(stage, may_stream=False)
    for action in (
        lambda: stage.connector.create("buyers", ""),
        lambda: stage.send(audience, Action.ADD, [ANN]),
    ):
        with pytest.raises(PermissionDeniedError, match="Streaming API"):
            action()


def test_a_token_that_may_only_read_shows_when_it_writes(stage: Stage, audience: RemoteId) -> None:
    configure(stage, tokens=[{"value": "sandbox-tiktok-token", "scopes": [30]}])
    assert stage.connector.check_access() is None
    with pytest.raises(PermissionDeniedError, match="31"):
        stage.send(audience, Action.ADD, [ANN])


def test_an_account_that_is_full_is_told_so(stage: Stage, audience: RemoteId) -> None:
    configure(stage, max_audiences=1)
    with pytest.raises(ValidationError, match="400"):
        stage.connector.create("another", "")
    assert stage.connector.find("buyers") == [audience]


@pytest.mark.parametrize("code", [40061, 40011])
def test_too_many_rows_ask_for_fewer_under_each_code(
    stage: Stage, audience: RemoteId, code: int
) -> None:
    configure(stage, too_many_rows_code=code)
    with pytest.raises(ValidationError) as caught:
        stage.send(audience, Action.ADD, [person(number) for number in range(1, 10_002)])
    assert caught.value.details["reduce_rows"] is True


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (40001, PermissionDeniedError),
        (40104, CredentialsError),
        (40999, ValidationError),
        (41001, ConfigError),
        (60001, MaintenanceError),
    ],
)
def test_what_proves_that_nothing_was_done_is_told_as_that(
    stage: Stage, audience: RemoteId, code: int, expected: type[AudsyncError]
) -> None:
    stage.arm("error", code=code, status=200, times=0, path="/segment/mapping/")
    with pytest.raises(expected) as caught:
        stage.send(audience, Action.ADD, [ANN])
    assert not may_have_applied(caught.value)
    assert stage.members(audience) == set()


@pytest.mark.parametrize("code", [20001, 40050, 50000, 51003, 52001, 69999])
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_may_have_been_done_is_said_again(
    stage: Stage, audience: RemoteId, code: int, when: str
) -> None:
    rule = {"code": code, "status": 200, "when": when, "path": "/segment/mapping/"}
    stage.arm("error", **rule)
    (batch,) = stage.batches(audience, Action.ADD, [ANN])
    assert stage.connector.send(batch).unanswered_tries == 1
    assert stage.members(audience) == stage.wire(ANN)
    stage.arm("error", times=0, **rule)
    with pytest.raises(OutcomeUnknownError):
        stage.send(audience, Action.REMOVE, one_value_each([ANN]))


def test_an_audience_of_files_is_neither_taken_for_ours_nor_for_gone(stage: Stage) -> None:
    files = audience_of_files(stage, 2_000)
    assert stage.connector.find("buyers") == []
    described = stage.connector.describe(files)
    assert not described.is_usable
    assert "Customer File" in described.note
    with pytest.raises(ValidationError, match="streamed"):
        stage.send(files, Action.ADD, [ANN])


def test_an_audience_of_another_account_stays_as_it_is(stage: Stage, audience: RemoteId) -> None:
    other = "7000000000000000002"
    configure(stage, advertisers=[{"id": stage.subject.access.account}, {"id": other}])
    connector = registry.connect(
        Platform.TIKTOK,
        replace(stage.subject.access, account=other),
        clock=stage.clock,
        limits=HttpLimits(),
        transport=SandboxTransport(stage.world),
    )
    (batch,) = stage.batches(audience, Action.ADD, [ANN])
    with pytest.raises((AudienceGoneError, PermissionDeniedError)):
        connector.send(batch)
    assert connector.find("buyers") == []
    assert stage.members(audience) == set()
