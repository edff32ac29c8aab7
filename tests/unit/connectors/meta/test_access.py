from datetime import UTC, datetime
from typing import Any

import pytest

from audsync.connectors.meta.access import check_account, check_token
from audsync.connectors.meta.failures import Scene
from audsync.errors import (
    AudsyncError,
    CredentialsError,
    CredentialsExpiredError,
    OutcomeUnknownError,
    PermissionDeniedError,
    TermsNotAcceptedError,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
THEN = int(NOW.timestamp())
SCENE = Scene(account="9001", api_version="v26.0", secrets=())
GOOD = {"id": "act_9001", "account_status": 1, "tos_accepted": {"custom_audience_tos": 1}}


@pytest.mark.parametrize("status", [1, 9])
def test_an_active_account_with_terms_accepted_is_fine(status: int) -> None:
    check_account({**GOOD, "account_status": status}, SCENE)


@pytest.mark.parametrize("status", [2, 3, 7, 8, 100, 101, 201])
def test_an_account_that_is_not_active_is_named(status: int) -> None:
    with pytest.raises(PermissionDeniedError, match="act_9001") as caught:
        check_account({**GOOD, "account_status": status}, SCENE)
    assert caught.value.details["account_status"] == status


@pytest.mark.parametrize("terms", [None, {}, {"custom_audience_tos": 0}, {"other": 1}])
def test_terms_not_accepted_lead_to_the_place_where_they_are(terms: object) -> None:
    with pytest.raises(TermsNotAcceptedError) as caught:
        check_account({**GOOD, "tos_accepted": terms}, SCENE)
    assert "act=9001" in caught.value.details["url"]


def test_an_account_without_a_status_is_no_answer() -> None:
    with pytest.raises(OutcomeUnknownError):
        check_account({"id": "act_9001"}, SCENE)


def facts(**changes: object) -> dict[str, Any]:
    return {"data": {"is_valid": True, "expires_at": 0, "scopes": ["ads_management"], **changes}}


def test_a_token_that_never_ends_has_no_end() -> None:
    assert check_token(facts(), SCENE, NOW) is None


def test_the_earlier_of_two_ends_counts() -> None:
    ends_at = check_token(facts(expires_at=THEN + 90, data_access_expires_at=THEN + 60), SCENE, NOW)
    assert ends_at == datetime.fromtimestamp(THEN + 60, UTC)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"expires_at": THEN}, CredentialsExpiredError),
        ({"data_access_expires_at": THEN - 1}, CredentialsExpiredError),
        ({"is_valid": False}, CredentialsError),
        ({"is_valid": False, "error": {"code": 190, "subcode": 460}}, CredentialsExpiredError),
        ({"is_valid": False, "error": {"code": 190, "message": "no"}}, CredentialsError),
        ({"scopes": ["ads_read"]}, PermissionDeniedError),
        ({"scopes": []}, PermissionDeniedError),
        ({"is_valid": None}, OutcomeUnknownError),
    ],
)
def test_a_token_that_will_not_do_is_named(
    changes: dict[str, object], expected: type[AudsyncError]
) -> None:
    with pytest.raises(AudsyncError) as caught:
        check_token(facts(**changes), SCENE, NOW)
    assert type(caught.value) is expected


@pytest.mark.parametrize("seconds", [10**30, -5, "soon", True])
def test_an_end_that_makes_no_sense_is_none(seconds: object) -> None:
    assert check_token(facts(expires_at=seconds), SCENE, NOW) is None
